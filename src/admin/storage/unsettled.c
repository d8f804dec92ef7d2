/*
 * Stops that failed, for a disk so full that not even rows can be written. Their volumes count as
 * in use until one succeeds, so it is tried again, unless the qube is started, which settles them
 * as well. Runs in bulkheadd's loop; see operation.h.
 */
#include <stdlib.h>

#include "admin/storage/operation.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/text.h"

#define RETRY_MS 2000

struct unsettled {
	struct list link; /* storage.unsettled */
	char *owner;
	bool is_tried;     /* a stop is under way, which will answer */
	bool is_forgotten; /* whatever that one says */
};

static struct unsettled *
find(const struct storage *s, const char *owner)
{
	struct unsettled *u;

	list_for_each (u, &s->unsettled, link) {
		if (text_equal(u->owner, owner))
			return u;
	}
	return NULL;
}

static void
destroy(struct unsettled *u)
{
	list_remove(&u->link);
	free(u->owner);
	free(u);
}

bool
storage_is_settled(const struct storage *s, const char *owner)
{
	return find(s, owner) == NULL;
}

void
unsettled_add(struct storage *s, const char *owner)
{
	struct unsettled *u = find(s, owner);

	if (u == NULL) {
		u = xcalloc(1, sizeof(*u));
		u->owner = text_copy(owner);
		list_append(&s->unsettled, &u->link);
	}
	loop_timer_start(s->unsettled_timer, RETRY_MS);
}

void
unsettled_forget(struct storage *s, const char *owner)
{
	struct unsettled *u = find(s, owner);

	if (u != NULL && u->is_tried)
		u->is_forgotten = true;
	else if (u != NULL)
		destroy(u);
}

static void
handle_tried(void *data, const struct err *err)
{
	struct unsettled *u = data;

	u->is_tried = false;
	if (err == NULL)
		log_qube_message(LOG_LEVEL_INFO, u->owner, "volumes are saved now");
	if (err == NULL || u->is_forgotten)
		destroy(u);
}

static void
handle_time(struct loop_timer *timer, void *data)
{
	struct storage *s = data;
	struct unsettled *u;

	list_for_each (u, &s->unsettled, link) {
		if (u->is_tried)
			continue;
		u->is_tried = true;
		storage_stop(s, u->owner, handle_tried, u);
	}
}

int
unsettled_init(struct storage *s)
{
	list_init(&s->unsettled);
	s->unsettled_timer = loop_timer_create(s->loop, handle_time, s);
	return s->unsettled_timer != NULL ? 0 : -1;
}

void
unsettled_finish(struct storage *s)
{
	struct unsettled *u, *following;

	list_for_each_safe (u, following, &s->unsettled, link)
		destroy(u);
	loop_timer_destroy(s->unsettled_timer);
}
