/*
 * Tidying up, one piece at a time, when there is nothing better to do: unwanted states on which
 * nothing lies are taken away; one on which a single state lies is folded with it; removed
 * volumes lose their images. All of it can be ended at any place and done again. Runs in
 * bulkheadd's loop.
 */
#include <errno.h>
#include <stdlib.h>

#include "admin/storage/operation.h"
#include "base/cleanup.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "base/text.h"

struct tidy {
	struct operation op;
	struct volume volume;
	struct state lower, upper; /* upper.id 0: lower is taken away, not folded */
};

struct removal {
	struct operation op;
	struct volume *volumes;
	size_t count;
	storage_done done; /* NULL: nobody waits */
	void *data;
};

static struct tidy *
tidy_of(struct operation *op)
{
	return container_of(op, struct tidy, op);
}

static void
give_up(struct operation *op, const char *what, struct err *err)
{
	if (err->code != ECANCELED) {
		log_warning("volume '%s': cannot tidy up: %s: %s", what, "it is tried again later",
			err_message(err));
		op->storage->tidy_failed = true;
	}
	err_clear(err);
	storage_want_tidy(op->storage);
	operation_finish(op);
}

static int
forget_lower(struct tidy *t, struct err *err)
{
	struct store *store = t->op.storage->store;

	if (store_begin(store, err) < 0)
		return -1;
	if ((t->upper.id != 0 && state_set_base(store, t->upper.id, t->lower.base_id, err) < 0) ||
		state_delete(store, t->lower.id, err) < 0) {
		store_rollback(store);
		return -1;
	}
	return store_commit(store, err);
}

/* Once the lower image is gone the upper one is the result, whatever failed after that. */
static bool
is_folded(struct tidy *t)
{
	struct pool *pool = &t->op.storage->default_pool;

	return t->upper.id != 0 &&
	       !pool->driver->exists(pool, (struct state_name){t->volume.vid, t->lower.number});
}

static void
handle_tidied(void *data, struct err *err)
{
	struct tidy *t = data;
	struct operation *op = &t->op;
	AUTO_ERR struct err failure = ERR_INIT;

	if (err->code != 0 && !is_folded(t)) {
		err_move(&failure, err);
		give_up(op, t->volume.vid, &failure);
		return;
	}
	if (forget_lower(t, &failure) < 0) {
		give_up(op, t->volume.vid, &failure);
		return;
	}
	crash_point("storage:tidy:after-rows");
	op->storage->tidy_failed = false;
	storage_want_tidy(op->storage);
	operation_finish(op);
}

/* Rechecked here: the queue may have done other work since the candidate was found. */
static int
begin_fold(struct tidy *t, struct err *err)
{
	struct storage *s = t->op.storage;
	struct pool *pool = &s->default_pool;
	struct state_name upper = {t->volume.vid, t->upper.number};
	struct state_name lower = {t->volume.vid, t->lower.number};
	struct chain chain = {0};
	int result;

	if (chain_load(s->store, t->upper.id, &chain, err) < 0)
		return -1;
	result = pool->driver->check(pool, &chain, err);
	chain_finish(&chain);
	if (result < 0 || state_set_status(s->store, t->lower.id, STATE_FOLDING, err) < 0)
		return -1;
	crash_point("storage:fold:after-row");
	t->op.job = pool->driver->fold(pool, upper, lower, err);
	return t->op.job != NULL ? 0 : -1;
}

static void
run_tidy(struct operation *op)
{
	struct tidy *t = tidy_of(op);
	struct pool *pool = &op->storage->default_pool;
	struct state_name lower = {t->volume.vid, t->lower.number};
	AUTO_ERR struct err failure = ERR_INIT;

	if (t->upper.id == 0) {
		op->job = pool->driver->remove_states(pool, &lower, 1);
	} else if (begin_fold(t, &failure) < 0) {
		give_up(op, t->volume.vid, &failure);
		return;
	}
	job_start(op->job, handle_tidied, t);
}

static void
destroy_tidy(struct operation *op)
{
	struct tidy *t = tidy_of(op);

	volume_finish(&t->volume);
	free(t);
}

/* 1 if something can be done about this state now; fills t. */
static int
find_work(struct storage *s, const struct state *candidate, struct tidy *t, struct err *err)
{
	int64_t children, child;
	int in_use;

	/* Being made: by an operation (then nothing is idle), or left by a failed clean-up. */
	if (candidate->status == STATE_MAKING) {
		t->lower = *candidate;
		return volume_load(s->store, candidate->volume_id, &t->volume, err);
	}
	in_use = state_is_in_use(s->store, candidate->id, err);
	if (in_use != 0)
		return in_use < 0 ? -1 : 0;
	if (state_children(s->store, candidate->id, &children, &child, err) < 0)
		return -1;
	if (children > 1)
		return 0;
	t->lower = *candidate;
	t->upper = (struct state){0};
	if (children == 1 && state_load(s->store, child, &t->upper, err) != 1)
		return -1;
	/* A frozen qube's content lies on another's: it is kept until that is dropped. */
	if (children == 1 && t->upper.volume_id != candidate->volume_id)
		return 0;
	return volume_load(s->store, candidate->volume_id, &t->volume, err);
}

/* 1 and the next piece of work, 0 if there is none. */
static int
find_tidy(struct storage *s, struct tidy *t, struct err *err)
{
	AUTO_FREE struct state *states = NULL;
	size_t count;

	if (states_load_unfinished(s->store, &states, &count, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		int found = find_work(s, &states[i], t, err);

		if (found < 0)
			return -1;
		if (found > 0 && !t->volume.removing)
			return 1;
		volume_finish(&t->volume);
	}
	return 0;
}

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
	struct tidy *t;
	int found;

	if (removal != NULL) {
		operation_submit(&removal->op);
		return true;
	}
	t = xcalloc(1, sizeof(*t));
	found = find_tidy(s, t, &failure);
	if (found <= 0) {
		if (found < 0)
			log_warning("storage cannot tidy up: %s", err_message(&failure));
		volume_finish(&t->volume);
		free(t);
		return false;
	}
	operation_init(&t->op, s);
	t->op.run = run_tidy;
	t->op.destroy = destroy_tidy;
	t->op.in_background = true;
	operation_lock(&t->op, t->volume.id, LOCK_FILES);
	operation_submit(&t->op);
	return true;
}
