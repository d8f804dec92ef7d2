/*
 * The caller in dom0: starts a command or service in a qube and is its other end until it is over.
 * qrexec-client is a command line around this; tools that would start qrexec-client use it in
 * their own process.
 */
#ifndef BULKHEAD_QREXEC_HOST_CLIENT_H
#define BULKHEAD_QREXEC_HOST_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* How long a caller waits for the qube to join the data channel (spec qrexec.md 2.13). */
#define CLIENT_CONNECT_TIMEOUT_MS 10000

struct client_call {
	const char *target;           /* name, "uuid:" and a UUID, or a domain number */
	const char *command;          /* "USER:COMMAND" or "USER:QUBESRPC SERVICE SOURCE" */
	const char *socket_directory; /* NULL: /run/qubes */
	const char *local_program; /* runs with its stdin and stdout joined to the call, or NULL */
	int stdin_fd, stdout_fd, stderr_fd; /* borrowed; not used with local_program */
	const void *prefix;                 /* sent before anything from stdin */
	size_t prefix_size;
	bool just_exec;       /* start it and do not wait */
	bool stdin_is_socket; /* stdin_fd carries both directions */
	bool give_streams;    /* stdin_fd and stdout_fd become ours: each is closed at its end */
	bool filter_stdout;   /* make terminal control bytes harmless */
	bool filter_stderr;
	int connect_timeout_ms; /* 0: no limit */
};

#define CLIENT_CALL_INIT                                                                           \
	{                                                                                          \
		.stdin_fd = 0, .stdout_fd = 1, .stderr_fd = 2,                                     \
		.connect_timeout_ms = CLIENT_CONNECT_TIMEOUT_MS                                    \
	}

/*
 * Makes the whole call, blocking. Returns its exit status 0..255, or -1 with the error when it
 * could not be arranged (code ENOENT or ECONNREFUSED: no daemon, that is: the qube's agent is not
 * reachable). Blocks SIGCHLD and ignores SIGPIPE while it runs.
 */
int client_call(const struct client_call *call, struct err *err);

#endif
