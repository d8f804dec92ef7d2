/*
 * What a caller that is not dom0 gets to see in lists and events (spec admin-api.md 9.3): the
 * qubes that the policy would let it ask about. Without a usable policy it sees nothing.
 */
#ifndef BULKHEAD_ADMIN_API_VISIBILITY_H
#define BULKHEAD_ADMIN_API_VISIBILITY_H

#include <stdbool.h>

struct api;
struct event;
struct visibility;

/* Whether the policy allows `source` (by name) to call `service` of the qube; ask is no. */
bool api_may_see(struct api *api, const char *source, const char *service, const char *qube_name);

/* Whether the caller may hear of the event. */
bool api_may_hear(struct api *api, const char *source, const struct event *event);

/* NULL is fine. */
void visibility_destroy(struct visibility *v);

#endif
