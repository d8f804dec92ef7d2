/* Telling the user of outcomes through the policy agent (policy.Notify, spec qrexec.md 7.1):
 * each on a connection of its own, limited by the qube it is about. */
#ifndef BULKHEAD_QREXEC_POLICY_AGENT_NOTICE_H
#define BULKHEAD_QREXEC_POLICY_AGENT_NOTICE_H

#include "qrexec/policy/courier.h"
#include "qrexec/policy/policy.h"

/* Notifications about one qube: so many at once, then one in an interval. */
#define NOTIFICATIONS_BURST 5
#define NOTIFICATIONS_INTERVAL_MS 10000

struct agent_notices;

/* `courier` is borrowed. Never NULL. */
struct agent_notices *agent_notices_create(struct loop *loop, struct courier *courier);
void agent_notices_destroy(struct agent_notices *n);

/* A failure is only logged. */
void agent_notices_send(struct agent_notices *n, const struct policy_notification *notification);

#endif
