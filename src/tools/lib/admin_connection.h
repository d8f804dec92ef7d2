/*
 * The way a request travels: a socket of the daemon, or the pipes of a qrexec-client-vm. Both
 * ends of it are non-blocking; a request goes out, the answer comes in up to its end.
 */
#ifndef BULKHEAD_TOOLS_LIB_ADMIN_CONNECTION_H
#define BULKHEAD_TOOLS_LIB_ADMIN_CONNECTION_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "tools/lib/admin_client.h"

struct admin_connection {
	int write_fd; /* -1 once the request is out */
	int read_fd;  /* may be the same descriptor */
	pid_t child;  /* qrexec-client-vm, or 0 */
	struct buf out;
	struct buf in;
	bool ended; /* the peer has said everything */
};

/* Opens the way and queues the request. NULL with the error. */
struct admin_connection *admin_connection_open(const struct admin_call *call, struct err *err);
void admin_connection_close(struct admin_connection *c);

/* Moves what can be moved without waiting. 0, or -1 with the error. */
int admin_connection_advance(struct admin_connection *c, struct err *err);

#endif
