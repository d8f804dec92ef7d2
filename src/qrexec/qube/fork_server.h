/* The fork server's socket and its handlers; see fork_server_main.c. */
#ifndef BULKHEAD_QREXEC_FORK_SERVER_H
#define BULKHEAD_QREXEC_FORK_SERVER_H

#include "base/err.h"
#include "base/loop.h"

struct fork_server;

/* Listens. NULL with the error. */
struct fork_server *fork_server_create(struct loop *loop, const char *path, struct err *err);

/* Removes the socket; calls under way go on. */
void fork_server_destroy(struct fork_server *server);

#endif
