/*
 * The first thing a daemon does: machines that run are taken up again, starts that were cut off
 * are undone, what dead machines wrote is committed. Anything odd is named in the log.
 */
#include "admin/lifecycle/recovery.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

#include "admin/lifecycle/boot.h"
#include "admin/lifecycle/ephemeral.h"
#include "admin/lifecycle/frozen.h"
#include "admin/lifecycle/orphans.h"
#include "admin/lifecycle/run.h"
#include "admin/lifecycle/windows.h"
#include "admin/storage/storage.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "base/text.h"

struct recovery {
	struct lifecycle *l;
	struct waiter *waiter; /* the caller of lifecycle_recover() */
	size_t pending;        /* adoptions not decided yet */
};

static void
finish_when_idle(struct recovery *r)
{
	if (r->pending > 0)
		return;
	waiter_answer(r->waiter, NULL);
	frozen_begin(r->l);
	r->l->recovery = NULL;
	free(r);
}

void
recovery_destroy(struct recovery *r)
{
	if (r == NULL)
		return;
	free(r->waiter);
	free(r);
}

/* Ends and removes all that is left of a qube's stay, but its volumes. */
static void
end_left_overs(struct lifecycle *l, const char *name, int qid)
{
	AUTO_FREE char *directory = root_path(LIFECYCLE_RUN_DIRECTORY "/%s", name);
	AUTO_ERR struct err err = ERR_INIT;

	orphans_end(directory, name);
	if (remove_tree(directory, &err) < 0)
		log_qube_message(LOG_LEVEL_WARNING, name, "%s", err_message(&err));
	err_clear(&err);
	if (qid >= 0 && record_delete(l->config.store, qid, &err) < 0)
		log_qube_message(LOG_LEVEL_ERROR, name, "%s", err_message(&err));
}

/* A record whose machine can be taken up becomes a run. */
static void
sort_record(struct lifecycle *l, const struct running_record *record)
{
	struct qube *q = app_find_qube_by_qid(l->config.app, record->qid);
	struct run *run;

	if (q == NULL) {
		AUTO_ERR struct err err = ERR_INIT;

		log_warning(
			"qube number %d is recorded as running and does not exist", record->qid);
		record_delete(l->config.store, record->qid, &err);
		return;
	}
	if (!record->started || l->config.hypervisor == NULL ||
		!process_is_alive(&record->processes[RECORD_MACHINE])) {
		log_qube_message(LOG_LEVEL_WARNING, q->name, "%s",
			record->started ? "its machine ended while no daemon watched"
					: "its start was cut off and is undone");
		end_left_overs(l, q->name, q->qid);
		return;
	}
	run = run_create(l, q);
	run->record = *record;
	run->recorded = true;
	run->spawned = true;
	run->phase = RUN_UP;
}

static int
sort_records(struct lifecycle *l, struct err *err)
{
	AUTO_FREE struct running_record *records = NULL;
	size_t count = 0;

	if (record_load_all(l->config.store, &records, &count, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		sort_record(l, &records[i]);
	return 0;
}

static struct run *
find_run_by_name(const struct lifecycle *l, const char *name)
{
	struct qube *q = app_find_qube(l->config.app, name);

	return q != NULL ? run_find(l, q) : NULL;
}

/* Run directories of which no record knows. */
static void
sweep_run_directories(struct lifecycle *l)
{
	AUTO_FREE char *path = root_path(LIFECYCLE_RUN_DIRECTORY);
	DIR *directory = opendir(path);
	struct dirent *entry;

	if (directory == NULL)
		return;
	while ((entry = readdir(directory)) != NULL) {
		if (!qube_name_valid(entry->d_name, NULL) ||
			find_run_by_name(l, entry->d_name) != NULL)
			continue;
		log_qube_message(
			LOG_LEVEL_WARNING, entry->d_name, "removing its left-over run directory");
		end_left_overs(l, entry->d_name, -1);
	}
	closedir(directory);
}

static bool
is_running(const char *owner, void *data)
{
	return find_run_by_name(data, owner) != NULL;
}

static void
handle_given_up(void *data, const struct err *err)
{
	struct recovery *r = data;

	r->pending--;
	finish_when_idle(r);
}

/* It is pending until all of it is cleaned up, so that nobody finds it half gone. */
static void
give_up_adoption(struct recovery *r, struct run *run, const struct err *err)
{
	struct waiter *w = waiter_create(run->l, run, handle_given_up, r);
	AUTO_FREE char *directory = qube_run_directory(run->q);

	log_qube_message(LOG_LEVEL_ERROR, run->q->name,
		"its machine cannot be taken up again and is ended: %s", err_message(err));
	machine_destroy(run->machine);
	run->machine = NULL;
	orphans_end(directory, run->q->name);
	list_append(&run->stop_waiters, &w->link);
	run_clean_up(run);
}

static void
handle_adopted(void *data, const struct err *err)
{
	struct run *run = data;
	struct recovery *r = run->l->recovery;

	if (err != NULL) {
		give_up_adoption(r, run, err);
		return;
	}
	qube_set_power_state(run->q,
		machine_state(run->machine) == MACHINE_PAUSED ? POWER_PAUSED : POWER_RUNNING);
	log_qube_message(LOG_LEVEL_INFO, run->q->name, "taken up again, %s",
		power_state_name(run->q->power.state));
	run_services_adopt(run);
	run_windows_adopt(run);
	r->pending--;
	finish_when_idle(r);
}

static void
adopt(struct recovery *r, struct run *run)
{
	AUTO_FREE char *directory = qube_run_directory(run->q);
	AUTO_FREE char *console_log = qube_console_log(run->q);
	AUTO_ERR struct err err = ERR_INIT;
	const struct process_id *id = &run->record.processes[RECORD_MACHINE];

	run->q->power.xid = run->record.xid;
	run->q->power.start_time_us = run->record.start_time_us;
	run->q->power.memory_kib = run->record.memory_kib;
	qube_set_power_state(run->q, POWER_TRANSIENT);
	run->is_ephemeral = ephemeral_is_noted(directory);
	run->machine = hypervisor_adopt(r->l->config.hypervisor, run->q->name, directory,
		run->is_ephemeral ? NULL : console_log, id->pid, id->start_time,
		run_handle_machine_event, handle_adopted, run, &err);
	r->pending++;
	if (run->machine == NULL)
		give_up_adoption(r, run, &err);
}

int
lifecycle_recover(struct lifecycle *l, lifecycle_done done, void *data, struct err *err)
{
	struct recovery *r;
	struct run *run, *following;

	if (sort_records(l, err) < 0)
		return -1;
	sweep_run_directories(l);
	frozen_recover();
	if (storage_recover(l->config.storage, is_running, l, err) < 0)
		return -1;
	r = xcalloc(1, sizeof(*r));
	*r = (struct recovery){.l = l, .waiter = waiter_create(l, NULL, done, data)};
	l->recovery = r;
	list_for_each_safe (run, following, &l->runs, link) {
		adopt(r, run);
	}
	finish_when_idle(r);
	return 0;
}
