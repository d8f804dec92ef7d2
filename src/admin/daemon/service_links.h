/*
 * The Admin API as services of dom0 (spec admin-api.md 9.1): each method's name in the service
 * directory leads to bulkheadd's socket, so that a call which the policy allowed reaches it with
 * the caller's name.
 */
#ifndef BULKHEAD_ADMIN_DAEMON_SERVICE_LINKS_H
#define BULKHEAD_ADMIN_DAEMON_SERVICE_LINKS_H

#include "base/err.h"

/*
 * Makes one link a method in /run/qubes-rpc, and one a service of the policy (policy.*), and
 * removes links of methods that are no more. What is no link to the socket is somebody else's and
 * stays. 0 or -1 with the error.
 */
int service_links_make(struct err *err);

#endif
