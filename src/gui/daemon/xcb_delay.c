/*
 * Events held back for a random while (events_max_delay, spec gui.md 4.6), so that a qube does not
 * recognise the person by the rhythm of the keys. Their order stays.
 */
#include <stdlib.h>

#include "base/io.h"
#include "gui/daemon/xcb_private.h"

/* More than a person makes in the longest delay; then the oldest go at once. */
#define DELAYED_MAX 16384

struct delayed {
	struct list link; /* display.delayed */
	uint64_t release_ms;
	xcb_generic_event_t *event;
};

/* What the daemon itself has to know in time: where windows are. */
static bool
is_of_geometry(const xcb_generic_event_t *event)
{
	uint8_t type = event->response_type & 0x7f;

	return type == XCB_CONFIGURE_NOTIFY || type == XCB_REPARENT_NOTIFY ||
	       type == XCB_MAP_NOTIFY || type == XCB_MAPPING_NOTIFY;
}

/* Evenly from the last one's time, at the earliest now, to the longest delay from now. */
static uint64_t
choose_release(const struct display *d, uint64_t now_ms)
{
	uint64_t latest = now_ms + d->config->max_event_delay_ms;
	uint64_t earliest = d->last_release_ms > now_ms ? d->last_release_ms : now_ms;
	uint64_t random;

	random_bytes(&random, sizeof(random));
	return earliest >= latest ? earliest : earliest + random % (latest - earliest + 1);
}

static struct delayed *
first_of(const struct display *d)
{
	return container_of(d->delayed.next, struct delayed, link);
}

static void
release_first(struct display *d)
{
	struct delayed *first = first_of(d);
	xcb_generic_event_t *event = first->event;

	list_remove(&first->link);
	d->delayed_count--;
	free(first);
	display_dispatch(d, event);
	free(event);
}

static void
handle_due(struct loop_timer *timer, void *data)
{
	struct display *d = data;
	uint64_t now = loop_now_ms();

	(void)timer;
	while (!list_empty(&d->delayed) && !d->lost) {
		const struct delayed *first = first_of(d);

		if (first->release_ms > now) {
			loop_timer_start(d->delay_timer, first->release_ms - now);
			break;
		}
		release_first(d);
	}
	display_turn(d);
}

bool
display_delay(struct display *d, xcb_generic_event_t *event)
{
	uint64_t now = loop_now_ms();
	struct delayed *delayed;

	if (d->config->max_event_delay_ms == 0 || is_of_geometry(event))
		return false;
	if (d->delay_timer == NULL)
		d->delay_timer = loop_timer_create(d->loop, handle_due, d);
	delayed = malloc(sizeof(*delayed));
	if (d->delay_timer == NULL || delayed == NULL) {
		free(delayed);
		display_fail(d, "no memory");
		return false;
	}
	delayed->event = event;
	delayed->release_ms = d->last_release_ms = choose_release(d, now);
	list_append(&d->delayed, &delayed->link);
	if (d->delayed_count++ == 0)
		loop_timer_start(d->delay_timer, delayed->release_ms - now);
	if (d->delayed_count > DELAYED_MAX)
		release_first(d);
	return true;
}

void
display_forget_delayed(struct display *d)
{
	struct delayed *delayed, *following;

	list_for_each_safe (delayed, following, &d->delayed, link) {
		list_remove(&delayed->link);
		free(delayed->event);
		free(delayed);
	}
	loop_timer_destroy(d->delay_timer);
	d->delay_timer = NULL;
}
