/*
 * Which disposables are kept ready, and when others are made: the tick. See preload.h and
 * preload_private.h. Runs in bulkheadd; no byte of a qube is seen here.
 */
#include "admin/api/preload.h"

#include <stdlib.h>
#include <string.h>

#include "admin/api/api_private.h"
#include "admin/api/preload_private.h"
#include "admin/lifecycle/preload.h"
#include "admin/model/app.h"
#include "admin/model/change.h"
#include "admin/model/events.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"

/* While one is being made, while others are wanted, and else. */
#define TICK_BUSY_MS 250
#define TICK_WANTING_MS 1000
#define TICK_IDLE_MS 20000
/* After a change: later than frozen disposables are looked after. */
#define CHECK_DELAY_MS 4000
/* Until a template whose disposables do not come up is tried again. */
#define FAILURE_DELAY_MS 60000
/* Who wants a template to be free of them is told so then at the latest. */
#define CLEARING_MAX_MS 10000

void
preloads_tick_in(struct preloads *p, uint64_t delay_ms)
{
	uint64_t due_ms = loop_now_ms() + delay_ms;

	if (p->due_ms != 0 && p->due_ms <= due_ms)
		return;
	p->due_ms = due_ms;
	loop_timer_start(p->timer, delay_ms);
}

struct preload_source *
preload_source_of(struct preloads *p, const struct qube *template)
{
	struct preload_source *source;

	list_for_each (source, &p->sources, link) {
		if (text_equal(source->name, template->name))
			return source;
	}
	source = xcalloc(1, sizeof(*source));
	memcpy(source->name, template->name, sizeof(source->name));
	list_append(&p->sources, &source->link);
	return source;
}

struct preload *
preload_add(struct preloads *p, struct qube *q, enum preload_phase phase)
{
	struct preload *e = xcalloc(1, sizeof(*e));

	e->preloads = p;
	e->q = q;
	e->phase = phase;
	e->since_ms = loop_now_ms();
	list_append(&p->list, &e->link);
	qube_pin(q);
	return e;
}

struct preload *
preload_find(const struct preloads *p, const struct qube *q)
{
	struct preload *e;

	list_for_each (e, &p->list, link) {
		if (e->q == q)
			return e;
	}
	return NULL;
}

bool
preloads_have(const struct preloads *p, const struct qube *q)
{
	const struct preload *e = preload_find(p, q);

	return e != NULL && e->phase != PRELOAD_LEAVING;
}

static unsigned int
count_of(const struct preloads *p, const struct qube *template)
{
	const struct preload *e;
	unsigned int count = 0;

	list_for_each (e, &p->list, link) {
		if (qube_template(e->q) == template && e->phase < PRELOAD_LEAVING)
			count++;
	}
	return count;
}

static bool
is_clearing(const struct preloads *p, const struct qube *template)
{
	const struct preload_clearing *clearing;

	list_for_each (clearing, &p->clearings, link) {
		if (clearing->template == template)
			return true;
	}
	return false;
}

static unsigned int
wanted_of(const struct preloads *p, const struct qube *template)
{
	return is_clearing(p, template) ? 0 : preload_wanted(p->api->config.app, template);
}

/* --- notes that events leave ------------------------------------------------------------- */

static void
note(struct preload *e, const char *name)
{
	if (text_equal(name, "domain-shutdown") || text_equal(name, "domain-start-failed"))
		e->has_ended = true;
	else if (text_equal(name, "domain-feature-set:bulkhead-keep") ||
		 (text_equal(name, "domain-unpaused") && !e->is_switching &&
			 (e->phase == PRELOAD_READY || e->is_held)))
		e->is_used = true;
	else
		return;
	preloads_tick_in(e->preloads, 0);
}

/* What was ended by the user, or failed, may be tried again. */
static void
forget_reasons(struct preloads *p)
{
	struct preload_source *source, *following;

	list_for_each_safe (source, following, &p->sources, link) {
		list_remove(&source->link);
		free(source);
	}
}

