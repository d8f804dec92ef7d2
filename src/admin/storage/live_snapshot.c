/*
 * Snapshots of what a machine is writing to (storage.h). Runs in bulkheadd.
 *
 *   row of N unwanted -> image of N over X -> X unwanted, N open -> the machine changes over
 *   -> X a revision with its name
 *
 * From the third step on the content is what is read over N, whichever of the two was written to:
 * so the machine, or we, can end at any place.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "admin/storage/operation.h"
#include "base/cleanup.h"
#include "base/crash_point.h"
#include "base/text.h"

struct live_snapshot {
	struct operation op;
	struct volume volume;
	char *name;
	struct state open; /* that the machine writes to */
	struct state next;
	struct disk_images *images;
	storage_started done;
	void *data;
};

static struct live_snapshot *
snapshot_of(struct operation *op)
{
	return container_of(op, struct live_snapshot, op);
}

static int
check_possible(struct live_snapshot *l, struct err *err)
{
	struct store *store = l->op.storage->store;
	struct state same;
	int found;

	if (!l->volume.save_on_stop)
		return REFUSE(err, EINVAL, "volume '%s' does not keep its content", l->volume.vid);
	found = state_open(store, l->volume.id, &l->open, err);
	if (found == 0 || (found > 0 && l->open.status != STATE_OPEN))
		return REFUSE(err, EBUSY, "volume '%s' is not in use", l->volume.vid);
	if (found > 0)
		found = state_find(store, l->volume.id, l->name, &same, err);
	if (found > 0)
		return REFUSE(err, EEXIST, "volume '%s' has a snapshot '%s' already", l->volume.vid,
			l->name);
	return found;
}

/* One transaction: from here on N may be written to. */
static int
change_over(struct live_snapshot *l, struct err *err)
{
	struct store *store = l->op.storage->store;

	if (store_begin(store, err) < 0)
		return -1;
	if (state_set_status(store, l->open.id, STATE_UNWANTED, err) < 0 ||
		state_set_open(store, l->next.id, FRESH_BYTES_IN_DOUBT, err) < 0) {
		store_rollback(store);
		return -1;
	}
	return store_commit(store, err);
}

static int
open_next(struct live_snapshot *l, struct err *err)
{
	struct pool *pool = &l->op.storage->default_pool;
	struct chain chain = {0};
	struct disk_image *image;
	int result;

	if (chain_load(l->op.storage->store, l->next.id, &chain, err) < 0)
		return -1;
	l->images = disk_images_create();
	image = &l->images->images[l->images->count++];
	(void)snprintf(image->name, sizeof(image->name), "%s", l->volume.name);
	image->size_bytes = l->next.size_bytes;
	/* The others are open in the machine. */
	result = pool->driver->open(pool, &chain, /* read_only= */ false, image, err);
	while (image->file_count > 1)
		close(image->files[--image->file_count].fd);
	chain_finish(&chain);
	return result;
}

static void
handle_made(void *data, struct err *err)
{
	struct live_snapshot *l = data;

	if (err->code != 0)
		err_move(&l->op.err, err);
	else if (open_next(l, &l->op.err) == 0)
		(void)change_over(l, &l->op.err);
	crash_point("storage:live-snapshot:after-open");
	/* What was made in vain is unwanted, as its row says. */
	storage_want_tidy(l->op.storage);
	operation_finish(&l->op);
}

static void
run_snapshot(struct operation *op)
{
	struct live_snapshot *l = snapshot_of(op);
	struct storage *s = op->storage;
	struct pool *pool = &s->default_pool;
	struct volume *v = &l->volume;

	if (check_possible(l, &op->err) < 0) {
		operation_finish(op);
		return;
	}
	l->next = (struct state){
		.status = STATE_UNWANTED,
		.base_id = l->open.id,
		.size_bytes = l->open.size_bytes,
		.over = l->open.over,
	};
	if (begin_state_like(s, v, &l->next, &op->err) == 0) {
		crash_point("storage:live-snapshot:after-row");
		op->job = pool->driver->make(pool, (struct state_name){v->vid, l->next.number},
			(struct state_name){v->vid, l->open.number}, l->next.size_bytes,
			/* lasting= */ true, &op->err);
	}
	if (op->job == NULL)
		operation_finish(op);
	else
		job_start(op->job, handle_made, l);
}

static void
answer_snapshot(struct operation *op, const struct err *err)
{
	struct live_snapshot *l = snapshot_of(op);

	l->done(l->data, err == NULL ? steal_ptr(l->images) : NULL, err);
}

static void
destroy_snapshot(struct operation *op)
{
	struct live_snapshot *l = snapshot_of(op);

	volume_finish(&l->volume);
	disk_images_destroy(l->images);
	free(l->name);
	free(l);
}

void
storage_begin_live_snapshot(struct storage *s, const char *pool, const char *vid, const char *name,
	storage_started done, void *data)
{
	struct live_snapshot *l = xcalloc(1, sizeof(*l));

	operation_init(&l->op, s);
	l->op.run = run_snapshot;
	l->op.answer = answer_snapshot;
	l->op.destroy = destroy_snapshot;
	l->name = text_copy(name);
	l->done = done;
	l->data = data;
	if (check_snapshot_name(name, &l->op.err) == 0 &&
		volume_require(s->store, pool, vid, &l->volume, &l->op.err) == 0)
		operation_lock(&l->op, l->volume.id, LOCK_CHANGE);
	operation_submit(&l->op);
}

/* The machine writes to X still: N is as empty as it was made. */
static int
go_back(struct storage *s, const struct state *below, const struct state *open, struct err *err)
{
	if (state_set_status(s->store, open->id, STATE_UNWANTED, err) < 0)
		return -1;
	return state_set_open(s->store, below->id, below->fresh_bytes, err);
}

static int
name_below(struct storage *s, const struct state *below, const struct state *open, const char *name,
	struct err *err)
{
	if (state_make_revision(s->store, below, name, err) < 0)
		return -1;
	return state_set_open(s->store, open->id, FRESH_BYTES_CHANGED, err);
}

static int
end_snapshot(
	struct storage *s, const struct volume *v, const char *name, bool success, struct err *err)
{
	struct state open, below;
	int found = state_open(s->store, v->id, &open, err), result;

	if (found > 0)
		found = open.base_id != 0 ? state_load(s->store, open.base_id, &below, err) : 0;
	if (found < 0)
		return -1;
	/* The machine is gone and all was settled. */
	if (found == 0 || below.volume_id != v->id || below.status != STATE_UNWANTED)
		return REFUSE(err, EBUSY, "volume '%s' is not in use any more", v->vid);
	if (store_begin(s->store, err) < 0)
		return -1;
	result = success ? name_below(s, &below, &open, name, err) : go_back(s, &below, &open, err);
	if (result < 0) {
		store_rollback(s->store);
		return -1;
	}
	return store_commit(s->store, err);
}

int
storage_end_live_snapshot(struct storage *s, const char *pool, const char *vid, const char *name,
	bool success, struct err *err)
{
	struct volume v;
	int result;

	crash_point("storage:live-snapshot:before-name");
	if (volume_require(s->store, pool, vid, &v, err) < 0)
		return -1;
	result = end_snapshot(s, &v, name, success, err);
	volume_finish(&v);
	crash_point("storage:live-snapshot:after-name");
	storage_look_at_running(s);
	return result;
}
