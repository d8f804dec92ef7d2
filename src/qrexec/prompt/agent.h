/* The agent behind its socket: connections, and the processes that show them. */
#ifndef BULKHEAD_QREXEC_PROMPT_AGENT_H
#define BULKHEAD_QREXEC_PROMPT_AGENT_H

#include <stdbool.h>

#include "base/err.h"
#include "base/loop.h"

/* Connections that wait for the prompt before them; more are closed, which is a refusal. */
#define AGENT_MAX_WAITING 64
/* Notifications being shown; more are closed. */
#define AGENT_MAX_NOTICES 4
/* For the header to come. */
#define AGENT_HEADER_TIMEOUT_MS 10000

/* Borrowed texts. */
struct agent_config {
	const char *socket_path;
	const char *program_directory;
	const char *display;
	bool tty;
};

struct agent;

/* NULL with the error. The configuration is borrowed. */
struct agent *agent_create(struct loop *loop, const struct agent_config *config, struct err *err);
void agent_destroy(struct agent *a);

#endif
