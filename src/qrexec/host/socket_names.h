/*
 * Under which names a qube's daemon can be reached (spec qrexec.md 1.2): the socket
 * qrexec.<domain number> and two relative links to it, by name and by UUID. That the names are
 * there means that the qube's agent can be reached: others test just that.
 */
#ifndef BULKHEAD_QREXEC_HOST_SOCKET_NAMES_H
#define BULKHEAD_QREXEC_HOST_SOCKET_NAMES_H

#include <stdbool.h>

#include "base/err.h"

/* The directory to use: the one given, or /run/qubes. The caller frees it. */
char *socket_directory(const char *given);

/* Whether the text can name a daemon: a name, "uuid:" and a UUID, or a number; never a path. */
bool socket_target_valid(const char *target);

/* Path of the socket of a valid target in the directory; the caller frees it. */
char *socket_target_path(const char *directory, const char *target);

struct socket_names {
	char *socket; /* paths, owned */
	char *name_link;
	char *uuid_link;
};

/* Binds, listens, links. A non-blocking descriptor, or -1 with the error and nothing left. */
int socket_names_create(const char *directory, int domain, const char *name, const char *uuid,
	struct socket_names *ret_names, struct err *err);

/* Removes what still is ours: a newer daemon may have taken the links over. */
void socket_names_remove(struct socket_names *names);

#endif
