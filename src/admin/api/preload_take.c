/*
 * Handing out a disposable that was kept ready: its machine goes on, its clock is set, and it gets
 * what a fresh one would have, in one transaction. Until that is stored a crash of the daemon ends
 * it, as nobody has heard of it. See preload_private.h. Runs in bulkheadd.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "admin/api/api_private.h"
#include "admin/api/disposable_owner.h"
#include "admin/api/preload_private.h"
#include "admin/api/request.h"
#include "admin/lifecycle/preload.h"
#include "admin/model/app.h"
#include "admin/model/change.h"
#include "admin/model/events.h"
#include "base/cleanup.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "base/text.h"

/* A qube that has not answered by then hangs: it is not handed out. */
#define CLOCK_TIMEOUT_MS 8000
/* The machine's process has to answer, too. */
#define BEGUN_TIMEOUT_MS 15000

/* A request for a disposable, and the one it is to get. */
struct taking {
	struct list link; /* preloads.takings */
	struct preloads *preloads;
	struct preload *preload; /* NULL: let down */
	struct request *request;
	struct qube *template; /* pinned by the request, if it is not pinned by its disposable */
	bool by_uuid, is_begun;
	preload_fallback fallback;
	struct loop_timer *timer;
};

static void
taking_destroy(struct taking *t)
{
	list_remove(&t->link);
	if (t->preload != NULL)
		t->preload->taking = NULL;
	loop_timer_destroy(t->timer);
	qube_unpin(t->template);
	free(t);
}

void
takings_destroy(struct preloads *p)
{
	struct taking *t, *following;

	list_for_each_safe (t, following, &p->takings, link)
		taking_destroy(t);
}

/* Not from within events: qubes may not come or go there. */
static void
handle_let_down(struct loop_timer *timer, void *data)
{
	struct taking *t = data;
	struct request *r = t->request;
	struct qube *template = t->template;
	preload_fallback fallback = t->fallback;
	bool by_uuid = t->by_uuid;

	(void)timer;
	taking_destroy(t);
	fallback(r, template, by_uuid);
}

void
preload_let_down(struct preload *e)
{
	struct taking *t = e->taking;

	if (t == NULL)
		return;
	t->preload = NULL;
	e->taking = NULL;
	loop_timer_start(t->timer, 0);
}

/* --- what it becomes --------------------------------------------------------------------- */

static void
add_creator(struct change *c, struct qube *q, const char *source)
{
	AUTO_FREE char *creator = text_format("created-by-%s", source);
	AUTO_FREE char *disposable = text_format("disp-created-by-%s", source);

	if (text_equal(source, "dom0"))
		return;
	if (!qube_has_tag(qube_template(q), "created-by-dom0"))
		change_tag_remove(c, q, "created-by-dom0");
	change_tag_remove(c, q, "disp-created-by-dom0");
	change_tag_add(c, q, creator);
	change_tag_add(c, q, disposable);
}

/* As if it had been made now, for the source; NULL: for nobody in particular. */
static int
make_theirs(struct preload *e, const char *source, const char *reason, struct err *err)
{
	struct app *app = e->preloads->api->config.app;
	struct qube *q = e->q, *template = qube_template(q);
	const char *hidden = qube_feature(template, "internal");
	AUTO_CHANGE struct change c = CHANGE_INIT(app);

	preload_list_remove(&c, template, q->name);
	if (hidden != NULL)
		change_feature_set(&c, q, "internal", hidden);
	else if (qube_feature(q, "internal") != NULL)
		change_feature_remove(&c, q, "internal");
	if (source != NULL)
		add_creator(&c, q, source);
	change_event(&c, q, "property-reset:is_preload", "name", "is_preload", NULL);
	change_event(&c, template, "domain-preload-dispvm-used", "reason", reason, "dispvm",
		q->name, NULL);
	if (change_commit(&c, err) < 0)
		return -1;
	lifecycle_set_spare(e->preloads->api->config.lifecycle, q, false);
	return 0;
}

