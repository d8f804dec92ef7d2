/*
 * What is done to the disks of a running qube: folds, for which storage asks, and snapshots of what
 * is being written. Storage keeps the rows, the machine does the work; this only carries word
 * between the two. Runs in bulkheadd.
 */
#include <errno.h>
#include <stdlib.h>

#include "admin/lifecycle/run.h"
#include "admin/lifecycle/service_call.h"
#include "admin/storage/storage.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"

/* A qube has so long to write what it holds in memory to its disks. */
#define FLUSH_TIMEOUT_MS 20000

struct live_snapshot {
	struct list link; /* lifecycle.snapshots */
	struct lifecycle *l;
	struct qube *q;                   /* pinned */
	char *volume, *pool, *vid, *name; /* owned */
	struct service_call *flush;
	lifecycle_done done;
	void *data;
};

/* --- folds --- */

static void
handle_folded(void *data, const struct err *err)
{
	struct lifecycle *l = data;

	/* What it gave way to looks again itself, or the next machine that comes up. */
	if (err != NULL && err->code != ECANCELED)
		log_info("a running disk stays on more than two images: %s", err_message(err));
	storage_end_live_fold(l->config.storage);
}

static void
handle_fold_wanted(const char *owner, const char *name, const char *base_name, void *data)
{
	struct lifecycle *l = data;
	struct run *run;

	list_for_each (run, &l->runs, link) {
		/* What is copied would be in memory. */
		if (!text_equal(run->q->name, owner) || run->phase != RUN_UP || run->is_ephemeral)
			continue;
		machine_fold_disk(run->machine, name, base_name, run_handle_machine_answer,
			run_await_machine(run, handle_folded, l));
		return;
	}
	storage_end_live_fold(l->config.storage);
}

/* --- snapshots --- */

static void
snapshot_destroy(struct live_snapshot *s)
{
	list_remove(&s->link);
	service_call_destroy(s->flush);
	qube_unpin(s->q);
	free(s->volume);
	free(s->pool);
	free(s->vid);
	free(s->name);
	free(s);
}

static void
finish(struct live_snapshot *s, const struct err *err)
{
	lifecycle_done done = s->done;
	void *data = s->data;

	snapshot_destroy(s);
	done(data, err);
}

static struct run *
find_running(struct live_snapshot *s)
{
	struct run *run = run_find(s->l, s->q);

	return run != NULL && run->phase == RUN_UP ? run : NULL;
}

static void
handle_switched(void *data, const struct err *err)
{
	struct live_snapshot *s = data;
	struct storage *storage = s->l->config.storage;
	AUTO_ERR struct err failure = ERR_INIT;

	if (err == NULL) {
		if (storage_end_live_snapshot(storage, s->pool, s->vid, s->name, true, &failure) <
			0)
			finish(s, &failure);
		else
			finish(s, NULL);
		return;
	}
	/* A machine that lives and says no has not changed over; of a dead one it is not known. */
	if (err->code == EIO && find_running(s) != NULL &&
		storage_end_live_snapshot(storage, s->pool, s->vid, s->name, false, &failure) < 0)
		log_qube_message(LOG_LEVEL_WARNING, s->q->name, "volume '%s': %s", s->volume,
			err_message(&failure));
	finish(s, err);
}

static void
handle_image(void *data, struct disk_images *images, const struct err *err)
{
	struct live_snapshot *s = data;
	struct run *run = find_running(s);
	AUTO_ERR struct err gone = ERR_INIT;

	if (err == NULL && run != NULL) {
		machine_switch_disk(run->machine, &images->images[0], run_handle_machine_answer,
			run_await_machine(run, handle_switched, s));
		disk_images_destroy(images);
		return;
	}
	disk_images_destroy(images);
	if (err == NULL)
		(void)run_refuse_not_running(s->q, &gone);
	finish(s, err != NULL ? err : &gone);
}

static void
begin(struct live_snapshot *s)
{
	storage_begin_live_snapshot(
		s->l->config.storage, s->pool, s->vid, s->name, handle_image, s);
}

static void
handle_flushed(void *data, const struct err *err)
{
	struct live_snapshot *s = data;

	s->flush = NULL;
	if (err != NULL)
		log_qube_message(LOG_LEVEL_WARNING, s->q->name,
			"volume '%s': the snapshot has what the qube has written by itself: %s",
			s->volume, err_message(err));
	begin(s);
}

void
lifecycle_snapshot_disk(struct lifecycle *l, struct qube *q, const char *volume, const char *pool,
	const char *vid, const char *name, lifecycle_done done, void *data)
{
	static const struct service_request flush = {
		.service = "qubes.VMExec+sync", .user = "root", .timeout_ms = FLUSH_TIMEOUT_MS};
	AUTO_ERR struct err err = ERR_INIT;
	struct run *run = run_find(l, q);
	struct live_snapshot *s;

	if (run == NULL || run->phase != RUN_UP || run->is_ephemeral) {
		run_refuse_not_running(q, &err);
		waiter_answer(waiter_create(l, NULL, done, data), &err);
		return;
	}
	s = xcalloc(1, sizeof(*s));
	*s = (struct live_snapshot){.l = l,
		.q = q,
		.volume = text_copy(volume),
		.pool = text_copy(pool),
		.vid = text_copy(vid),
		.name = text_copy(name),
		.done = done,
		.data = data};
	qube_pin(q);
	list_append(&l->snapshots, &s->link);
	/* A paused qube can not answer. */
	if (q->power.state == POWER_RUNNING)
		s->flush = service_call_start(l, q, &flush, handle_flushed, s, &err);
	if (s->flush == NULL)
		begin(s);
}

void
live_disks_init(struct lifecycle *l)
{
	list_init(&l->snapshots);
	if (l->config.storage != NULL)
		storage_set_live_fold(l->config.storage, handle_fold_wanted, l);
}

void
live_disks_destroy(struct lifecycle *l)
{
	struct live_snapshot *s, *following;

	list_for_each_safe (s, following, &l->snapshots, link)
		snapshot_destroy(s);
}
