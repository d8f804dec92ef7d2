/* The command line of qrexec-daemon and the variables that belong to it (spec qrexec.md 4.8). */
#ifndef BULKHEAD_QREXEC_HOST_DAEMON_OPTIONS_H
#define BULKHEAD_QREXEC_HOST_DAEMON_OPTIONS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

#define DAEMON_STARTUP_TIMEOUT_S 60
#define DAEMON_DEFAULT_USER "user"
#define DAEMON_NO_FD (-1)

struct daemon_options {
	bool help;
	bool quiet;
	bool foreground;
	const char *socket_directory; /* NULL: /run/qubes */
	const char *policy_program;   /* NULL: none */
	const char *uuid;
	int ready_fd;     /* gets one newline when the agent is connected; DAEMON_NO_FD */
	uid_t reader_uid; /* of the process that reads what the qube says; (uid_t)-1: ours */
	int domain;
	const char *name;
	const char *default_user;
	/* Seconds to wait for the agent; 0: for ever, as in the foreground when nothing is said. */
	unsigned int startup_timeout_s;
	bool startup_nowait;
};

extern const char daemon_usage[];

/* The texts are borrowed from argv. 0, or -1 with the error. */
int daemon_options_parse(
	int argc, char *const *argv, struct daemon_options *ret_options, struct err *err);

#endif
