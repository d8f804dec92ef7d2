/*
 * Asking another qube's daemon to start a command there for a third party (spec qrexec.md 2.6):
 * connect, HELLO, EXEC_CMDLINE, and the answer says where the data channel will be. While the
 * connection stays open its end tells that the call is over.
 */
#ifndef BULKHEAD_QREXEC_HOST_EXEC_REQUEST_H
#define BULKHEAD_QREXEC_HOST_EXEC_REQUEST_H

#include <stdint.h>

#include "base/loop.h"

/* From the connection to the answer; the daemon answers from its own tables. */
#define EXEC_REQUEST_TIMEOUT_MS 10000

struct exec_request_handler {
	/* The daemon took the command: its qube's agent will join (domain, port). */
	void (*handle_accepted)(uint32_t domain, uint32_t port, void *data);
	/*
	 * Before acceptance: it failed (negative errno; ENOENT and ECONNREFUSED: there is no
	 * daemon). After acceptance: the call is over (0). Destroy the request inside.
	 */
	void (*handle_end)(int error, void *data);
};

struct exec_request;

/*
 * socket_path: of the daemon; caller_domain: who will be the other end. NULL with errno set.
 * The request may be destroyed at any time, also inside its callbacks.
 */
struct exec_request *exec_request_create(struct loop *loop, const char *socket_path,
	uint32_t caller_domain, const char *command, const struct exec_request_handler *handler,
	void *data);
void exec_request_destroy(struct exec_request *request);

#endif
