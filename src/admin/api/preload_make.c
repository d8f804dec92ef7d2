/*
 * One disposable that is kept ready: how it is made, step by step, and how it goes. See
 * preload_private.h. Runs in bulkheadd.
 */
#include <stdlib.h>
#include <time.h>

#include "admin/api/api_private.h"
#include "admin/api/create.h"
#include "admin/api/preload_private.h"
#include "admin/lifecycle/preload.h"
#include "admin/model/app.h"
#include "admin/model/change.h"
#include "admin/model/events.h"
#include "base/cleanup.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "base/text.h"

/* A boot that does not end is not waited for. */
#define SERVICE_TIMEOUT_MS 300000
#define WARM_UP_TIMEOUT_MS 30000
#define REHEARSAL_TIMEOUT_MS 90000
/* It is at rest when it uses less than a twentieth of a processor, twice in a row. */
#define LOOK_PERIOD_MS 500
#define LOOKS_CALM 2
#define CALM_DIVISOR 20
/* Not before, as much begins by a timer; and at the latest. */
#define SETTLE_MIN_MS 3000
#define SETTLE_MAX_MS 60000
/* One that was ended unused is not replaced at once. */
#define BURIAL_DELAY_MS 4000

/*
 * The first two say that it is up. Then what the hand-over and the first call will need is done
 * once: what has run before is quicker. A service that it lacks is no matter.
 */
static const struct service_request services[] = {
	{"qubes.WaitForRunningSystem", NULL, NULL, SERVICE_TIMEOUT_MS},
	{"qubes.WaitForSession", NULL, NULL, SERVICE_TIMEOUT_MS},
	{"bulkhead.Rehearse", NULL, NULL, REHEARSAL_TIMEOUT_MS},
	{"qubes.VMShell", NULL, "exit\n", WARM_UP_TIMEOUT_MS},
};

#define SERVICE_COUNT (sizeof(services) / sizeof(services[0]))

static struct lifecycle *
lifecycle_of(const struct preload *e)
{
	return e->preloads->api->config.lifecycle;
}

void
preload_set_phase(struct preload *e, enum preload_phase phase)
{
	e->phase = phase;
	e->since_ms = loop_now_ms();
	preloads_tick_in(e->preloads, 0);
}

static void
destroy(struct preload *e)
{
	list_remove(&e->link);
	free(e->text);
	free(e);
}

void
preload_forget(struct preload *e)
{
	list_remove(&e->link);
	service_call_destroy(steal_ptr(e->call));
	if (!e->is_gone)
		qube_unpin(e->q);
	e->is_gone = true;
	if (e->pending > 0)
		list_append(&e->preloads->forgotten, &e->link);
	else
		destroy(e);
}

bool
preload_is_answered(struct preload *e)
{
	e->pending--;
	if (!e->is_gone)
		return true;
	if (e->pending == 0)
		destroy(e);
	return false;
}

static void
handle_killed(void *data, const struct err *err)
{
	struct preload *e = data;

	if (preload_is_answered(e) && err != NULL && qube_is_halted(e->q))
		e->has_ended = true;
}

void
preload_end(struct preload *e, const char *why)
{
	if (e->phase == PRELOAD_ENDING)
		return;
	if (why != NULL) {
		log_qube_message(LOG_LEVEL_INFO, e->q->name, "is not kept ready any more: %s", why);
		/* That is no failure to make one. */
		preload_source_of(e->preloads, qube_template(e->q))->not_before_ms = 0;
	}
	service_call_destroy(steal_ptr(e->call));
	preload_set_phase(e, PRELOAD_ENDING);
	if (qube_is_halted(e->q)) {
		e->has_ended = true;
	} else {
		e->pending++;
		lifecycle_kill(lifecycle_of(e), e->q, handle_killed, e);
	}
	preload_let_down(e);
}

