/*
 * The start of a qube, step by step (spec admin-api.md 16.2). Every step that waits sets `busy`,
 * and its answer first looks whether the run was doomed meanwhile.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "admin/lifecycle/boot.h"
#include "admin/lifecycle/ephemeral.h"
#include "admin/lifecycle/frozen.h"
#include "admin/lifecycle/identity.h"
#include "admin/lifecycle/memory.h"
#include "admin/lifecycle/run.h"
#include "admin/lifecycle/windows.h"
#include "admin/storage/storage.h"
#include "base/cleanup.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "base/path.h"

static void start_machine(struct run *run, struct disk_images *disks);

void
run_give_up(struct run *run, struct err *reason)
{
	if (run->doomed || run->phase >= RUN_UP) {
		err_clear(reason);
		run_tear_down(run);
		return;
	}
	log_qube_message(LOG_LEVEL_ERROR, run->q->name, "start failed: %s", err_message(reason));
	events_emit(run->l->config.app, run->q, "domain-start-failed", "reason",
		err_message(reason), NULL);
	err_move(&run->failure, reason);
	run_tear_down(run);
}

/* An answer has come. False when the run has to go instead of on. */
static bool
step_is_over(struct run *run, const struct err *err, const char *what)
{
	AUTO_ERR struct err reason = ERR_INIT;

	run->busy = false;
	if (run->doomed) {
		run_tear_down(run);
		return false;
	}
	if (err == NULL)
		return true;
	err_set_kind(&reason, err->kind != NULL ? err->kind : "QubesVMError", err->code, "%s%s",
		what, err_message(err));
	run_give_up(run, &reason);
	return false;
}

static void
handle_netvm_started(void *data, const struct err *err)
{
	struct run *run = data;

	if (step_is_over(run, err, "its netvm cannot be started: "))
		run_go_on(run);
}

void
run_begin(struct run *run)
{
	struct qube *q = run->q, *netvm = qube_netvm(q);
	char memory_bytes[32];

	run->phase = RUN_NETVM;
	qube_set_power_state(q, POWER_TRANSIENT);
	snprintf(memory_bytes, sizeof(memory_bytes), "%lld",
		(long long)qube_number(q, PROPERTY_MEMORY) * 1024 * 1024);
	events_emit(run->l->config.app, q, "domain-pre-start", "start_guid", "True", "mem_required",
		memory_bytes, NULL);
	events_emit(run->l->config.app, q, "domain-verify-files", NULL);
	if (netvm == NULL || !qube_is_halted(netvm)) {
		run_go_on(run);
		return;
	}
	run->busy = true;
	lifecycle_start(run->l, netvm, handle_netvm_started, run);
}

static void
handle_storage_started(void *data, struct disk_images *disks, const struct err *err)
{
	struct run *run = data;

	crash_point("start:after-storage");
	if (!step_is_over(run, err, "")) {
		disk_images_destroy(disks);
		return;
	}
	start_machine(run, disks);
	disk_images_destroy(disks);
}

void
run_go_on(struct run *run)
{
	if (run->phase == RUN_NETVM && !run_has_turn(run)) {
		run->waiting = true;
		return;
	}
	if (run->phase == RUN_NETVM && !memory_take(run))
		return;
	run->phase = RUN_STORAGE;
	run->busy = true;
	/* A copy that failed is started again, and then boots. */
	run->frozen = run->is_copy ? NULL : frozen_take(run);
	run->is_copy = run->frozen != NULL;
	storage_start_over(run->l->config.storage, run->q->name,
		run->frozen != NULL ? frozen_owner(run->frozen) : NULL, handle_storage_started,
		run);
}

static uint64_t
wall_clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* The row comes before the processes, so that none of them is ever unknown. */
static int
make_record(struct run *run, unsigned int memory_mib, struct err *err)
{
	run->record.start_time_us = wall_clock_us();
	run->record.memory_kib = (uint64_t)memory_mib * 1024;
	if (!run->recorded && record_insert(run->l->config.store, &run->record, err) < 0)
		return -1;
	run->recorded = true;
	crash_point("start:after-record");
	return 0;
}

void
run_save_record(struct run *run)
{
	AUTO_ERR struct err err = ERR_INIT;

	if (run->recorded && record_update(run->l->config.store, &run->record, &err) < 0)
		log_qube_message(LOG_LEVEL_ERROR, run->q->name,
			"cannot record what runs; a restart of the daemon would stop the qube: %s",
			err_message(&err));
}

/*
 * A copy becomes this qube; it waits for that, and finds it when it goes on. -1 when the start was
 * given up.
 */
static int
tell_identity(struct run *run)
{
	AUTO_FREE char *command_line = NULL;
	AUTO_ERR struct err err = ERR_INIT;

	if (!run->is_copy)
		return 0;
	command_line = boot_command_line(run->q);
	if (identity_send(run->identity_fd, command_line, &err) == 0)
		return 0;
	run_give_up(run, &err);
	return -1;
}

