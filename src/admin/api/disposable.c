/*
 * Unnamed disposables go when they have stopped (spec admin-api.md 16.8 and 17), and at the start
 * of the daemon those go that do not run.
 */
#include <stdlib.h>
#include <string.h>

#include "admin/api/api_private.h"
#include "admin/api/keep.h"
#include "admin/model/app.h"
#include "admin/model/events.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/text.h"

/* How soon removal is tried again while something still holds the qube. */
#define RETRY_MS 200

struct disposal {
	struct list link; /* disposals.pending */
	char uuid[UUID_LENGTH + 1];
};

struct disposals {
	struct api *api;
	struct list pending; /* disposal.link */
	struct loop_timer *timer;
	struct event_subscriber *subscriber;
};

bool
qube_is_unnamed_disposable(const struct qube *q)
{
	return q->class == CLASS_DISP && qube_flag(q, PROPERTY_AUTO_CLEANUP);
}

void
disposals_add(struct disposals *d, const struct qube *q)
{
	struct disposal *disposal = xcalloc(1, sizeof(*disposal));

	memcpy(disposal->uuid, q->uuid, sizeof(disposal->uuid));
	list_append(&d->pending, &disposal->link);
	loop_timer_start(d->timer, 0);
}

static struct qube *
find_qube(const struct disposals *d, const struct disposal *disposal)
{
	char name[sizeof("uuid:") + UUID_LENGTH] = "uuid:";

	memcpy(name + strlen(name), disposal->uuid, sizeof(disposal->uuid));
	return app_lookup_qube(d->api->config.app, name, NULL);
}

/* Whether it is done with: gone, or running again, or removed now. */
static bool
dispose(struct disposals *d, const struct disposal *disposal)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct qube *q = find_qube(d, disposal);

	if (q == NULL)
		return true;
	/* A start that failed is still being cleaned up. */
	if (q->power.state == POWER_TRANSIENT)
		return false;
	if (!qube_is_halted(q))
		return true;
	if (q->pins > 0)
		return false;
	if (qube_is_to_be_kept(q)) {
		keep_begin(d->api->keeps, q);
		return true;
	}
	if (remove_qube(d->api, q, &err) < 0)
		log_qube_message(
			LOG_LEVEL_ERROR, q->name, "cannot be removed: %s", err_message(&err));
	return true;
}

static void
handle_timer(struct loop_timer *timer, void *data)
{
	struct disposals *d = data;
	struct disposal *disposal, *next;

	list_for_each_safe (disposal, next, &d->pending, link) {
		if (!dispose(d, disposal))
			continue;
		list_remove(&disposal->link);
		free(disposal);
	}
	if (!list_empty(&d->pending))
		loop_timer_start(timer, RETRY_MS);
}

/* A start that failed ends it too: nobody else knows that it is there. */
static void
handle_event(const struct event *event, void *data)
{
	if (event->qube != NULL && qube_is_unnamed_disposable(event->qube) &&
		(text_equal(event->name, "domain-shutdown") ||
			text_equal(event->name, "domain-start-failed")))
		disposals_add(data, event->qube);
}

struct disposals *
disposals_create(struct api *api)
{
	struct disposals *d = xcalloc(1, sizeof(*d));
	struct qube *q;
	size_t i;

	d->api = api;
	list_init(&d->pending);
	d->timer = loop_timer_create(api->config.loop, handle_timer, d);
	if (d->timer == NULL) {
		free(d);
		return NULL;
	}
	d->subscriber = events_subscribe(api->config.app, handle_event, d);
	app_for_each_qube(api->config.app, i, q)
	{
		if (!qube_is_unnamed_disposable(q) || !qube_is_halted(q))
			continue;
		log_qube_message(LOG_LEVEL_INFO, q->name, "left-over disposable: %s",
			qube_is_to_be_kept(q) ? "kept" : "removed");
		disposals_add(d, q);
	}
	return d;
}

void
disposals_destroy(struct disposals *d)
{
	struct disposal *disposal, *next;

	if (d == NULL)
		return;
	list_for_each_safe (disposal, next, &d->pending, link) {
		free(disposal);
	}
	events_unsubscribe(d->subscriber);
	loop_timer_destroy(d->timer);
	free(d);
}
