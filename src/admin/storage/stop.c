/*
 * After the machine: one transaction makes what it has written the current content (that is the
 * commit), then the images of what is not kept go. Runs in bulkheadd's loop.
 */
#include <errno.h>
#include <stdlib.h>

#include "admin/storage/operation.h"
#include "base/cleanup.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "base/text.h"

struct stop {
	struct operation op;
	char *owner;
	struct volume *volumes;
	size_t count;
	struct state *dropped; /* states to take away */
	size_t dropped_count;
	storage_done done;
	void *data;
};

static struct stop *
stop_of(struct operation *op)
{
	return container_of(op, struct stop, op);
}

int
settle_open_state(struct storage *s, const struct volume *v, struct err *err)
{
	struct pool *pool = storage_pool(s, v->pool, err);
	struct state state;
	uint64_t allocated, length = 0;
	int found, result;

	if (pool == NULL)
		return -1;
	found = state_open(s->store, v->id, &state, err);
	if (found <= 0)
		return found;
	if (state.status == STATE_OPEN && v->save_on_stop) {
		result = pool->driver->usage(
			pool, (struct state_name){v->vid, state.number}, &allocated, &length);
		if (result == 0 && length != state.fresh_bytes)
			return volume_make_current(s->store, v, state.id, err);
		if (result < 0) {
			AUTO_ERR struct err why = ERR_INIT;
			AUTO_FREE char *path =
				pool->driver->path(pool, (struct state_name){v->vid, state.number});

			err_set_errno(&why, -result, "its image '%s'", path);
			log_qube_message(LOG_LEVEL_ERROR, v->owner,
				"volume '%s': what was written since the start is lost: %s", v->vid,
				err_message(&why));
		}
	}
	storage_want_tidy(s);
	return state_set_status(s->store, state.id, STATE_UNWANTED, err);
}

/* Remembers the open states, so that those which end up unwanted can be taken away. */
static int
load_open_states(struct stop *stop, struct state *open, struct err *err)
{
	for (size_t i = 0; i < stop->count; i++) {
		open[i] = (struct state){0};
		if (state_open(stop->op.storage->store, stop->volumes[i].id, &open[i], err) < 0)
			return -1;
	}
	return 0;
}

static int
settle_volumes(struct stop *stop, struct err *err)
{
	struct storage *s = stop->op.storage;

	if (store_begin(s->store, err) < 0)
		return -1;
	for (size_t i = 0; i < stop->count; i++) {
		if (settle_open_state(s, &stop->volumes[i], err) < 0) {
			store_rollback(s->store);
			return -1;
		}
	}
	return store_commit(s->store, err);
}

static void
handle_removed(void *data, struct err *err)
{
	struct stop *stop = data;
	struct storage *s = stop->op.storage;
	AUTO_ERR struct err failure = ERR_INIT;

	/* The content is safe; leftovers are named by their rows and tidied up later. */
	if (err->code != 0)
		log_warning("after a stop: %s", err_message(err));
	for (size_t i = 0; err->code == 0 && i < stop->dropped_count; i++) {
		if (state_delete(s->store, stop->dropped[i].id, &failure) < 0)
			log_warning("after a stop: %s", err_message(&failure));
	}
	crash_point("storage:stop:after-rows");
	operation_finish(&stop->op);
}

/* The images that are not kept and on which nothing lies. */
static void
remove_unwanted(struct stop *stop, const struct state *open)
{
	struct storage *s = stop->op.storage;
	struct state_name *names = xcalloc(stop->count, sizeof(*names));
	struct pool *pool = &s->default_pool;

	stop->dropped = xcalloc(stop->count, sizeof(*stop->dropped));
	for (size_t i = 0; i < stop->count; i++) {
		AUTO_ERR struct err ignored = ERR_INIT;
		struct state now;

		if (open[i].id == 0 || state_load(s->store, open[i].id, &now, &ignored) != 1 ||
			now.status != STATE_UNWANTED)
			continue;
		names[stop->dropped_count] = (struct state_name){stop->volumes[i].vid, now.number};
		stop->dropped[stop->dropped_count++] = now;
	}
	stop->op.job = pool->driver->remove_states(pool, names, stop->dropped_count);
	job_start(stop->op.job, handle_removed, stop);
	free(names);
}

static void
run_stop(struct operation *op)
{
	struct stop *stop = stop_of(op);
	AUTO_FREE struct state *open = xcalloc(stop->count, sizeof(*open));

	if (load_open_states(stop, open, &op->err) < 0 || settle_volumes(stop, &op->err) < 0) {
		operation_finish(op);
		return;
	}
	crash_point("storage:stop:after-commit");
	storage_want_tidy(op->storage);
	remove_unwanted(stop, open);
}

static void
answer_stop(struct operation *op, const struct err *err)
{
	struct stop *stop = stop_of(op);

	if (err != NULL)
		unsettled_add(op->storage, stop->owner);
	else
		unsettled_forget(op->storage, stop->owner);
	stop->done(stop->data, err);
}

static void
destroy_stop(struct operation *op)
{
	struct stop *stop = stop_of(op);

	volumes_free(stop->volumes, stop->count);
	free(stop->dropped);
	free(stop->owner);
	free(stop);
}

void
storage_stop(struct storage *s, const char *owner, storage_done done, void *data)
{
	struct stop *stop = xcalloc(1, sizeof(*stop));

	operation_init(&stop->op, s);
	stop->op.run = run_stop;
	stop->op.answer = answer_stop;
	stop->op.destroy = destroy_stop;
	stop->owner = text_copy(owner);
	stop->done = done;
	stop->data = data;
	(void)volumes_load(s->store, owner, false, &stop->volumes, &stop->count, &stop->op.err);
	for (size_t i = 0; i < stop->count && stop->op.err.code == 0; i++) {
		if (i < OPERATION_LOCKS_MAX)
			operation_lock(&stop->op, stop->volumes[i].id, LOCK_CHANGE);
		else
			err_set(&stop->op.err, EINVAL, "qube '%s' has too many volumes", owner);
	}
	operation_submit(&stop->op);
}
