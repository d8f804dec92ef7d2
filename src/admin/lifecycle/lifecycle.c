/*
 * The requests: what is asked of a qube, what its phase allows, and how the answers travel. The
 * steps themselves are in start.c, stop.c and services.c.
 */
#include "admin/lifecycle/lifecycle.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "admin/lifecycle/frozen.h"
#include "admin/lifecycle/memory.h"
#include "admin/lifecycle/recovery.h"
#include "admin/lifecycle/run.h"
#include "admin/lifecycle/windows.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "base/text.h"

/* Starts that go on beside each other on any host; on larger ones two a processor. */
#define STARTS_MIN 4
/* Of one machine, waiting for its answer. */
#define MACHINE_WAITERS_MAX 32

static void
handle_answering(struct loop_deferred *source, void *data)
{
	struct lifecycle *l = data;

	(void)source;
	while (!list_empty(&l->answers)) {
		struct waiter *w = container_of(l->answers.next, struct waiter, link);

		list_remove(&w->link);
		w->done(w->data, w->failed ? &w->err : NULL);
		err_clear(&w->err);
		free(w);
	}
}

/* What host processes expect to be there. Members of the group may call into qubes. */
static int
make_run_directories(struct err *err)
{
	AUTO_FREE char *runs = root_path(LIFECYCLE_RUN_DIRECTORY);
	AUTO_FREE char *logs = root_path(LIFECYCLE_LOG_DIRECTORY);
	AUTO_FREE char *links = root_path("/run/vchan");
	AUTO_FREE char *calls = root_path("/run/qubes");
	const struct group *group = getgrnam(HOST_GROUP);

	if (make_directories(runs, 0755, err) < 0 || make_directories(logs, 0755, err) < 0 ||
		make_directories(links, 0755, err) < 0 || make_directories(calls, 0770, err) < 0)
		return -1;
	if (group != NULL && geteuid() == 0 && chown(calls, 0, group->gr_gid) < 0)
		return err_set_errno(err, errno, "directory '%s': cannot set its group", calls);
	if (chmod(calls, group != NULL ? 02770 : 0700) < 0)
		return err_set_errno(err, errno, "directory '%s': cannot set its mode", calls);
	return 0;
}

/* More at once only make each of them slower, and then too slow. */
static unsigned int
choose_starts_max(void)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	return processors > STARTS_MIN / 2 ? 2 * (unsigned int)processors : STARTS_MIN;
}

struct lifecycle *
lifecycle_create(const struct lifecycle_config *config, struct err *err)
{
	struct lifecycle *l;

	if (make_run_directories(err) < 0)
		return NULL;
	l = xcalloc(1, sizeof(*l));
	l->config = *config;
	l->starts_max = choose_starts_max();
	list_init(&l->runs);
	list_init(&l->answers);
	list_init(&l->frozen);
	list_init(&l->resizes);
	live_disks_init(l);
	l->answering = loop_deferred_create(config->loop, handle_answering, l);
	if (l->answering == NULL) {
		free(l);
		err_set(err, ENOMEM, "out of memory");
		return NULL;
	}
	return l;
}

static void
drop_waiters(struct list *waiters)
{
	while (!list_empty(waiters)) {
		struct waiter *w = container_of(waiters->next, struct waiter, link);

		list_remove(&w->link);
		loop_timer_destroy(w->timer);
		err_clear(&w->err);
		free(w);
	}
}

void
lifecycle_destroy(struct lifecycle *l)
{
	if (l == NULL)
		return;
	l->ending = true;
	while (!list_empty(&l->runs)) {
		struct run *run = container_of(l->runs.next, struct run, link);

		drop_waiters(&run->start_waiters);
		drop_waiters(&run->stop_waiters);
		drop_waiters(&run->restart_waiters);
		drop_waiters(&run->machine_waiters);
		run_destroy(run);
	}
	frozen_destroy_all(l);
	memory_destroy(l);
	resizes_destroy_all(l);
	live_disks_destroy(l);
	drop_waiters(&l->answers);
	recovery_destroy(l->recovery);
	loop_deferred_destroy(l->answering);
	free(l);
}

