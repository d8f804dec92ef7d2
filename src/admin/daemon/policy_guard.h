/*
 * Sees to it that somebody answers on the policy socket: whoever listens there is watched, a
 * service of the system as well as one that we or an earlier bulkheadd started; when nobody does,
 * a qrexec-policy-daemon is started, and again after each crash. Meanwhile calls are refused.
 */
#ifndef BULKHEAD_ADMIN_DAEMON_POLICY_GUARD_H
#define BULKHEAD_ADMIN_DAEMON_POLICY_GUARD_H

#include <stdbool.h>

#include "base/err.h"

struct loop;
struct policy_guard;

/*
 * Begins; a private root without policy first gets what was installed. Failures to start are
 * logged and tried again. NULL with the error.
 */
struct policy_guard *policy_guard_create(struct loop *loop, struct err *err);

/* Ends a daemon that was started here when `end_own`; else it goes on, unwatched. NULL is fine. */
void policy_guard_destroy(struct policy_guard *g, bool end_own);

#endif