/* The qube has enough to do before it looks for them. */
static void
handle_resumed(void *data, const struct err *err)
{
	AUTO_ERR struct err service_err = ERR_INIT;
	struct run *run = data;

	crash_point("start:after-resume");
	if (!step_is_over(run, err, ""))
		return;
	if (run_services_start(run, &service_err) < 0) {
		run_give_up(run, &service_err);
		return;
	}
	crash_point("start:after-services");
	if (qube_feature_lookup(run->q, "qrexec", FEATURE_WITH_TEMPLATE) == NULL)
		run_set_up(run);
}

static void
handle_agent_timeout(struct loop_timer *timer, void *data)
{
	AUTO_FREE char *console_log = NULL;
	AUTO_ERR struct err err = ERR_INIT;
	struct run *run = data;

	(void)timer;
	console_log = qube_console_log(run->q);
	err_set_kind(&err, "QubesVMError", ETIMEDOUT,
		"Cannot connect to qrexec agent for %lld seconds, see %s for details",
		(long long)qube_number(run->q, PROPERTY_QREXEC_TIMEOUT),
		run->is_ephemeral ? "the log of bulkheadd" : console_log);
	run_give_up(run, &err);
}

static void
await_agent(struct run *run)
{
	uint64_t seconds = (uint64_t)qube_number(run->q, PROPERTY_QREXEC_TIMEOUT);

	run->phase = RUN_AGENT;
	if (qube_feature_lookup(run->q, "qrexec", FEATURE_WITH_TEMPLATE) == NULL)
		return;
	run->agent_timer = loop_timer_create(run->l->config.loop, handle_agent_timeout, run);
	if (run->agent_timer != NULL && seconds < UINT32_MAX)
		loop_timer_start(run->agent_timer, seconds * 1000);
}

/* The machine is there, paused: it becomes known, gets its processes, and goes. */
static void
announce_machine(struct run *run)
{
	struct app *app = run->l->config.app;
	struct qube *q = run->q;

	run->spawned = true;
	run->record.processes[RECORD_MACHINE] = (struct process_id){
		.pid = machine_pid(run->machine), .start_time = machine_start_time(run->machine)};
	run_save_record(run);
	q->power.xid = run->record.xid;
	q->power.start_time_us = run->record.start_time_us;
	q->power.memory_kib = run->record.memory_kib;
	qube_set_power_state(q, POWER_TRANSIENT);
	events_emit_machine_changed(app, q);
	events_emit(app, q, "domain-spawn", "start_guid", "True", NULL);
	events_emit(app, q, "domain-qdb-create", NULL);
}

/* The copy is made, or will not be. */
static void
release_frozen(struct run *run)
{
	if (run->frozen != NULL)
		frozen_release(steal_ptr(run->frozen));
}

static void
handle_copy_dropped(void *data, const struct err *err)
{
	struct run *run = data;

	if (step_is_over(run, err, ""))
		run_go_on(run);
}

/* The frozen state does not fit what runs here: slower, but it works. */
static void
boot_instead(struct run *run, const struct err *err)
{
	log_qube_message(LOG_LEVEL_WARNING, run->q->name,
		"cannot be a copy of a frozen disposable, and boots: %s", err_message(err));
	if (run->identity_fd >= 0)
		close(steal_fd(&run->identity_fd));
	frozen_spoil(run->frozen);
	release_frozen(run);
	storage_stop(run->l->config.storage, run->q->name, handle_copy_dropped, run);
}

static void
handle_machine_started(void *data, const struct err *err)
{
	struct run *run = data;

	crash_point("start:after-machine");
	/* A machine that failed is gone already. */
	if (err != NULL) {
		machine_destroy(run->machine);
		run->machine = NULL;
	}
	if (err != NULL && run->is_copy && !run->doomed) {
		boot_instead(run, err);
		return;
	}
	release_frozen(run);
	if (!step_is_over(run, err, "") || tell_identity(run) < 0)
		return;
	announce_machine(run);
	events_emit(run->l->config.app, run->q, "domain-pre-unpaused", NULL);
	await_agent(run);
	run->busy = true;
	machine_resume(run->machine, handle_resumed, run);
}

/* Before its state is read: to the qube, the port that it waits at was never away. */
static void
connect_identity(struct run *run, const char *run_directory)
{
	AUTO_ERR struct err err = ERR_INIT;

	run->identity_fd = identity_connect(run_directory, &err);
	/* What is told into it then fails, and with that the start. */
	if (run->identity_fd < 0)
		log_qube_message(LOG_LEVEL_WARNING, run->q->name, "%s", err_message(&err));
}

