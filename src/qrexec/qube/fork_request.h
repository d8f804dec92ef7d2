/*
 * Asking the fork server of a user's session to carry a call, protocol section 2.8. There is no
 * answer: the end of the connection is the end of the call.
 */
#ifndef BULKHEAD_QREXEC_FORK_REQUEST_H
#define BULKHEAD_QREXEC_FORK_REQUEST_H

#include <stdint.h>

#include "base/buf.h"
#include "base/loop.h"

#define FORK_SERVER_PATTERN "/run/qubes/qrexec-server.%s.sock"
#define FORK_HEADER_BYTES 16
#define FORK_COMMAND_MAX 131072 /* with its NUL */

struct fork_request;
typedef void (*fork_request_callback)(struct fork_request *request, void *data);

/*
 * Connects and sends. NULL when there is no such server, or it takes no connection now: then the
 * caller carries the call itself. `pattern` NULL: the default.
 */
struct fork_request *fork_request_create(struct loop *loop, const char *pattern, const char *user,
	uint32_t type, uint32_t domain, uint32_t port, const char *command,
	fork_request_callback handle_end, void *data);
void fork_request_destroy(struct fork_request *request);

/* The socket of a user's fork server; the caller frees it. NULL when the name cannot be one. */
char *fork_server_path(const char *pattern, const char *user);

/* The request as bytes, in the machine's own order; and taken apart again. */
int fork_request_put(
	struct buf *out, uint32_t type, uint32_t domain, uint32_t port, const char *command);

/* 0; -EAGAIN; -EBADMSG (no command, no NUL at its end or one within). The caller frees. */
int fork_request_get(struct buf *in, uint32_t *ret_type, uint32_t *ret_domain, uint32_t *ret_port,
	char **ret_command);

#endif
