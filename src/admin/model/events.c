/* The bus of events; see events.h. Runs in bulkheadd; its texts come from the model. */
#include "admin/model/events.h"

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>

#include "admin/model/app.h"
#include "base/text.h"

struct event_subscriber {
	struct list link; /* app.subscribers */
	struct app *app;
	event_callback callback;
	void *data;
	bool gone; /* unsubscribed while an event was being told */
};

struct event_subscriber *
events_subscribe(struct app *app, event_callback callback, void *data)
{
	struct event_subscriber *s = xcalloc(1, sizeof(*s));

	*s = (struct event_subscriber){.app = app, .callback = callback, .data = data};
	list_append(&app->subscribers, &s->link);
	return s;
}

static void
sweep(struct app *app)
{
	struct event_subscriber *s, *next;

	list_for_each_safe (s, next, &app->subscribers, link) {
		if (!s->gone)
			continue;
		list_remove(&s->link);
		free(s);
	}
}

void
events_unsubscribe(struct event_subscriber *subscriber)
{
	if (subscriber == NULL)
		return;
	subscriber->gone = true;
	if (subscriber->app->emitting == 0)
		sweep(subscriber->app);
}

void
events_emit_pairs(struct app *app, struct qube *q, const char *name, const struct event_pair *pairs,
	size_t pair_count)
{
	struct event event = {
		.qube = q,
		.subject = q != NULL ? q->name : "",
		.name = name,
		.pairs = pairs,
		.pair_count = pair_count,
	};
	struct event_subscriber *s;

	app->generation++;
	app->emitting++;
	list_for_each (s, &app->subscribers, link) {
		if (!s->gone)
			s->callback(&event, s->data);
	}
	if (--app->emitting == 0)
		sweep(app);
}

void
events_emit(struct app *app, struct qube *q, const char *name, ...)
{
	struct event_pair pairs[EVENT_PAIRS_MAX];
	size_t count = 0;
	const char *key;
	va_list arguments;

	va_start(arguments, name);
	while ((key = va_arg(arguments, const char *)) != NULL) {
		assert(count < EVENT_PAIRS_MAX);
		pairs[count++] = (struct event_pair){key, va_arg(arguments, const char *)};
	}
	va_end(arguments);
	events_emit_pairs(app, q, name, pairs, count);
}

void
events_emit_machine_changed(struct app *app, struct qube *q)
{
	events_emit(app, q, "property-reset:xid", "name", "xid", NULL);
	events_emit(app, q, "property-reset:stubdom_xid", "name", "stubdom_xid", NULL);
	events_emit(app, q, "property-reset:start_time", "name", "start_time", NULL);
}
