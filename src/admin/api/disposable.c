/*
 * Unnamed disposables go when they have stopped (spec admin-api.md 16.8 and 17), and at the start
 * of the daemon those go that do not run.
 */
#include <stdlib.h>
#include <string.h>

#include "admin/api/api_private.h"
#include "admin/api/disposable_logs.h"
#include "admin/api/keep.h"
#include "admin/model/app.h"
#include "admin/model/events.h"
#include "admin/storage/storage.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/text.h"

/* How soon removal is tried again while something still holds the qube. */
#define RETRY_MS 200
/* And after it failed, as on a full disk: twice as long after each time, up to this. */
#define FAILED_RETRY_MS 1000
#define FAILED_RETRY_MAX_MS 600000

struct disposal {
	struct list link; /* disposals.pending */
	char uuid[UUID_LENGTH + 1];
	bool has_not_started;
	unsigned int failures; /* to remove it, in a row */
	uint64_t due_ms;       /* not before */
};

struct disposals {
	struct api *api;
	struct list pending; /* disposal.link */
	struct loop_timer *timer;
	struct event_subscriber *subscriber;
	struct disposable_logs logs;
};

bool
qube_is_unnamed_disposable(const struct qube *q)
{
	return q->class == CLASS_DISP && qube_flag(q, PROPERTY_AUTO_CLEANUP);
}

static struct disposal *
find_or_add(struct disposals *d, const struct qube *q)
{
	struct disposal *disposal;

	list_for_each (disposal, &d->pending, link) {
		if (text_equal(disposal->uuid, q->uuid))
			return disposal;
	}
	disposal = xcalloc(1, sizeof(*disposal));
	memcpy(disposal->uuid, q->uuid, sizeof(disposal->uuid));
	list_append(&d->pending, &disposal->link);
	return disposal;
}

void
disposals_add(struct disposals *d, const struct qube *q)
{
	find_or_add(d, q)->due_ms = 0;
	loop_timer_start(d->timer, 0);
}

static struct qube *
find_qube(const struct disposals *d, const struct disposal *disposal)
{
	char name[sizeof("uuid:") + UUID_LENGTH] = "uuid:";

	memcpy(name + strlen(name), disposal->uuid, sizeof(disposal->uuid));
	return app_lookup_qube(d->api->config.app, name, NULL);
}

static bool
remove_now(struct disposals *d, struct disposal *disposal, struct qube *q)
{
	AUTO_FREE char *name = text_copy(q->name);
	AUTO_ERR struct err err = ERR_INIT;
	uint64_t delay_ms = FAILED_RETRY_MAX_MS;

	if (remove_qube(d->api, q, &err) == 0) {
		disposable_logs_forget(
			&d->logs, d->api->config.app, name, disposal->has_not_started);
		return true;
	}
	if (disposal->failures < 10 && FAILED_RETRY_MS << disposal->failures < FAILED_RETRY_MAX_MS)
		delay_ms = FAILED_RETRY_MS << disposal->failures;
	disposal->failures++;
	disposal->due_ms = loop_now_ms() + delay_ms;
	log_qube_message(LOG_LEVEL_ERROR, name, "cannot be removed, tried again in %u s: %s",
		(unsigned int)(delay_ms / 1000), err_message(&err));
	return false;
}

/* Whether it is done with: gone, or running again, or removed now. */
static bool
dispose(struct disposals *d, struct disposal *disposal)
{
	struct qube *q = find_qube(d, disposal);

	if (q == NULL)
		return true;
	/* A start that failed is still being cleaned up. */
	if (q->power.state == POWER_TRANSIENT)
		return false;
	if (!qube_is_halted(q))
		return true;
	if (q->pins > 0 || !storage_is_settled(d->api->config.storage, q->name))
		return false;
	if (qube_is_to_be_kept(q)) {
		keep_begin(d->api->keeps, q);
		return true;
	}
	return remove_now(d, disposal, q);
}

static void
handle_timer(struct loop_timer *timer, void *data)
{
	struct disposals *d = data;
	struct disposal *disposal, *next;
	uint64_t now_ms = loop_now_ms(), due_ms = UINT64_MAX;

	list_for_each_safe (disposal, next, &d->pending, link) {
		if (disposal->due_ms <= now_ms && dispose(d, disposal)) {
			list_remove(&disposal->link);
			free(disposal);
			continue;
		}
		if (disposal->due_ms < now_ms + RETRY_MS)
			disposal->due_ms = now_ms + RETRY_MS;
		if (disposal->due_ms < due_ms)
			due_ms = disposal->due_ms;
	}
	if (due_ms != UINT64_MAX)
		loop_timer_start(timer, due_ms - now_ms);
}

/* A start that failed ends it too: nobody else knows that it is there. */
static void
handle_event(const struct event *event, void *data)
{
	struct disposals *d = data;
	bool has_not_started = text_equal(event->name, "domain-start-failed");

	if (event->qube == NULL || !qube_is_unnamed_disposable(event->qube) ||
		(!has_not_started && !text_equal(event->name, "domain-shutdown")))
		return;
	disposals_add(d, event->qube);
	if (has_not_started)
		find_or_add(d, event->qube)->has_not_started = true;
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
	disposable_logs_sweep(api->config.app);
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
