/*
 * The end of a qube's stay: machine, host processes, storage, record, in this order, so that
 * nothing is given back that something still uses.
 */
#include "admin/lifecycle/boot.h"
#include "admin/lifecycle/run.h"
#include "admin/lifecycle/windows.h"
#include "admin/storage/storage.h"
#include "base/cleanup.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "base/path.h"

static void
announce_halt(struct run *run)
{
	struct app *app = run->l->config.app;
	struct qube *q = run->q;

	qube_power_reset(&q->power, q->class);
	qube_set_power_state(q, POWER_HALTED);
	if (!run->spawned)
		return;
	events_emit(app, q, "domain-stopped", NULL);
	events_emit_machine_changed(app, q);
	events_emit(app, q, "domain-shutdown", NULL);
}

static void
forget_files(struct run *run)
{
	AUTO_FREE char *run_directory = qube_run_directory(run->q);
	AUTO_ERR struct err err = ERR_INIT;

	if (remove_tree(run_directory, &err) < 0)
		log_qube_message(LOG_LEVEL_WARNING, run->q->name, "%s", err_message(&err));
	err_clear(&err);
	if (run->recorded && record_delete(run->l->config.store, run->q->qid, &err) < 0)
		log_qube_message(LOG_LEVEL_ERROR, run->q->name,
			"cannot forget that it ran; the next start of the daemon will: %s",
			err_message(&err));
	crash_point("stop:after-record");
}

/* Starts asked for while the qube was stopping begin now. */
static void
begin_again(struct lifecycle *l, struct qube *q, struct list *waiters)
{
	while (!list_empty(waiters)) {
		struct waiter *w = container_of(waiters->next, struct waiter, link);

		list_remove(&w->link);
		lifecycle_start(l, q, w->done, w->data);
		free(w);
	}
}

static void
handle_storage_stopped(void *data, const struct err *err)
{
	struct run *run = data;
	struct lifecycle *l = run->l;
	struct qube *q = run->q;
	struct list restart_waiters;

	crash_point("stop:after-storage");
	if (err != NULL)
		log_qube_message(LOG_LEVEL_ERROR, q->name,
			"volumes are not saved yet, which is tried again: %s", err_message(err));
	forget_files(run);
	announce_halt(run);
	waiters_answer_all(
		&run->start_waiters, run->failure.message != NULL ? &run->failure : NULL);
	waiters_answer_all(&run->stop_waiters, err);
	list_init(&restart_waiters);
	while (!list_empty(&run->restart_waiters)) {
		struct list *first = run->restart_waiters.next;

		list_remove(first);
		list_append(&restart_waiters, first);
	}
	run_destroy(run);
	begin_again(l, q, &restart_waiters);
}

static void
stop_storage_when_alone(struct run *run)
{
	if (run->machine != NULL || run->busy || !run_services_are_gone(run))
		return;
	crash_point("stop:after-services");
	run->busy = true;
	storage_stop(run->l->config.storage, run->q->name, handle_storage_stopped, run);
}

void
run_clean_up(struct run *run)
{
	if (run->phase != RUN_CLEANING) {
		run->phase = RUN_CLEANING;
		run->doomed = true;
		loop_timer_destroy(steal_ptr(run->agent_timer));
		if (run->q->power.state != POWER_TRANSIENT)
			qube_set_power_state(run->q, POWER_DYING);
		crash_point("stop:after-machine");
		run_services_stop(run);
		windows_destroy(steal_ptr(run->windows));
	}
	stop_storage_when_alone(run);
}

void
run_tear_down(struct run *run)
{
	run->doomed = true;
	if (run->phase == RUN_CLEANING) {
		stop_storage_when_alone(run);
		return;
	}
	if (run->machine != NULL && run->phase == RUN_MACHINE && run->busy) {
		/* The answer to its start tells of its end. */
		(void)machine_kill(run->machine);
		return;
	}
	if (run->machine != NULL) {
		/* Its end is an event. */
		if (run->phase != RUN_STOPPING) {
			run->phase = RUN_STOPPING;
			loop_timer_destroy(steal_ptr(run->agent_timer));
			run->busy = false;
			machine_kill(run->machine);
		}
		return;
	}
	if (!run->busy)
		run_clean_up(run);
}
