/* Reading all that comes, up to a limit; blocking, for tools. */
#ifndef BULKHEAD_QREXEC_POLICY_TOOLS_INPUT_H
#define BULKHEAD_QREXEC_POLICY_TOOLS_INPUT_H

#include "base/buf.h"
#include "base/err.h"

/* Appends until the end; more than there is room for is an error. 0 or -1 with the error. */
int input_read_all(int fd, struct buf *ret, struct err *err);

#endif
