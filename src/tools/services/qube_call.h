/* A call from dom0 to a qube whose answer is gathered, with limits of size and of time. */
#ifndef BULKHEAD_TOOLS_SERVICES_QUBE_CALL_H
#define BULKHEAD_TOOLS_SERVICES_QUBE_CALL_H

#include "base/buf.h"
#include "base/err.h"

/*
 * Calls SERVICE[+ARGUMENT] as the qube's user with `input` as its stdin. The answer is appended
 * to `answer`, whose maximum is the limit. 0 when the service ended with status 0 in time and all
 * fitted; else -1 with the error.
 */
int qube_call(const char *qube, const char *service, const char *input, int timeout_ms,
	struct buf *answer, struct err *err);

#endif
