/* What a copy of a frozen qube is told when it goes on (docs/protocols/identity.md). */
#ifndef BULKHEAD_ADMIN_LIFECYCLE_IDENTITY_H
#define BULKHEAD_ADMIN_LIFECYCLE_IDENTITY_H

#include "base/err.h"

/* Connects to the machine's port for it. The descriptor, or -1 with the error. */
int identity_connect(const char *run_directory, struct err *err);
/* Sends it, with the time and randomness of this moment; never blocks. 0 or -1 with the error. */
int identity_send(int fd, const char *command_line, struct err *err);

#endif