void
preload_bury(struct preload *e)
{
	struct preloads *p = e->preloads;
	struct api *api = p->api;
	struct qube *q = e->q, *template = qube_template(q);
	struct preload_source *source = preload_source_of(p, template);
	AUTO_CHANGE struct change c = CHANGE_INIT(api->config.app);
	AUTO_ERR struct err err = ERR_INIT;
	bool was_ready = e->phase >= PRELOAD_READY;

	if (e->phase < PRELOAD_ENDING && !source->rests)
		log_qube_message(LOG_LEVEL_WARNING, q->name, "was kept ready and has ended");
	if (was_ready && source->not_before_ms < loop_now_ms() + BURIAL_DELAY_MS)
		source->not_before_ms = loop_now_ms() + BURIAL_DELAY_MS;
	preload_list_remove(&c, template, q->name);
	if (change_commit(&c, &err) < 0)
		log_qube_message(LOG_LEVEL_ERROR, q->name, "%s", err_message(&err));
	err_clear(&err);
	preload_let_down(e);
	preload_forget(e);
	/* What still holds it lets it go soon: then disposable.c removes it. */
	disposals_add(api->disposals, q);
}

/* --- being made -------------------------------------------------------------------------- */

static void
fail(struct preload *e, const char *why)
{
	log_qube_message(LOG_LEVEL_WARNING, qube_template(e->q)->name,
		"disposable '%s' can not be kept ready: %s", e->q->name, why);
	preload_end(e, NULL);
}

static void
handle_started(void *data, const struct err *err)
{
	struct preload *e = data;

	if (!preload_is_answered(e) || e->phase != PRELOAD_STARTING)
		return;
	if (err != NULL || qube_is_halted(e->q)) {
		fail(e, err != NULL ? err_message(err) : "it was ended");
		return;
	}
	crash_point("preload:after-start");
	preload_set_phase(e, PRELOAD_SERVICES);
	preload_take_on(e);
}

static void
handle_service_end(void *data, const struct err *err)
{
	struct preload *e = data;

	if (err != NULL)
		log_qube_message(LOG_LEVEL_DEBUG, e->q->name, "%s", err_message(err));
	e->call = NULL;
	e->service++;
	preloads_tick_in(e->preloads, 0);
}

static void
call_next_service(struct preload *e)
{
	AUTO_ERR struct err err = ERR_INIT;

	if (e->call != NULL)
		return;
	if (e->service > SERVICE_COUNT) {
		preload_set_phase(e, PRELOAD_SETTLING);
		return;
	}
	if (e->service == SERVICE_COUNT)
		e->call = preload_set_clock(e, handle_service_end, &err);
	else
		e->call = service_call_start(
			lifecycle_of(e), e->q, &services[e->service], handle_service_end, e, &err);
	if (e->call == NULL)
		fail(e, err_message(&err));
}

static void
handle_paused(void *data, const struct err *err)
{
	struct preload *e = data;
	struct preload_source *source;
	AUTO_ERR struct err note_err = ERR_INIT;

	if (!preload_is_answered(e))
		return;
	e->is_switching = false;
	if (e->phase != PRELOAD_PAUSING)
		return;
	if (err == NULL && lifecycle_note_spare(lifecycle_of(e), e->q, e->text, &note_err) < 0)
		err = &note_err;
	if (err != NULL) {
		fail(e, err_message(err));
		return;
	}
	e->is_noted = true;
	crash_point("preload:after-pause");
	source = preload_source_of(e->preloads, qube_template(e->q));
	source->not_before_ms = 0;
	preload_set_phase(e, PRELOAD_READY);
	log_qube_message(LOG_LEVEL_INFO, qube_template(e->q)->name, "disposable '%s' is kept ready",
		e->q->name);
	preload_take_on(e);
}

/* Whether it has used so little of the processor lately that nothing goes on in it. */
static bool
is_calm(struct preload *e)
{
	const struct api_config *config = &e->preloads->api->config;
	uint64_t now_ms = loop_now_ms(), used_ns, passed_ms = now_ms - e->looked_ms;

	if (passed_ms < LOOK_PERIOD_MS)
		return e->calm >= LOOKS_CALM;
	used_ns = config->cpu_time_ns(e->q, config->data);
	if (used_ns - e->used_ns < passed_ms * 1000000 / CALM_DIVISOR)
		e->calm++;
	else
		e->calm = 0;
	e->looked_ms = now_ms;
	e->used_ns = used_ns;
	return e->calm >= LOOKS_CALM;
}

