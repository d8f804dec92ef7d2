/*
 * A double of the lifecycle for the tests of the API: the same interface, answers on the next
 * turn of the loop, power states and the events of the spec, but no machine. It takes the
 * fixture for the struct lifecycle.
 */
#include <stdio.h>
#include <stdlib.h>

#include "admin/lifecycle/lifecycle.h"
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
handle_turn(struct loop_deferred *source, void *data)
{
	struct turn *t = data;

	loop_deferred_destroy(source);
	if (t->err.message == NULL && t->wanted == POWER_RUNNING && qube_is_halted(t->q))
		come_up(t);
	else if (t->err.message == NULL && t->wanted == POWER_HALTED && !qube_is_halted(t->q))
		go_down(t);
	else if (t->err.message == NULL)
		qube_set_power_state(t->q, t->wanted);
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