struct run *
run_find(const struct lifecycle *l, const struct qube *q)
{
	struct run *run;

	list_for_each (run, &l->runs, link) {
		if (run->q == q)
			return run;
	}
	return NULL;
}

struct run *
run_create(struct lifecycle *l, struct qube *q)
{
	struct run *run = xcalloc(1, sizeof(*run));

	run->l = l;
	run->q = q;
	run->record.qid = q->qid;
	run->identity_fd = -1;
	list_init(&run->start_waiters);
	list_init(&run->stop_waiters);
	list_init(&run->restart_waiters);
	list_init(&run->machine_waiters);
	list_append(&l->runs, &run->link);
	qube_pin(q);
	return run;
}

void
run_destroy(struct run *run)
{
	list_remove(&run->link);
	run_services_destroy(run);
	windows_destroy(run->windows);
	machine_destroy(run->machine);
	loop_timer_destroy(run->agent_timer);
	loop_timer_destroy(run->power_timer);
	if (run->frozen != NULL)
		frozen_release(run->frozen);
	if (run->identity_fd >= 0)
		close(run->identity_fd);
	err_clear(&run->failure);
	qube_unpin(run->q);
	runs_go_on(run->l);
	free(run);
}

struct waiter *
waiter_create(struct lifecycle *l, struct run *run, lifecycle_done done, void *data)
{
	struct waiter *w = xcalloc(1, sizeof(*w));

	*w = (struct waiter){.l = l, .run = run, .done = done, .data = data};
	list_init(&w->link);
	return w;
}

void
waiter_answer(struct waiter *w, const struct err *err)
{
	loop_timer_destroy(steal_ptr(w->timer));
	w->failed = err != NULL;
	if (err != NULL)
		err_set_kind(&w->err, err->kind, err->code, "%s", err_message(err));
	list_remove(&w->link);
	list_append(&w->l->answers, &w->link);
	loop_deferred_schedule(w->l->answering);
}

void
waiters_answer_all(struct list *waiters, const struct err *err)
{
	while (!list_empty(waiters))
		waiter_answer(container_of(waiters->next, struct waiter, link), err);
}

/* Answers a request that needs no waiting. */
static void
answer_now(struct lifecycle *l, lifecycle_done done, void *data, const struct err *err)
{
	waiter_answer(waiter_create(l, NULL, done, data), err);
}

static int
refuse_powered_off(const struct qube *q, struct err *err)
{
	return err_set_kind(
		err, "QubesVMNotStartedError", ESRCH, "Domain is powered off: '%s'", q->name);
}

int
run_refuse_not_running(const struct qube *q, struct err *err)
{
	return err_set_kind(err, "QubesVMNotRunningError", EBUSY,
		"Domain not running (either powered off or paused): '%s'", q->name);
}

static int
check_can_start(const struct lifecycle *l, const struct qube *q, struct err *err)
{
	const char *rationale = qube_feature(q, "prohibit-start");

	if (q->class == CLASS_ADMIN)
		return err_set_kind(
			err, "QubesVMNotHaltedError", EBUSY, "Cannot start Dom0 fake domain!");
	if (!qube_class_has_machine(q->class))
		return err_set_kind(
			err, "QubesVMNotHaltedError", EBUSY, "Cannot start a RemoteVM.");
	if (l->config.hypervisor == NULL)
		return err_set_kind(err, "QubesVMError", ENODEV, "%s", l->config.no_hypervisor);
	if (rationale != NULL && rationale[0] != '\0')
		return err_set_kind(err, "QubesVMError", EPERM,
			"Qube start is prohibited. Rationale: %s", rationale);
	return 0;
}