static void
settle(struct preload *e)
{
	uint64_t waited_ms = loop_now_ms() - e->since_ms;
	bool is_known = e->preloads->api->config.cpu_time_ns != NULL;

	if (is_known && (!is_calm(e) || waited_ms < SETTLE_MIN_MS) && waited_ms < SETTLE_MAX_MS)
		return;
	preload_set_phase(e, PRELOAD_PAUSING);
	e->is_switching = true;
	e->pending++;
	lifecycle_pause(lifecycle_of(e), e->q, handle_paused, e);
}

/* --- out of the way while others start --------------------------------------------------- */

static void
handle_switched(void *data, const struct err *err)
{
	struct preload *e = data;

	if (!preload_is_answered(e))
		return;
	e->is_switching = false;
	if (err != NULL)
		e->is_held = e->q->power.state == POWER_PAUSED;
	if (e->is_held)
		e->calm = 0;
	preload_take_on(e);
}

/* Whether it stands still; then there is nothing else to be done. */
static bool
hold(struct preload *e)
{
	bool is_wanted = e->taking == NULL && lifecycle_is_starting(lifecycle_of(e), e->q);
	enum power_state state = e->q->power.state;

	if (e->is_switching || e->phase > PRELOAD_SETTLING)
		return e->is_switching;
	if (is_wanted && !e->is_held && state != POWER_PAUSED) {
		e->is_held = e->is_switching = true;
		e->pending++;
		lifecycle_pause(lifecycle_of(e), e->q, handle_switched, e);
	} else if (!is_wanted && e->is_held && e->taking == NULL) {
		e->is_held = false;
		e->is_switching = true;
		e->pending++;
		lifecycle_unpause(lifecycle_of(e), e->q, handle_switched, e);
	}
	return e->is_switching || e->is_held;
}

void
preload_advance(struct preload *e)
{
	if (hold(e) || e->taking != NULL)
		return;
	if (e->phase == PRELOAD_SERVICES)
		call_next_service(e);
	else if (e->phase == PRELOAD_SETTLING)
		settle(e);
}

/* --- the first step ---------------------------------------------------------------------- */

/* Hidden, and known as what it is, from here on. */
static int
mark(struct preloads *p, struct qube *q, struct err *err)
{
	AUTO_CHANGE struct change c = CHANGE_INIT(p->api->config.app);

	change_feature_set(&c, q, "internal", "1");
	preload_list_add(&c, qube_template(q), q->name);
	return change_commit(&c, err);
}

static struct preload *
begin(struct preloads *p, struct qube *template, struct err *err)
{
	static const struct volume_pools default_pools;
	struct qube_spec spec = {.class = CLASS_DISP, .template = template, .created_by = "dom0"};
	struct qube *q = create_qube(p->api, &spec, &default_pools, err);
	struct preload *e;
	char *text;

	if (q == NULL)
		return NULL;
	crash_point("preload:after-create");
	text = mark(p, q, err) == 0 ? preload_describe(p->api, q, err) : NULL;
	e = preload_add(p, q, PRELOAD_STARTING);
	e->text = text;
	if (text != NULL)
		return e;
	e->phase = PRELOAD_ENDING;
	e->has_ended = true;
	return NULL;
}

bool
preload_make(struct preloads *p, struct qube *template)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct preload *e;

	events_emit(p->api->config.app, template, "domain-preload-dispvm-start", "reason",
		"fewer are ready than are wanted", NULL);
	e = begin(p, template, &err);
	if (e == NULL) {
		log_qube_message(LOG_LEVEL_WARNING, template->name,
			"no disposable can be kept ready: %s", err_message(&err));
		return false;
	}
	crash_point("preload:after-mark");
	e->pending++;
	lifecycle_start_spare(p->api->config.lifecycle, e->q, handle_started, e);
	return true;
}
