/*
 * A call of dom0 to a service of a running qube: a few bytes in, and of what the qube says nothing
 * is read but the exit status.
 */
#ifndef BULKHEAD_ADMIN_LIFECYCLE_SERVICE_CALL_H
#define BULKHEAD_ADMIN_LIFECYCLE_SERVICE_CALL_H

#include "admin/lifecycle/lifecycle.h"

struct service_call;

struct service_request {
	const char *service;
	const char *user;  /* NULL: the qube's default user */
	const char *input; /* fits into a pipe; NULL: none */
	unsigned int timeout_ms;
};

/*
 * `done` comes once, later: NULL for exit status 0; ENOENT where there is no such service,
 * ETIMEDOUT, EIO. NULL with the error if nothing was started.
 */
struct service_call *service_call_start(struct lifecycle *l, const struct qube *q,
	const struct service_request *request, lifecycle_done done, void *data, struct err *err);
/* Ends the call, without an answer if it has not come yet; never needed after it. NULL is fine. */
void service_call_destroy(struct service_call *c);

#endif