/* Another one is made after a while. */
static void
plan_next(struct preloads *p, const struct qube *template)
{
	int64_t delay_ms = preload_delay_ms(p->api->config.app, template);
	struct preload_source *source = preload_source_of(p, template);

	source->rests = false;
	source->not_before_ms = loop_now_ms() + (delay_ms > 0 ? (uint64_t)delay_ms : 0);
	preloads_tick_in(p, 0);
}

struct service_call *
preload_set_clock(struct preload *e, lifecycle_done done, struct err *err)
{
	char line[64], date[32];
	struct timespec now;
	struct tm parts;
	struct service_request request = {
		"qubes.SetDateTime+exact", "root", line, CLOCK_TIMEOUT_MS};

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &parts);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &parts);
	(void)snprintf(line, sizeof(line), "%s,%09ld+00:00\n", date, now.tv_nsec);
	return service_call_start(e->preloads->api->config.lifecycle, e->q, &request, done, e, err);
}

/* --- for a request ----------------------------------------------------------------------- */

static void
answer(struct preload *e)
{
	struct taking *t = e->taking;
	struct request *r = t->request;
	struct preloads *p = e->preloads;
	struct qube *q = e->q, *template = t->template;
	bool by_uuid = t->by_uuid, is_gone = r->client == NULL;

	(void)lifecycle_note_spare(p->api->config.lifecycle, q, NULL, NULL);
	/* Nobody would know of it. */
	if (is_gone) {
		taking_destroy(t);
		preload_end(e, "who asked for it is gone");
	} else {
		request_print(r, "%s%s", by_uuid ? "uuid:" : "", by_uuid ? q->uuid : q->name);
		plan_next(p, template);
		taking_destroy(t);
		preload_forget(e);
	}
	request_reply(r);
}

static void
handle_clock_set(void *data, const struct err *err)
{
	struct preload *e = data;

	e->call = NULL;
	if (err != NULL)
		log_qube_message(LOG_LEVEL_WARNING, e->q->name, "its clock may be wrong: %s",
			err_message(err));
	if (e->phase != PRELOAD_LEAVING || e->taking == NULL)
		return;
	if (err != NULL && err->code == ETIMEDOUT)
		preload_end(e, "it does not answer");
	else
		answer(e);
}

/* The clock is being set while the change is stored. */
static void
hand_over(struct preload *e)
{
	struct taking *t = e->taking;
	struct preloads *p = e->preloads;
	AUTO_ERR struct err err = ERR_INIT;

	service_call_destroy(steal_ptr(e->call));
	if (e->is_noted || lifecycle_note_spare(p->api->config.lifecycle, e->q, e->text, &err) == 0)
		e->call = preload_set_clock(e, handle_clock_set, &err);
	if (e->call != NULL)
		owners_note(p->api->owners, t->request, e->q);
	if (e->call == NULL || make_theirs(e, t->request->source, "was asked for", &err) < 0) {
		preload_end(e, err_message(&err));
		return;
	}
	crash_point("preload:after-hand-over");
}

static void
handle_resumed(void *data, const struct err *err)
{
	struct preload *e = data;

	if (!preload_is_answered(e))
		return;
	e->is_switching = false;
	if (e->phase != PRELOAD_LEAVING || e->taking == NULL)
		return;
	crash_point("preload:after-resume");
	if (err != NULL)
		preload_end(e, err_message(err));
	else
		hand_over(e);
}

/* From here on it is not given to anybody else. */
static void
begin(struct preload *e)
{
	struct api *api = e->preloads->api;

	loop_timer_start(e->taking->timer, BEGUN_TIMEOUT_MS);
	e->taking->is_begun = true;
	preload_set_phase(e, PRELOAD_LEAVING);
	if (e->q->power.state != POWER_PAUSED) {
		hand_over(e);
		return;
	}
	e->is_held = false;
	e->is_switching = true;
	e->pending++;
	lifecycle_unpause(api->config.lifecycle, e->q, handle_resumed, e);
}