void
lifecycle_start(struct lifecycle *l, struct qube *q, lifecycle_done done, void *data)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct run *run = run_find(l, q);
	struct waiter *w;

	if (run == NULL && check_can_start(l, q, &err) < 0) {
		if (qube_class_has_machine(q->class))
			events_emit(l->config.app, q, "domain-start-failed", "reason",
				err_message(&err), NULL);
		answer_now(l, done, data, &err);
		return;
	}
	if (run != NULL && run->phase == RUN_UP) {
		answer_now(l, done, data, NULL);
		return;
	}
	w = waiter_create(l, run, done, data);
	if (run == NULL) {
		run = run_create(l, q);
		w->run = run;
		list_append(&run->start_waiters, &w->link);
		run_begin(run);
	} else if (run->phase < RUN_UP && !run->doomed) {
		list_append(&run->start_waiters, &w->link);
	} else {
		list_append(&run->restart_waiters, &w->link);
	}
}

/* The names of running qubes that have this one as netvm, or NULL; the caller frees it. */
static char *
connected_names(const struct lifecycle *l, const struct qube *q)
{
	AUTO_BUF struct buf names;
	struct qube *other;
	size_t index;

	buf_init(&names, 65536);
	app_for_each_qube(l->config.app, index, other)
	{
		if (qube_class_has_machine(other->class) && !qube_is_halted(other) &&
			qube_netvm(other) == q)
			buf_printf(&names, "%s%s", buf_len(&names) > 0 ? ", " : "", other->name);
	}
	return buf_len(&names) > 0 ? buf_steal_string(&names) : NULL;
}

static int
check_can_shut_down(const struct lifecycle *l, const struct run *run, struct qube *q, bool force,
	struct err *err)
{
	AUTO_FREE char *connected = NULL;

	if (run == NULL)
		return refuse_powered_off(q, err);
	if (force)
		return 0;
	connected = connected_names(l, q);
	if (connected != NULL)
		return err_set_kind(err, "QubesVMInUseError", EBUSY,
			"There are other VMs connected to this VM: %s", connected);
	if (q->power.state == POWER_PAUSED)
		return run_refuse_not_running(q, err);
	return 0;
}

static void
handle_shutdown_timeout(struct loop_timer *timer, void *data)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct waiter *w = data;

	(void)timer;
	err_set_kind(&err, "QubesVMShutdownTimeoutError", ETIMEDOUT,
		"Domain shutdown timed out: '%s'", w->run->q->name);
	events_emit(w->l->config.app, w->run->q, "domain-shutdown-failed", "reason",
		err_message(&err), NULL);
	waiter_answer(w, &err);
}

/* Waits in the run's list until it is gone, at most the qube's shutdown_timeout. */
static void
await_halt(struct waiter *w)
{
	uint64_t seconds = (uint64_t)qube_number(w->run->q, PROPERTY_SHUTDOWN_TIMEOUT);

	list_append(&w->run->stop_waiters, &w->link);
	w->timer = loop_timer_create(w->l->config.loop, handle_shutdown_timeout, w);
	if (w->timer != NULL && seconds < UINT32_MAX)
		loop_timer_start(w->timer, seconds * 1000);
}

/* What is asked for is on its way: an answer now, or when it is done. */
static void
await_or_answer(struct run *run, bool wait, lifecycle_done done, void *data)
{
	if (wait)
		await_halt(waiter_create(run->l, run, done, data));
	else
		answer_now(run->l, done, data, NULL);
}

void
lifecycle_shutdown(
	struct lifecycle *l, struct qube *q, bool force, bool wait, lifecycle_done done, void *data)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct run *run = run_find(l, q);

	if (check_can_shut_down(l, run, q, force, &err) < 0) {
		answer_now(l, done, data, &err);
		return;
	}
	if (run->phase < RUN_STOPPING)
		events_emit(l->config.app, q, "domain-pre-shutdown", "force",
			force ? "True" : "False", NULL);
	await_or_answer(run, wait, done, data);
	if (run->phase < RUN_AGENT) {
		err_set_kind(&err, "QubesVMError", ECANCELED,
			"qube '%s' was shut down while it was being started", q->name);
		run_give_up(run, &err);
	} else if (run->phase < RUN_STOPPING && q->power.state == POWER_PAUSED) {
		run_tear_down(run);
	} else if (run->phase < RUN_STOPPING) {
		run_press_power_button(run);
	}
}