static void
handle_event(const struct event *event, void *data)
{
	struct preload *e = event->qube != NULL ? preload_find(data, event->qube) : NULL;
	struct preloads *p = data;
	uint64_t delay_ms = 0;

	if (e != NULL) {
		note(e, event->name);
		return;
	}
	if (text_equal(event->name, "domain-feature-set:" PRELOAD_MAX_FEATURE) ||
		text_equal(event->name, "property-set:default_dispvm"))
		forget_reasons(p);
	else if (!text_equal(event->name, "domain-pre-start"))
		delay_ms = CHECK_DELAY_MS;
	p->check_ms = loop_now_ms() + CHECK_DELAY_MS;
	preloads_tick_in(p, delay_ms);
}

/* --- the tick ---------------------------------------------------------------------------- */

static void
take_notes(struct preloads *p)
{
	struct preload *e, *following;

	list_for_each_safe (e, following, &p->list, link) {
		/* A start that fails has an answer of its own. */
		if (e->has_ended && e->phase != PRELOAD_STARTING && qube_is_halted(e->q))
			preload_bury(e);
		else if (e->is_used && e->phase < PRELOAD_LEAVING)
			preload_yield(e);
	}
}

static void
drop_stale(struct preloads *p)
{
	struct preload *e;

	if (loop_now_ms() < p->check_ms)
		return;
	p->check_ms = loop_now_ms() + TICK_IDLE_MS;
	list_for_each (e, &p->list, link) {
		if (e->phase < PRELOAD_LEAVING && e->taking == NULL && !preload_is_current(e))
			preload_end(e, "what it was made of has changed");
	}
}

/* The newest go first: the oldest are ready. */
static void
drop_surplus(struct preloads *p)
{
	struct list *at, *before;

	for (at = p->list.prev; at != &p->list; at = before) {
		struct preload *e = container_of(at, struct preload, link);
		struct qube *template = qube_template(e->q);

		before = at->prev;
		if (e->phase < PRELOAD_LEAVING && e->taking == NULL &&
			count_of(p, template) > wanted_of(p, template))
			preload_end(e, "so many are not wanted");
	}
}

/* Also what has ended and is on its way out of the store. */
static bool
is_left(const struct preloads *p, const struct qube *template)
{
	const struct preload *e;
	struct qube *q;
	size_t i;

	list_for_each (e, &p->list, link) {
		if (qube_template(e->q) == template)
			return true;
	}
	app_for_each_qube(p->api->config.app, i, q)
	{
		if (qube_is_unnamed_disposable(q) && qube_is_halted(q) &&
			qube_template(q) == template)
			return true;
	}
	return false;
}

static void
finish_clearings(struct preloads *p)
{
	struct preload_clearing *clearing, *following;

	list_for_each_safe (clearing, following, &p->clearings, link) {
		if (is_left(p, clearing->template) && loop_now_ms() < clearing->until_ms)
			continue;
		list_remove(&clearing->link);
		qube_unpin(clearing->template);
		clearing->done(clearing->data);
		free(clearing);
	}
}

static bool
is_making(const struct preloads *p)
{
	const struct preload *e;

	list_for_each (e, &p->list, link) {
		if (e->phase != PRELOAD_READY)
			return true;
	}
	return false;
}

/* Whether there is time and memory, and nothing that would make another one better. */
static bool
can_make(struct preloads *p, struct qube *template)
{
	struct lifecycle *l = p->api->config.lifecycle;
	uint64_t needed = (uint64_t)qube_number(template, PROPERTY_MEMORY) +
			  preload_threshold_mib(p->api->config.app);

	return lifecycle_is_idle(l) && lifecycle_has_spare_memory(l, needed) &&
	       !lifecycle_awaits_frozen(l, template);
}

/* Whether it lacks one that is to be there now. */
static bool
is_wanting(struct preloads *p, const struct qube *template)
{
	unsigned int wanted = wanted_of(p, template), count;
	struct preload_source *source;

	if (wanted == 0 || (count = count_of(p, template)) >= wanted)
		return false;
	source = preload_source_of(p, template);
	return !source->rests &&
	       (count == 0 || preload_delay_ms(p->api->config.app, template) >= 0);
}

