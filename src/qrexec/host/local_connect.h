/*
 * Connecting to a unix socket of this host without ever waiting for its listener: the kernel
 * makes a connect() wait when the backlog is full, and a stalled daemon of one qube must not
 * stall that of another.
 */
#ifndef BULKHEAD_QREXEC_HOST_LOCAL_CONNECT_H
#define BULKHEAD_QREXEC_HOST_LOCAL_CONNECT_H

#include "base/loop.h"

#define LOCAL_CONNECT_TIMEOUT_MS 10000

/* fd_or_error: a connected, non-blocking, close-on-exec descriptor that now is the callee's, or
 * a negative errno. Called once; destroy the object there or later. */
typedef void (*local_connect_callback)(int fd_or_error, void *data);

struct local_connect;

/* Begins; the callback comes from the loop. NULL with errno set. */
struct local_connect *local_connect_create(
	struct loop *loop, const char *path, local_connect_callback callback, void *data);
void local_connect_destroy(struct local_connect *connect);

#endif