static int
prepare_machine(struct run *run, struct boot_plan *plan, struct disk_images *disks, struct err *err)
{
	run->is_ephemeral = qube_is_ephemeral(run->q);
	if ((run->is_ephemeral && ephemeral_take_disks(run->q, disks, err) < 0) ||
		boot_plan_make(plan, run->q, disks, err) < 0 ||
		(run->frozen != NULL && frozen_apply(run->frozen, plan, err) < 0))
		return -1;
	plan->machine.is_spare = run->is_spare;
	if (run->frozen == NULL)
		frozen_make_room(run->l, plan->machine.memory_mib);
	/* The machine's user may pass through, and make nothing here. */
	if (remove_tree(plan->run_directory, err) < 0 ||
		make_directories(plan->run_directory, 0711, err) < 0)
		return -1;
	if (run->is_ephemeral) {
		/* What a qube says on its console may be anything that is in it. */
		plan->machine.console_log = NULL;
		if (ephemeral_note(plan->run_directory, err) < 0)
			return -1;
	}
	if (make_record(run, plan->machine.memory_mib, err) < 0)
		return -1;
	events_emit(run->l->config.app, run->q, "domain-pre-spawn", "start_guid", "True", NULL);
	run->machine = hypervisor_start(run->l->config.hypervisor, &plan->machine,
		run_handle_machine_event, handle_machine_started, run, err);
	if (run->machine == NULL)
		return -1;
	if (run->is_copy)
		connect_identity(run, plan->run_directory);
	return 0;
}

static void
start_machine(struct run *run, struct disk_images *disks)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct boot_plan plan = {0};

	run->phase = RUN_MACHINE;
	run->busy = true;
	if (prepare_machine(run, &plan, disks, &err) < 0) {
		run->busy = false;
		run_give_up(run, &err);
	}
	boot_plan_finish(&plan);
}

void
run_set_up(struct run *run)
{
	run->phase = RUN_UP;
	loop_timer_destroy(steal_ptr(run->agent_timer));
	if (run->q->power.state == POWER_TRANSIENT)
		qube_set_power_state(run->q, POWER_RUNNING);
	run->record.started = true;
	run_save_record(run);
	run_windows_start(run);
	crash_point("start:after-agent");
	events_emit(run->l->config.app, run->q, "domain-start", "start_guid", "True", NULL);
	waiters_answer_all(&run->start_waiters, NULL);
	storage_look_at_running(run->l->config.storage);
	runs_go_on(run->l);
}

void
run_agent_ready(struct run *run)
{
	if (run->phase == RUN_AGENT)
		run_set_up(run);
}

static const char *
stop_reason_text(enum machine_stop_reason reason)
{
	switch (reason) {
	case MACHINE_STOP_SHUTDOWN:
		return "the qube powered itself off";
	case MACHINE_STOP_RESET:
		return "the qube rebooted";
	case MACHINE_STOP_PANIC:
		return "the qube's kernel panicked";
	case MACHINE_STOP_KILLED:
		return "it was killed";
	case MACHINE_STOP_CRASHED:
		return "the machine's process died";
	}
	return "unknown reason";
}

/* The machine is gone: the end of a start, or of a stay. */
static void
handle_machine_stopped(struct run *run, const struct machine_event *event)
{
	AUTO_FREE char *console_log = qube_console_log(run->q);
	AUTO_ERR struct err err = ERR_INIT;
	bool wanted = run->phase >= RUN_STOPPING || event->reason == MACHINE_STOP_SHUTDOWN;

	machine_destroy(run->machine);
	run->machine = NULL;
	run->busy = false;
	memory_given_back(run->l);
	run_refuse_not_running(run->q, &err);
	waiters_answer_all(&run->machine_waiters, &err);
	log_qube_message(wanted ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, run->q->name,
		"machine stopped: %s%s%s", stop_reason_text(event->reason),
		event->detail[0] != '\0' ? ": " : "", event->detail);
	if (run->phase < RUN_UP && !run->doomed) {
		if (run->is_copy)
			frozen_doubt(run);
		err_set_kind(&err, "QubesVMError", EIO, "%s while it was being started, see %s",
			stop_reason_text(event->reason), console_log);
		run_give_up(run, &err);
		return;
	}
	run_clean_up(run);
}

/* By itself: a disk on which it can not write. Who starts it hears that, and not silence. */
static void
give_up_paused(struct run *run, const char *detail)
{
	AUTO_ERR struct err err = ERR_INIT;

	err_set_kind(&err, "QubesVMError", EIO, "its machine can not go on: %s", detail);
	run_give_up(run, &err);
}

void
run_handle_machine_event(struct machine *m, const struct machine_event *event, void *data)
{
	struct run *run = data;
	struct app *app = run->l->config.app;

	(void)m;
	switch (event->kind) {
	case MACHINE_EVENT_PAUSED:
		if (event->detail[0] != '\0')
			log_qube_message(LOG_LEVEL_ERROR, run->q->name, "machine paused itself: %s",
				event->detail);
		if (event->detail[0] != '\0' && run->phase == RUN_AGENT) {
			give_up_paused(run, event->detail);
			break;
		}
		if (run->phase == RUN_UP || run->phase == RUN_AGENT) {
			qube_set_power_state(run->q, POWER_PAUSED);
			events_emit(app, run->q, "domain-paused", NULL);
		}
		break;
	case MACHINE_EVENT_RESUMED:
		if (run->phase == RUN_UP || run->phase == RUN_AGENT) {
			qube_set_power_state(
				run->q, run->phase == RUN_UP ? POWER_RUNNING : POWER_TRANSIENT);
			events_emit(app, run->q, "domain-unpaused", NULL);
		}
		break;
	case MACHINE_EVENT_STOPPED:
		handle_machine_stopped(run, event);
		break;
	}
}
