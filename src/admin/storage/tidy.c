/*
 * Tidying up, when there is nothing better to do: removed volumes lose their images, and the states
 * of living ones are folded (fold.h). All of it can be ended at any place and done again. Runs in
 * bulkheadd's loop.
 */
#include <errno.h>
#include <stdlib.h>

#include "admin/storage/fold.h"
#include "admin/storage/operation.h"
#include "base/cleanup.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "base/text.h"

struct removal {
	struct operation op;
	struct volume *volumes;
	size_t count;
	storage_done done; /* NULL: nobody waits */
	void *data;
};

static void
answer_removal(struct operation *op, const struct err *err)
{
	struct removal *r = container_of(op, struct removal, op);

	if (r->done != NULL)
		r->done(r->data, err);
	else if (err != NULL)
		log_warning("removed volumes: %s; it is tried again later", err_message(err));
}

static void
destroy_removal(struct operation *op)
{
	struct removal *r = container_of(op, struct removal, op);

	volumes_free(r->volumes, r->count);
	free(r);
}

static void
handle_removed(void *data, struct err *err)
{
	struct removal *r = data;
	struct storage *s = r->op.storage;
	struct err *failure = &r->op.err;

	if (err->code != 0) {
		err_move(failure, err);
	} else if (store_begin(s->store, failure) == 0) {
		for (size_t i = 0; i < r->count && failure->code == 0; i++)
			(void)volume_delete(s->store, r->volumes[i].id, failure);
		if (failure->code != 0)
			store_rollback(s->store);
		else
			(void)store_commit(s->store, failure);
	}
	s->tidy_failed = failure->code != 0;
	for (size_t i = 0; i < r->count && failure->code == 0; i++)
		s->default_pool.driver->remove_leftovers(&s->default_pool, r->volumes[i].vid);
	crash_point("storage:remove:after-rows");
	operation_finish(&r->op);
}

/* All images of all volumes with one job. */
static void
run_removal(struct operation *op)
{
	struct removal *r = container_of(op, struct removal, op);
	struct storage *s = op->storage;
	struct pool *pool = &s->default_pool;
	AUTO_FREE struct state_name *names = NULL;
	size_t name_count = 0;

	for (size_t i = 0; i < r->count; i++) {
		AUTO_FREE struct state *states = NULL;
		struct state_name *more;
		size_t count;

		if (states_load(s->store, r->volumes[i].id, &states, &count, &op->err) < 0) {
			operation_finish(op);
			return;
		}
		more = reallocarray(names, name_count + count + 1, sizeof(*names));
		if (more == NULL) {
			err_set(&op->err, ENOMEM, "out of memory");
			operation_finish(op);
			return;
		}
		names = more;
		for (size_t j = 0; j < count; j++)
			names[name_count++] =
				(struct state_name){r->volumes[i].vid, states[j].number};
	}
	op->job = pool->driver->remove_states(pool, names, name_count);
	job_start(op->job, handle_removed, r);
}

/* NULL if there is nothing to remove and nobody waits for it, or on error. */
static struct removal *
removal_create(struct storage *s, const char *owner, storage_done done, void *data)
{
	struct removal *r = xcalloc(1, sizeof(*r));

	operation_init(&r->op, s);
	r->op.run = run_removal;
	r->op.answer = answer_removal;
	r->op.destroy = destroy_removal;
	r->done = done;
	r->data = data;
	(void)volumes_load(s->store, owner, true, &r->volumes, &r->count, &r->op.err);
	if (r->count == 0 && done == NULL) {
		err_clear(&r->op.err);
		destroy_removal(&r->op);
		return NULL;
	}
	/* The rest is for the next turn. */
	while (r->count > DISK_IMAGES_MAX)
		volume_finish(&r->volumes[--r->count]);
	for (size_t i = 0; i < r->count; i++)
		operation_lock(&r->op, r->volumes[i].id, LOCK_FILES);
	return r;
}

void
storage_await_removal(struct storage *s, const char *owner, storage_done done, void *data)
{
	operation_submit(&removal_create(s, owner, done, data)->op);
}

bool
tidy_begin(struct storage *s)
{
	struct removal *removal = removal_create(s, NULL, NULL, NULL);
	AUTO_ERR struct err failure = ERR_INIT;
	struct fold_step step;
	int found;

	if (removal != NULL) {
		operation_submit(&removal->op);
		return true;
	}
	found = fold_find(s, 0, &step, &failure);
	if (found < 0)
		log_warning("storage cannot tidy up: %s", err_message(&failure));
	if (found <= 0)
		return false;
	fold_submit(s, step.volume.id, /* in_background= */ true);
	volume_finish(&step.volume);
	return true;
}
