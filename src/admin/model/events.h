/*
 * Events of the model (spec admin-api.md section 12): a name about a subject, with pairs of
 * texts. Whoever subscribes is called at once, in the order of subscription.
 */
#ifndef BULKHEAD_ADMIN_MODEL_EVENTS_H
#define BULKHEAD_ADMIN_MODEL_EVENTS_H

#include <stddef.h>

struct app;
struct qube;
struct event_subscriber;

struct event_pair {
	const char *key, *value;
};

/* Borrowed for the time of the call. */
struct event {
	struct qube *qube;   /* NULL: the subject is the global object */
	const char *subject; /* the qube's name, or "" */
	const char *name;
	const struct event_pair *pairs;
	size_t pair_count;
};

/* May subscribe, unsubscribe and emit; must not add or remove qubes. */
typedef void (*event_callback)(const struct event *event, void *data);

struct event_subscriber *events_subscribe(struct app *app, event_callback callback, void *data);
/* At any time, also from within the callback. NULL is fine. */
void events_unsubscribe(struct event_subscriber *subscriber);

/*
 * Emits an event about a qube, or with NULL about the global object. The rest is keys and
 * values, ended by NULL: events_emit(app, q, "domain-pre-shutdown", "force", "False", NULL).
 */
void events_emit(struct app *app, struct qube *q, const char *name, ...) __attribute__((sentinel));
void events_emit_pairs(struct app *app, struct qube *q, const char *name,
	const struct event_pair *pairs, size_t pair_count);

/* Most pairs an event can have. */
#define EVENT_PAIRS_MAX 8

/*
 * What a lifecycle announces when a machine comes or goes: property-reset of xid, stubdom_xid
 * and start_time (spec 12.4).
 */
void events_emit_machine_changed(struct app *app, struct qube *q);

#endif
