/*
 * A double of the lifecycle for the tests of the API: the same interface, answers on the next
 * turn of the loop, power states and the events of the spec, but no machine. It takes the
 * fixture for the struct lifecycle.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/lifecycle/lifecycle.h"
#include "admin/lifecycle/preload.h"
#include "admin/lifecycle/service_call.h"
#include "admin/model/events.h"
#include "base/text.h"
#include "fixture.h"

struct turn {
	struct fixture *f;
	struct qube *q;
	enum power_state wanted;
	lifecycle_done done;
	void *data;
	struct err err;
};

static void
come_up(struct turn *t)
{
	t->q->power.xid = 7;
	t->q->power.start_time_us = 1700000000250000;
	t->q->power.memory_kib = 409600;
	qube_set_power_state(t->q, POWER_RUNNING);
	events_emit_machine_changed(t->f->app, t->q);
	events_emit(t->f->app, t->q, "domain-start", "start_guid", "True", NULL);
}

static void
go_down(struct turn *t)
{
	qube_power_reset(&t->q->power, t->q->class);
	qube_set_power_state(t->q, POWER_HALTED);
	events_emit(t->f->app, t->q, "domain-stopped", NULL);
	events_emit_machine_changed(t->f->app, t->q);
	events_emit(t->f->app, t->q, "domain-shutdown", NULL);
}

static void
switch_pause(struct turn *t)
{
	bool was_paused = t->q->power.state == POWER_PAUSED;

	qube_set_power_state(t->q, t->wanted);
	if (was_paused != (t->wanted == POWER_PAUSED))
		events_emit(
			t->f->app, t->q, was_paused ? "domain-unpaused" : "domain-paused", NULL);
}

static void
handle_turn(struct loop_deferred *source, void *data)
{
	struct turn *t = data;

	loop_deferred_destroy(source);
	if (t->err.message == NULL && t->wanted == POWER_RUNNING && qube_is_halted(t->q))
		come_up(t);
	else if (t->err.message == NULL && t->wanted == POWER_HALTED && !qube_is_halted(t->q))
		go_down(t);
	else if (t->err.message == NULL)
		switch_pause(t);
	qube_unpin(t->q);
	t->done(t->data, t->err.message != NULL ? &t->err : NULL);
	err_clear(&t->err);
	free(t);
}

static struct turn *
take_turn(struct lifecycle *l, struct qube *q, enum power_state wanted, lifecycle_done done,
	void *data)
{
	struct turn *t = xcalloc(1, sizeof(*t));

	*t = (struct turn){
		.f = (struct fixture *)l, .q = q, .wanted = wanted, .done = done, .data = data};
	qube_pin(q);
	loop_deferred_schedule(loop_deferred_create(t->f->loop, handle_turn, t));
	return t;
}

/* The last one asked for: "NAME:VOLUME SIZE". */
char machines_resized[128];

void
lifecycle_resize_disk(struct lifecycle *l, struct qube *q, const char *volume, uint64_t size_bytes,
	lifecycle_done done, void *data)
{
	snprintf(machines_resized, sizeof(machines_resized), "%s:%s %llu", q->name, volume,
		(unsigned long long)size_bytes);
	take_turn(l, q, POWER_RUNNING, done, data);
}

void
lifecycle_snapshot_disk(struct lifecycle *l, struct qube *q, const char *volume, const char *pool,
	const char *vid, const char *name, lifecycle_done done, void *data)
{
	(void)volume;
	(void)pool;
	(void)vid;
	(void)name;
	(void)take_turn(l, q, POWER_RUNNING, done, data);
}

void
lifecycle_start(struct lifecycle *l, struct qube *q, lifecycle_done done, void *data)
{
	struct turn *t = take_turn(l, q, POWER_RUNNING, done, data);

	if (qube_is_dom0(q))
		err_set_kind(&t->err, "QubesVMNotHaltedError", 1, "Cannot start Dom0 fake domain!");
}

void
lifecycle_shutdown(
	struct lifecycle *l, struct qube *q, bool force, bool wait, lifecycle_done done, void *data)
{
	struct turn *t = take_turn(l, q, POWER_HALTED, done, data);

	(void)force;
	(void)wait;
	if (qube_is_halted(q))
		err_set_kind(&t->err, "QubesVMNotStartedError", 1, "Domain is powered off: '%s'",
			q->name);
}

