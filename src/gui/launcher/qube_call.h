/* Calls of dom0 to services of a qube that take a few lines and say nothing. */
#ifndef BULKHEAD_GUI_QUBE_CALL_H
#define BULKHEAD_GUI_QUBE_CALL_H

#include <stddef.h>

#include "base/loop.h"

/* Sends the bytes; the child that does it ends by itself. Without a loop nobody reaps it. */
void qube_call_start(
	struct loop *loop, const char *qube, const char *service, const void *bytes, size_t size);

#endif