/* One at a time. Whether any is wanted that could not be begun. */
static bool
make_next(struct preloads *p)
{
	struct app *app = p->api->config.app;
	struct qube *q;
	size_t i;
	bool is_lacking = false;

	app_for_each_qube(app, i, q)
	{
		struct preload_source *source;

		if (!is_wanting(p, q))
			continue;
		is_lacking = true;
		source = preload_source_of(p, q);
		if (loop_now_ms() < source->not_before_ms || is_making(p) || !can_make(p, q))
			continue;
		source->not_before_ms = loop_now_ms() + FAILURE_DELAY_MS;
		(void)preload_make(p, q);
		break; /* the collection is another one */
	}
	return is_lacking;
}

static void
handle_tick(struct loop_timer *timer, void *data)
{
	struct preloads *p = data;
	struct preload *e, *following;
	bool is_lacking;

	(void)timer;
	p->due_ms = 0;
	take_notes(p);
	list_for_each_safe (e, following, &p->list, link)
		preload_advance(e);
	drop_stale(p);
	drop_surplus(p);
	finish_clearings(p);
	is_lacking = make_next(p);
	if (is_making(p) || !list_empty(&p->clearings))
		preloads_tick_in(p, TICK_BUSY_MS);
	else
		preloads_tick_in(p, is_lacking ? TICK_WANTING_MS : TICK_IDLE_MS);
}

struct preloads *
preloads_create(struct api *api)
{
	struct preloads *p = xcalloc(1, sizeof(*p));

	p->api = api;
	list_init(&p->list);
	list_init(&p->forgotten);
	list_init(&p->sources);
	list_init(&p->clearings);
	list_init(&p->takings);
	p->timer = loop_timer_create(api->config.loop, handle_tick, p);
	if (p->timer == NULL) {
		free(p);
		return NULL;
	}
	preloads_recover(p);
	p->subscriber = events_subscribe(api->config.app, handle_event, p);
	preloads_tick_in(p, CHECK_DELAY_MS);
	return p;
}

void
preloads_destroy(struct preloads *p)
{
	struct preload_clearing *clearing, *after;
	struct preload *e, *following;

	if (p == NULL)
		return;
	events_unsubscribe(p->subscriber);
	takings_destroy(p);
	/* Answers that are still to come find nothing: the lifecycle ends without giving them. */
	list_for_each_safe (e, following, &p->list, link) {
		e->pending = 0;
		preload_forget(e);
	}
	list_for_each_safe (e, following, &p->forgotten, link) {
		e->pending = 0;
		preload_forget(e);
	}
	list_for_each_safe (clearing, after, &p->clearings, link)
		free(clearing);
	forget_reasons(p);
	loop_timer_destroy(p->timer);
	free(p);
}

/* --- what is asked of it ------------------------------------------------------------------ */

void
preloads_ask(struct preloads *p, struct qube *template)
{
	struct preload_source *source = preload_source_of(p, template);

	source->rests = false;
	source->not_before_ms = 0;
	preloads_tick_in(p, 0);
}

void
preloads_rest(struct preloads *p, const struct qube *q)
{
	const struct qube *template = qube_template(q);

	if (preloads_have(p, q) && template != NULL)
		preload_source_of(p, template)->rests = true;
}

void
preloads_clear(struct preloads *p, struct qube *template, void (*done)(void *data), void *data)
{
	struct preload_clearing *clearing;
	struct preload *e;

	if (count_of(p, template) == 0) {
		done(data);
		return;
	}
	clearing = xcalloc(1, sizeof(*clearing));
	*clearing = (struct preload_clearing){.template = template,
		.until_ms = loop_now_ms() + CLEARING_MAX_MS,
		.done = done,
		.data = data};
	list_append(&p->clearings, &clearing->link);
	qube_pin(template);
	list_for_each (e, &p->list, link) {
		if (qube_template(e->q) == template && e->phase < PRELOAD_LEAVING)
			preload_end(e, "its template is to go");
	}
	preloads_tick_in(p, 0);
}
