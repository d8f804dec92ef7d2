/*
 * Replacing a volume's content: by a copy of another volume's, by a file, by nothing, by an
 * earlier state. The new content is complete and on the disk before one transaction makes it
 * current. Runs in bulkheadd's loop.
 */
#include <errno.h>
#include <stdlib.h>

#include "admin/storage/operation.h"
#include "base/cleanup.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "base/text.h"

struct replace {
	struct operation op;
	struct volume volume; /* whose content is replaced */
	struct volume source; /* of a clone; id 0 otherwise */
	char *path;           /* of an import */
	enum disk_format format;
	char *revision; /* of a revert */
	struct state state;
	storage_done done;
	void *data;
};

static struct replace *
replace_of(struct operation *op)
{
	return container_of(op, struct replace, op);
}

/* Only a volume that keeps its content can be given one, and only while nothing runs on it. */
static int
check_replaceable(struct replace *r, struct err *err)
{
	struct state open;
	int found;

	if (!r->volume.save_on_stop)
		return err_set(err, EINVAL, "volume '%s' does not keep its content", r->volume.vid);
	found = state_open(r->op.storage->store, r->volume.id, &open, err);
	if (found > 0)
		return err_set(
			err, EBUSY, "volume '%s' is in use by a running qube", r->volume.vid);
	return found;
}

static void
handle_undone(void *data, struct err *err)
{
	struct replace *r = data;
	AUTO_ERR struct err failure = ERR_INIT;

	if (err->code != 0 || state_delete(r->op.storage->store, r->state.id, &failure) < 0)
		log_warning("volume '%s': after a failed copy: %s", r->volume.vid,
			err_message(err->code != 0 ? err : &failure));
	operation_finish(&r->op);
}

static void
undo(struct replace *r)
{
	struct pool *pool = &r->op.storage->default_pool;
	struct state_name name = {r->volume.vid, r->state.number};

	job_destroy(r->op.job);
	r->op.job = pool->driver->remove_states(pool, &name, 1);
	job_start(r->op.job, handle_undone, r);
}

/* The transaction: the new state is the content, and the volume has its size. */
static int
commit(struct replace *r, struct err *err)
{
	struct storage *s = r->op.storage;
	struct pool *pool = &s->default_pool;
	uint64_t size_bytes;

	if (r->source.id != 0) {
		size_bytes = r->source.size_bytes;
	} else {
		uint64_t image_bytes;

		if (pool->driver->virtual_size(pool,
			    (struct state_name){r->volume.vid, r->state.number}, &image_bytes,
			    err) < 0)
			return -1;
		if (image_bytes > VOLUME_SIZE_MAX)
			return err_set(err, EFBIG, "the image is too large");
		size_bytes = image_bytes;
	}
	if (store_begin(s->store, err) < 0)
		return -1;
	if (volume_set_size(s->store, r->volume.id, size_bytes, err) < 0 ||
		state_set_size(s->store, r->state.id, size_bytes, err) < 0 ||
		volume_make_current(s->store, &r->volume, r->state.id, err) < 0) {
		store_rollback(s->store);
		return -1;
	}
	return store_commit(s->store, err);
}

static void
handle_copied(void *data, struct err *err)
{
	struct replace *r = data;

	if (err->code != 0) {
		err_move(&r->op.err, err);
		err_wrap(&r->op.err, "volume '%s': cannot copy", r->volume.vid);
		undo(r);
		return;
	}
	crash_point("storage:replace:after-image");
	if (commit(r, &r->op.err) < 0) {
		err_wrap(&r->op.err, "volume '%s'", r->volume.vid);
		undo(r);
		return;
	}
	crash_point("storage:replace:after-commit");
	storage_want_tidy(r->op.storage);
	operation_finish(&r->op);
}

/* Without a source there is nothing to copy: the volume has no current state. */
static void
become_empty(struct replace *r, uint64_t size_bytes)
{
	struct storage *s = r->op.storage;
	struct err *err = &r->op.err;

	if (store_begin(s->store, err) == 0) {
		if (volume_set_size(s->store, r->volume.id, size_bytes, err) < 0 ||
			volume_make_current(s->store, &r->volume, 0, err) < 0)
			store_rollback(s->store);
		else
			(void)store_commit(s->store, err);
	}
	storage_want_tidy(s);
	operation_finish(&r->op);
}

static void
start_job(struct replace *r, struct job *job)
{
	if (job == NULL) {
		err_wrap(&r->op.err, "volume '%s'", r->volume.vid);
		undo(r);
		return;
	}
	r->op.job = job;
	job_start(job, handle_copied, r);
}

static int
begin_new_state(struct replace *r, struct err *err)
{
	struct storage *s = r->op.storage;
	struct state state;

	if (store_begin(s->store, err) < 0)
		return -1;
	if (begin_state(s, &r->volume, 0, r->volume.size_bytes, &state, err) < 0) {
		store_rollback(s->store);
		return -1;
	}
	if (store_commit(s->store, err) < 0)
		return -1;
	r->state = state;
	crash_point("storage:replace:after-row");
	return 0;
}