void
preload_take_on(struct preload *e)
{
	struct taking *t = e->taking;
	bool is_up = e->phase > PRELOAD_STARTING && e->phase < PRELOAD_LEAVING;

	if (t == NULL || t->is_begun || !is_up || e->is_switching)
		return;
	if (t->request->client == NULL) {
		struct request *r = t->request;

		taking_destroy(t);
		request_reply(r);
	} else {
		begin(e);
	}
}

/* It takes too long to come up; it stays, for another one. */
static void
handle_late(struct loop_timer *timer, void *data)
{
	struct taking *t = data;

	if (t->preload != NULL && t->is_begun)
		preload_end(t->preload, "it does not go on");
	else if (t->preload != NULL)
		preload_let_down(t->preload);
	else
		handle_let_down(timer, data);
}

/* What a creator's features say of what it creates has to be so from the beginning. */
static bool
creator_matters(const struct app *app, const char *name)
{
	const struct qube *creator = app_find_qube(app, name);

	return creator == NULL || qube_feature_is_on(creator, "tag-created-vm-with") ||
	       qube_feature_is_on(creator, "set-created-guivm");
}

static struct preload *
choose(struct preloads *p, const struct qube *template)
{
	struct preload *e, *following, *best = NULL;

	list_for_each_safe (e, following, &p->list, link) {
		if (qube_template(e->q) != template || e->phase >= PRELOAD_LEAVING ||
			e->taking != NULL || e->has_ended || e->is_used)
			continue;
		if (!preload_is_current(e))
			preload_end(e, "what it was made of has changed");
		else if (best == NULL || e->phase > best->phase)
			best = e;
	}
	return best;
}

bool
preload_take(struct request *r, struct qube *template, bool by_uuid, preload_fallback fallback)
{
	struct preloads *p = r->api->preloads;
	const struct app *app = r->api->config.app;
	uint64_t patience_ms = (uint64_t)qube_number(template, PROPERTY_QREXEC_TIMEOUT) * 1200;
	struct preload *e;
	struct taking *t;

	preload_source_of(p, template)->rests = false;
	if (!text_equal(r->source, "dom0") &&
		(creator_matters(app, r->source) || creator_matters(app, "dom0")))
		return false;
	e = choose(p, template);
	if (e == NULL)
		return false;
	t = xcalloc(1, sizeof(*t));
	*t = (struct taking){.preloads = p,
		.preload = e,
		.request = r,
		.template = template,
		.by_uuid = by_uuid,
		.fallback = fallback};
	t->timer = loop_timer_create(r->api->config.loop, handle_late, t);
	if (t->timer == NULL) {
		free(t);
		return false;
	}
	list_append(&p->takings, &t->link);
	qube_pin(template);
	e->taking = t;
	loop_timer_start(t->timer, patience_ms);
	preload_take_on(e);
	return true;
}

/* --- without a request ------------------------------------------------------------------- */

static void
handle_late_clock(void *data, const struct err *err)
{
	struct preload *e = data;

	e->call = NULL;
	if (err != NULL)
		log_qube_message(LOG_LEVEL_WARNING, e->q->name, "its clock may be wrong: %s",
			err_message(err));
	preload_forget(e);
}

void
preload_yield(struct preload *e)
{
	struct qube *template = qube_template(e->q);
	AUTO_ERR struct err err = ERR_INIT;

	log_qube_message(LOG_LEVEL_INFO, e->q->name, "was kept ready and is used");
	preload_let_down(e);
	service_call_destroy(steal_ptr(e->call));
	preload_set_phase(e, PRELOAD_LEAVING);
	if (make_theirs(e, NULL, "was used by hand", &err) < 0)
		log_qube_message(LOG_LEVEL_ERROR, e->q->name, "%s", err_message(&err));
	plan_next(e->preloads, template);
	(void)lifecycle_note_spare(e->preloads->api->config.lifecycle, e->q, NULL, NULL);
	if (e->q->power.state == POWER_RUNNING)
		e->call = preload_set_clock(e, handle_late_clock, &err);
	if (e->call == NULL)
		preload_forget(e);
}