void
lifecycle_kill(struct lifecycle *l, struct qube *q, lifecycle_done done, void *data)
{
	lifecycle_shutdown(l, q, true, true, done, data);
}

bool
lifecycle_leaves_nothing(const struct lifecycle *l, const struct qube *q)
{
	(void)l;
	return !qube_is_halted(q) && q->class == CLASS_DISP && qube_flag(q, PROPERTY_EPHEMERAL);
}

void
lifecycle_pause(struct lifecycle *l, struct qube *q, lifecycle_done done, void *data)
{
	(void)take_turn(l, q, POWER_PAUSED, done, data);
}

void
lifecycle_unpause(struct lifecycle *l, struct qube *q, lifecycle_done done, void *data)
{
	struct turn *t = take_turn(l, q, POWER_RUNNING, done, data);

	if (q->power.state != POWER_PAUSED)
		err_set_kind(
			&t->err, "QubesVMNotPausedError", 1, "Domain is not paused: '%s'", q->name);
}

/* --- what is kept ready -------------------------------------------------------------------- */

struct machines_spare machines_spare;

void
lifecycle_start_spare(struct lifecycle *l, struct qube *q, lifecycle_done done, void *data)
{
	if (machines_spare.never_starts)
		return;
	if (machines_spare.fails) {
		events_emit(
			((struct fixture *)l)->app, q, "domain-start-failed", "reason", "no", NULL);
		err_set(&take_turn(l, q, POWER_RUNNING, done, data)->err, EIO, "no");
		return;
	}
	lifecycle_start(l, q, done, data);
}

void
lifecycle_set_spare(struct lifecycle *l, const struct qube *q, bool is_spare)
{
	(void)l;
	(void)q;
	(void)is_spare;
}

bool
lifecycle_is_idle(const struct lifecycle *l)
{
	(void)l;
	return !machines_spare.is_busy;
}

bool
lifecycle_is_starting(const struct lifecycle *l, const struct qube *except)
{
	(void)l;
	(void)except;
	return machines_spare.is_busy;
}

bool
lifecycle_has_spare_memory(const struct lifecycle *l, uint64_t memory_mib)
{
	(void)l;
	return machines_spare.memory_mib == 0 || memory_mib <= machines_spare.memory_mib;
}

bool
lifecycle_awaits_frozen(struct lifecycle *l, const struct qube *template)
{
	(void)l;
	(void)template;
	return machines_spare.awaits_frozen;
}

char *
lifecycle_describe_start(struct lifecycle *l, const struct qube *q, struct err *err)
{
	(void)l;
	(void)q;
	(void)err;
	return text_format("content %u\n", machines_spare.content);
}

bool
lifecycle_is_traceless_still(const struct lifecycle *l, const struct qube *q)
{
	(void)l;
	(void)q;
	return true;
}

int
lifecycle_note_spare(struct lifecycle *l, const struct qube *q, const char *text, struct err *err)
{
	(void)l;
	(void)q;
	(void)text;
	(void)err;
	return 0;
}

char *
lifecycle_spare_note(const struct lifecycle *l, const struct qube *q)
{
	(void)l;
	(void)q;
	return NULL;
}

struct service_call {
	struct loop_deferred *deferred;
	lifecycle_done done;
	void *data;
};

static void
handle_called(struct loop_deferred *source, void *data)
{
	struct service_call *c = data;
	lifecycle_done done = c->done;
	void *done_data = c->data;

	(void)source;
	service_call_destroy(c);
	done(done_data, NULL);
}

struct service_call *
service_call_start(struct lifecycle *l, const struct qube *q, const struct service_request *request,
	lifecycle_done done, void *data, struct err *err)
{
	struct service_call *c = xcalloc(1, sizeof(*c));
	size_t length = strlen(machines_spare.calls);

	(void)err;
	snprintf(machines_spare.calls + length, sizeof(machines_spare.calls) - length, "%s of %s\n",
		request->service, q->name);
	*c = (struct service_call){.done = done, .data = data};
	c->deferred = loop_deferred_create(((struct fixture *)l)->loop, handle_called, c);
	loop_deferred_schedule(c->deferred);
	return c;
}

void
service_call_destroy(struct service_call *c)
{
	if (c == NULL)
		return;
	loop_deferred_destroy(c->deferred);
	free(c);
}
