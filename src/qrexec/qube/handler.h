/*
 * One call, in a process that has nothing else to do meanwhile: joins the data channel, starts what
 * was asked for, carries its streams. Used by the agent and by the fork server; what differs
 * between them is how a program is started.
 */
#ifndef BULKHEAD_QREXEC_HANDLER_H
#define BULKHEAD_QREXEC_HANDLER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "qrexec/common/program.h"
#include "qrexec/common/rpc_config.h"
#include "qrexec/common/service.h"

/* A started program: either our child, or one of a session that tells its end on status_fd. */
struct launched {
	pid_t child;   /* 0: not ours */
	int status_fd; /* -1: ours */
};

/* What to start: the executable of a service, or a shell command when `path` is NULL. */
struct launch {
	const struct command *command;
	const char *path;
	int stdio[3]; /* -1: /dev/null */
};

struct handler {
	uint32_t type; /* EXEC_CMDLINE or JUST_EXEC */
	uint32_t domain;
	uint32_t port;
	const struct command *command; /* NULL: it was not valid */
	const struct rpc_config *config;

	/* Starts a program. 0; QREXEC_EXIT_PROBLEM or QREXEC_EXIT_NOT_FOUND, already logged. */
	int (*launch)(const struct handler *handler, const struct launch *launch,
		struct launched *ret_launched);
	const void *launch_data;

	bool copy_errors; /* stderr goes to the system's log as well */
};

/* Carries the call to its end. 0, or 1 when it failed in a way that the caller was not told. */
int handler_run(const struct handler *handler);

/*
 * Starts without changing users: services directly, shell commands by `shell` -c. For the fork
 * server and for an agent that may not, or need not, become someone else.
 */
int launch_direct(const struct launch *launch, const char *shell, struct launched *ret_launched);

#endif
