/*
 * What a handler asks of a user's session: start this program with these three streams. One
 * SOCK_SEQPACKET message with four descriptors: stdin, stdout, stderr, and a socket on which the
 * session answers. Both ends are ours, installed together: the form may change with them.
 *
 * The answer is one int: when `detached`, 0 or the exit code of a failed start; else the wait
 * status of the program once it has ended (a start that failed looks like an early exit).
 */
#ifndef BULKHEAD_QREXEC_SESSION_REQUEST_H
#define BULKHEAD_QREXEC_SESSION_REQUEST_H

#include <stdbool.h>

#include "base/buf.h"

#define SESSION_REQUEST_MAX 196608
#define SESSION_REQUEST_FDS 4
#define SESSION_VARIABLES_MAX 16

struct session_request {
	bool detached;
	bool shell;           /* `program` is a command line for the user's shell */
	const char *program;  /* else the path of an executable */
	const char *argument; /* NULL: none */
	const char *environment[SESSION_VARIABLES_MAX + 1]; /* added to the session's own */
	int fds[SESSION_REQUEST_FDS];
};

/* 0 or a negative errno. The descriptors stay the caller's. */
int session_request_send(int socket_fd, const struct session_request *request);

/*
 * Receives one into `message`, of which the texts are parts: they are valid until it changes.
 * 1; 0 at the end of all senders; -EAGAIN; -EBADMSG. The descriptors are the caller's to close.
 */
int session_request_receive(
	int socket_fd, struct buf *message, struct session_request *ret_request);

#endif