static void
run_clone(struct operation *op)
{
	struct replace *r = replace_of(op);
	struct storage *s = op->storage;
	struct pool *pool = &s->default_pool;
	struct chain chain = {0};
	struct state current;
	struct job *job = NULL;
	int found;

	if (check_replaceable(r, &op->err) < 0) {
		operation_finish(op);
		return;
	}
	found = state_current(s->store, r->source.id, &current, &op->err);
	if (found == 0) {
		become_empty(r, r->source.size_bytes);
		return;
	}
	if (found < 0 || chain_load(s->store, current.id, &chain, &op->err) < 0 ||
		begin_new_state(r, &op->err) < 0) {
		chain_finish(&chain);
		operation_finish(op);
		return;
	}
	if (pool->driver->check(pool, &chain, &op->err) == 0)
		job = pool->driver->copy(pool, (struct state_name){r->volume.vid, r->state.number},
			&chain, &op->err);
	chain_finish(&chain);
	start_job(r, job);
}

static void
run_import(struct operation *op)
{
	struct replace *r = replace_of(op);
	struct pool *pool = &op->storage->default_pool;

	if (check_replaceable(r, &op->err) < 0 || begin_new_state(r, &op->err) < 0) {
		operation_finish(op);
		return;
	}
	start_job(r, pool->driver->import(pool, (struct state_name){r->volume.vid, r->state.number},
			     r->path, r->format, &op->err));
}

static void
run_clear(struct operation *op)
{
	struct replace *r = replace_of(op);

	if (check_replaceable(r, &op->err) < 0)
		operation_finish(op);
	else
		become_empty(r, r->volume.size_bytes);
}

static void
run_revert(struct operation *op)
{
	struct replace *r = replace_of(op);
	struct storage *s = op->storage;
	struct state revision;
	int found;

	if (check_replaceable(r, &op->err) == 0) {
		found = state_find(s->store, r->volume.id, r->revision, &revision, &op->err);
		if (found == 0)
			err_set_kind(&op->err, "QubesVolumeRevisionNotFoundError", ENOENT,
				"volume '%s' has no revision '%s'", r->volume.vid, r->revision);
		else if (found > 0 && revision.status != STATE_CURRENT)
			(void)volume_go_back(s->store, &r->volume, revision.id, &op->err);
	}
	crash_point("storage:revert:after-commit");
	storage_want_tidy(s);
	operation_finish(op);
}

static void
answer_replace(struct operation *op, const struct err *err)
{
	struct replace *r = replace_of(op);

	r->done(r->data, err);
}

static void
destroy_replace(struct operation *op)
{
	struct replace *r = replace_of(op);

	volume_finish(&r->volume);
	volume_finish(&r->source);
	free(r->path);
	free(r->revision);
	free(r);
}

/* `cp` does not say how far it is; its file does. */
static int
percent_of(const struct operation *op)
{
	const struct replace *r = container_of(op, struct replace, op);
	struct pool *pool = &op->storage->default_pool;
	AUTO_ERR struct err ignored = ERR_INIT;
	int percent = op->job != NULL ? job_percent(op->job) : -1;
	uint64_t whole, part, length;
	struct state from;

	if (percent >= 0 || r->source.id == 0 || r->state.id == 0 ||
		state_current(op->storage->store, r->source.id, &from, &ignored) != 1 ||
		pool->driver->usage(pool, (struct state_name){r->source.vid, from.number}, &whole,
			&length) < 0 ||
		pool->driver->usage(pool, (struct state_name){r->volume.vid, r->state.number},
			&part, &length) < 0 ||
		whole == 0)
		return percent;
	return part < whole ? (int)(part * 100 / whole) : 100;
}

static struct replace *
replace_create(struct storage *s, const char *pool, const char *vid,
	void (*run)(struct operation *op), storage_done done, void *data)
{
	struct replace *r = xcalloc(1, sizeof(*r));

	operation_init(&r->op, s);
	r->op.run = run;
	r->op.answer = answer_replace;
	r->op.destroy = destroy_replace;
	r->op.percent = percent_of;
	r->done = done;
	r->data = data;
	if (volume_require(s->store, pool, vid, &r->volume, &r->op.err) == 0)
		operation_lock(&r->op, r->volume.id, LOCK_CHANGE);
	return r;
}

void
storage_revert(struct storage *s, const char *pool, const char *vid, const char *revision,
	storage_done done, void *data)
{
	struct replace *r = replace_create(s, pool, vid, run_revert, done, data);

	r->revision = text_copy(revision);
	operation_submit(&r->op);
}

void
storage_clone(struct storage *s, const char *from_pool, const char *from_vid, const char *to_pool,
	const char *to_vid, storage_done done, void *data)
{
	struct replace *r = replace_create(s, to_pool, to_vid, run_clone, done, data);

	r->op.what = "cloning";
	if (r->op.err.code == 0 &&
		volume_require(s->store, from_pool, from_vid, &r->source, &r->op.err) == 0) {
		if (r->source.id == r->volume.id)
			err_set(&r->op.err, EINVAL, "volume '%s' can not be cloned to itself",
				from_vid);
		else
			operation_lock(&r->op, r->source.id, LOCK_READ);
	}
	operation_submit(&r->op);
}

void
storage_clear(struct storage *s, const char *pool, const char *vid, storage_done done, void *data)
{
	struct replace *r = replace_create(s, pool, vid, run_clear, done, data);

	operation_submit(&r->op);
}

void
storage_import(struct storage *s, const char *pool, const char *vid, const char *path,
	enum disk_format format, storage_done done, void *data)
{
	struct replace *r = replace_create(s, pool, vid, run_import, done, data);

	r->op.what = "importing";
	r->path = text_copy(path);
	r->format = format;
	operation_submit(&r->op);
}
