/* admin.vm.Stats (spec admin-api.md 11.4): what running qubes use, sent at an interval. */
#ifndef BULKHEAD_ADMIN_API_STATS_H
#define BULKHEAD_ADMIN_API_STATS_H

struct api;
struct client;
struct stats;
struct stats_listener;

/*
 * Sends samples to the client from now on: of all that run, or with a name of that qube, and then
 * an error when it does not run (any more). The client owns the listener.
 */
struct stats_listener *stats_listen(struct api *api, struct client *c, const char *subject);
/* NULL is fine. */
void stats_unlisten(struct stats_listener *listener);

void stats_destroy(struct stats *stats);

#endif
