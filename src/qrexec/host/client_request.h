/* One request to a qube's daemon, from a program that may wait for it (spec qrexec.md 2.6). */
#ifndef BULKHEAD_QREXEC_HOST_CLIENT_REQUEST_H
#define BULKHEAD_QREXEC_HOST_CLIENT_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct client_request {
	const char *socket_directory; /* NULL: /run/qubes */
	const char *target;           /* name, "uuid:" and a UUID, or a domain number */
	uint32_t type;
	uint32_t domain; /* who the other end of the data channel will be; 0: dom0 */
	uint32_t port;   /* 0: to be allocated */
	const void *text;
	size_t size; /* with the closing NUL */
};

/*
 * Connects and sends. The connection, or -1 with the error (code ENOENT or ECONNREFUSED: there is
 * no daemon).
 */
int client_request_send(const struct client_request *request, struct err *err);

/*
 * Waits at most timeout_ms (0: for ever) on the connection for the answer to a request of that
 * type that had no port; target is for messages. 0, or -1 with the error.
 */
int client_request_await(int fd, uint32_t type, const char *target, int timeout_ms,
	uint32_t *ret_domain, uint32_t *ret_port, struct err *err);

/* Waits for the end of the call that a request began. */
void client_request_await_end(int fd);

#endif
