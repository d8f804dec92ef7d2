/*
 * Connecting to a unix socket of this host without ever waiting for its listener: the kernel
 * makes a connect() wait when the backlog is full, and a listener that stalls must not stall
 * whoever serves others, too.
 */
#ifndef BULKHEAD_BASE_LOCAL_CONNECT_H
#define BULKHEAD_BASE_LOCAL_CONNECT_H

#include "base/err.h"
#include "base/loop.h"

#define LOCAL_CONNECT_TIMEOUT_MS 10000

/*
 * One attempt: a connected, non-blocking, close-on-exec descriptor, or a negative errno; -EAGAIN
 * when as many wait as the listener lets wait.
 */
int local_connect_now(const char *path);
/* The same; -1 with the error. */
int local_connect(const char *path, struct err *err);

/* fd_or_error: a descriptor as above that now is the callee's, or a negative errno. Called once;
 * destroy the object there or later. */
typedef void (*local_connect_callback)(int fd_or_error, void *data);

struct local_connect;

/* Begins, and tries again while the listener is busy; the callback comes from the loop. NULL with
 * errno set. */
struct local_connect *local_connect_create(
	struct loop *loop, const char *path, local_connect_callback callback, void *data);
void local_connect_destroy(struct local_connect *connect);

#endif
