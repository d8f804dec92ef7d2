/* The command line of qrexec-client (spec qrexec.md 4.8). */
#ifndef BULKHEAD_QREXEC_HOST_CLIENT_OPTIONS_H
#define BULKHEAD_QREXEC_HOST_CLIENT_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* -c ID,NAME,NUMBER: whom to connect the command to. */
struct client_source {
	char *request_id; /* owned */
	char *name;       /* owned */
	uint32_t domain;
};

struct client_options {
	bool help;
	const char *target;
	const char *command;
	const char *local_program;
	bool connect_existing; /* -c was given: */
	struct client_source source;
	bool just_exec;
	bool ignore_exit_code;
	bool filter_stdout;
	bool filter_stderr;
	bool wait_for_end;
	bool kill_target;
	int connect_timeout_ms; /* 0: none */
	const char *prefix;
	const char *socket_directory;
	bool use_stdin_socket;
};

extern const char client_usage[];

/* Other texts are borrowed from argv. 0, or -1 with the error. */
int client_options_parse(
	int argc, char *const *argv, struct client_options *ret_options, struct err *err);
void client_options_finish(struct client_options *options);

/* Whether the target is dom0 itself, under any of its names. */
bool client_target_is_dom0(const char *target);

#endif