void
lifecycle_kill(struct lifecycle *l, struct qube *q, lifecycle_done done, void *data)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct run *run = run_find(l, q);
	struct waiter *w;

	if (run == NULL) {
		refuse_powered_off(q, &err);
		answer_now(l, done, data, &err);
		return;
	}
	w = waiter_create(l, run, done, data);
	list_append(&run->stop_waiters, &w->link);
	if (run->phase < RUN_UP) {
		err_set_kind(&err, "QubesVMError", ECANCELED,
			"qube '%s' was killed while it was being started", q->name);
		run_give_up(run, &err);
	} else {
		run_tear_down(run);
	}
}

void
run_handle_machine_answer(void *data, const struct err *err)
{
	waiter_answer(data, err);
}

struct waiter *
run_await_machine(struct run *run, lifecycle_done done, void *data)
{
	struct waiter *w = waiter_create(run->l, run, done, data);

	list_append(&run->machine_waiters, &w->link);
	return w;
}

/* Requests that are handed to a machine wait there, and it takes only so many. */
static int
check_not_flooded(const struct run *run, struct err *err)
{
	const struct waiter *w;
	unsigned int count = 0;

	list_for_each (w, &run->machine_waiters, link)
		count++;
	return count < MACHINE_WAITERS_MAX
		       ? 0
		       : err_set_kind(err, "QubesVMError", EBUSY,
				 "too many requests to '%s' are under way", run->q->name);
}

static int
check_can_pause(const struct run *run, const struct qube *q, struct err *err)
{
	if (run == NULL)
		return refuse_powered_off(q, err);
	if ((run->phase != RUN_AGENT && run->phase != RUN_UP) || q->power.state == POWER_PAUSED)
		return run_refuse_not_running(q, err);
	return check_not_flooded(run, err);
}

void
lifecycle_pause(struct lifecycle *l, struct qube *q, lifecycle_done done, void *data)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct run *run = run_find(l, q);

	if (check_can_pause(run, q, &err) < 0) {
		answer_now(l, done, data, &err);
		return;
	}
	events_emit(l->config.app, q, "domain-pre-paused", NULL);
	machine_pause(run->machine, run_handle_machine_answer, run_await_machine(run, done, data));
}

void
lifecycle_unpause(struct lifecycle *l, struct qube *q, lifecycle_done done, void *data)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct run *run = run_find(l, q);

	if (run == NULL || run->machine == NULL || q->power.state != POWER_PAUSED) {
		err_set_kind(&err, "QubesVMNotPausedError", EINVAL, "Domain is not paused: '%s'",
			q->name);
		answer_now(l, done, data, &err);
		return;
	}
	if (check_not_flooded(run, &err) < 0) {
		answer_now(l, done, data, &err);
		return;
	}
	events_emit(l->config.app, q, "domain-pre-unpaused", NULL);
	machine_resume(run->machine, run_handle_machine_answer, run_await_machine(run, done, data));
}

uint64_t
lifecycle_cpu_time_ns(const struct lifecycle *l, const struct qube *q)
{
	const struct run *run = run_find(l, q);
	struct timespec used;
	clockid_t clock;

	if (run == NULL || run->machine == NULL ||
		clock_getcpuclockid(machine_pid(run->machine), &clock) != 0 ||
		clock_gettime(clock, &used) < 0)
		return 0;
	return (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
}

bool
lifecycle_leaves_nothing(const struct lifecycle *l, const struct qube *q)
{
	const struct run *run = run_find(l, q);

	return run != NULL && run->is_ephemeral;
}
