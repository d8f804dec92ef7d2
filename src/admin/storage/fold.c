/*
 * Folding a volume's states, step by step (fold.h). Whatever lies on whatever, each state reads the
 * same at every moment, and each step can be ended at any place and done again. Runs in
 * bulkheadd's loop.
 */
#include "admin/storage/fold.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "base/text.h"

struct fold {
	struct operation op;
	int64_t volume_id;
	struct fold_step step; /* at work */
};

static void advance(struct fold *f);

static struct fold *
fold_of(struct operation *op)
{
	return container_of(op, struct fold, op);
}

static struct pool *
pool_of(struct fold *f)
{
	return &f->op.storage->default_pool;
}

static struct state_name
name_of(const struct fold *f, const struct state *state)
{
	return (struct state_name){f->step.volume.vid, state->number};
}

static void
give_up(struct fold *f, struct err *err)
{
	struct storage *s = f->op.storage;

	if (err->code != ECANCELED) {
		log_warning("volume '%s': cannot tidy up: it is tried again later: %s",
			f->step.volume.vid != NULL ? f->step.volume.vid : "?", err_message(err));
		s->tidy_failed = true;
	}
	err_clear(err);
	storage_want_tidy(s);
	operation_finish(&f->op);
}

static void
start_job(struct fold *f, struct job *job, job_done done)
{
	/* Politely, unless somebody waits for it. */
	if (f->op.in_background && list_empty(&f->op.storage->idle_waiters))
		job_run_in_background(job);
	job_destroy(f->op.job);
	f->op.job = job;
	job_start(job, done, f);
}

/* --- removing, merging --- */

static int
forget_lower(struct fold *f, struct err *err)
{
	struct store *store = f->op.storage->store;
	const struct fold_step *step = &f->step;

	if (store_begin(store, err) < 0)
		return -1;
	if ((step->kind == FOLD_MERGE &&
		    state_set_base(store, step->upper.id, step->lower.base_id, err) < 0) ||
		state_delete(store, step->lower.id, err) < 0) {
		store_rollback(store);
		return -1;
	}
	return store_commit(store, err);
}

/* Once the lower image is gone the upper one is the result, whatever failed after that. */
static bool
is_merged(struct fold *f)
{
	return f->step.kind == FOLD_MERGE &&
	       !pool_of(f)->driver->exists(pool_of(f), name_of(f, &f->step.lower));
}

static void
handle_lower_gone(void *data, struct err *err)
{
	struct fold *f = data;

	if (err->code != 0 && !is_merged(f)) {
		give_up(f, err);
		return;
	}
	err_clear(err);
	if (forget_lower(f, err) < 0) {
		give_up(f, err);
		return;
	}
	crash_point("storage:tidy:after-rows");
	advance(f);
}

static void
run_remove(struct fold *f, struct err *err)
{
	struct state_name name = name_of(f, &f->step.lower);

	(void)err;
	start_job(f, pool_of(f)->driver->remove_states(pool_of(f), &name, 1), handle_lower_gone);
}

/* Rows say the larger size before the image has it: then a chain on it shows zeroes there. */
static int
grow_upper(struct fold *f, struct err *err)
{
	struct fold_step *step = &f->step;

	if (step->upper.size_bytes >= step->lower.size_bytes)
		return 0;
	step->upper.size_bytes = step->lower.size_bytes;
	return state_set_size(f->op.storage->store, step->upper.id, step->upper.size_bytes, err);
}

static void
run_merge(struct fold *f, struct err *err)
{
	struct store *store = f->op.storage->store;
	struct job *job;

	if (grow_upper(f, err) < 0 ||
		state_set_status(store, f->step.lower.id, STATE_FOLDING, err) < 0)
		return;
	crash_point("storage:fold:after-row");
	job = pool_of(f)->driver->fold(
		pool_of(f), name_of(f, &f->step.upper), name_of(f, &f->step.lower), err);
	if (job != NULL)
		start_job(f, job, handle_lower_gone);
}

/* --- splitting --- */

/* The lower state may have been deleted meanwhile: then the new one is not wanted either. */
static int
hand_over(struct fold *f, struct err *err)
{
	struct store *store = f->op.storage->store;
	struct state lower;

	if (state_load(store, f->step.lower.id, &lower, err) != 1)
		return -1;
	if (lower.status != STATE_REVISION)
		return state_set_status(store, f->step.other.id, STATE_UNWANTED, err);
	return state_hand_over(store, &lower, f->step.other.id, err);
}

static void
handle_split(void *data, struct err *err)
{
	struct fold *f = data;

	/* What is left of a failure is found as a state that is being made. */
	if (err->code == 0) {
		crash_point("storage:split:after-image");
		(void)hand_over(f, err);
	}
	if (err->code != 0) {
		give_up(f, err);
		return;
	}
	crash_point("storage:split:after-rows");
	advance(f);
}

static void
run_split(struct fold *f, struct err *err)
{
	struct storage *s = f->op.storage;
	struct fold_step *step = &f->step;
	struct job *job;

	if (begin_state(s, &step->volume, step->lower.id, step->lower.size_bytes, &step->other,
		    err) < 0)
		return;
	crash_point("storage:split:after-row");
	job = pool_of(f)->driver->make(pool_of(f), name_of(f, &step->other),
		name_of(f, &step->lower), step->lower.size_bytes, /* lasting= */ true, err);
	if (job != NULL)
		start_job(f, job, handle_split);
}

/* --- copying --- */

static void
handle_copied(void *data, struct err *err)
{
	struct fold *f = data;
	struct state upper;

	/* Nobody but us has the volume: it is current still, but may have got a name. */
	if (err->code == 0 && state_load(f->op.storage->store, f->step.upper.id, &upper, err) == 1)
		(void)state_hand_over(f->op.storage->store, &upper, f->step.other.id, err);
	if (err->code != 0) {
		give_up(f, err);
		return;
	}
	crash_point("storage:flatten:after-rows");
	advance(f);
}

static void
run_copy(struct fold *f, struct err *err)
{
	struct storage *s = f->op.storage;
	struct fold_step *step = &f->step;
	struct chain chain = {0};
	struct job *job = NULL;

	if (chain_load(s->store, step->upper.id, &chain, err) == 0 &&
		begin_state(s, &step->volume, 0, step->upper.size_bytes, &step->other, err) == 0) {
		crash_point("storage:flatten:after-row");
		job = pool_of(f)->driver->copy(pool_of(f), name_of(f, &step->other), &chain, err);
	}
	chain_finish(&chain);
	if (job != NULL)
		start_job(f, job, handle_copied);
}

/* --- moving --- */

static void
handle_moved(void *data, struct err *err)
{
	struct fold *f = data;
	struct store *store = f->op.storage->store;
	const struct fold_step *step = &f->step;

	if (err->code == 0 && store_begin(store, err) == 0) {
		if (state_set_base(store, step->other.id, step->target.id, err) < 0 ||
			state_set_moving_to(store, step->other.id, 0, err) < 0)
			store_rollback(store);
		else
			(void)store_commit(store, err);
	}
	if (err->code != 0) {
		give_up(f, err);
		return;
	}
	crash_point("storage:move:after-rows");
	advance(f);
}

/* From here on the image reads the same over either: only its header and its row are left. */
static void
handle_filled(void *data, struct err *err)
{
	struct fold *f = data;
	const struct fold_step *step = &f->step;
	struct job *job = NULL;

	if (err->code == 0 && state_set_moving_to(f->op.storage->store, step->other.id,
				      step->target.id, err) == 0) {
		crash_point("storage:move:after-mark");
		job = pool_of(f)->driver->set_base(
			pool_of(f), name_of(f, &step->other), name_of(f, &step->target), err);
	}
	if (job == NULL)
		give_up(f, err);
	else
		start_job(f, job, handle_moved);
}

static void
run_move(struct fold *f, struct err *err)
{
	struct fold_step *step = &f->step;
	struct job *job;

	/* Its header may name the other one already: then it is full. */
	if (step->other.moving_to != 0) {
		AUTO_ERR struct err none = ERR_INIT;

		handle_filled(f, &none);
		return;
	}
	if (grow_upper(f, err) < 0)
		return;
	job = pool_of(f)->driver->fill(pool_of(f), name_of(f, &step->other),
		name_of(f, &step->upper), name_of(f, &step->lower), err);
	if (job != NULL)
		start_job(f, job, handle_filled);
}

/* --- one after the other --- */

static int
check_image(struct fold *f, const struct state *state, struct err *err)
{
	struct chain chain = {0};
	int result;

	if (state->id == 0 || state->moving_to != 0)
		return 0;
	if (chain_load(f->op.storage->store, state->id, &chain, err) < 0)
		return -1;
	result = pool_of(f)->driver->check(pool_of(f), &chain, err);
	chain_finish(&chain);
	return result;
}

/* No image is opened by a program before its header was compared with the store. */
static int
check_images(struct fold *f, struct err *err)
{
	const struct fold_step *step = &f->step;

	if (step->kind == FOLD_REMOVE)
		return 0;
	if (check_image(f, &step->upper, err) < 0 || check_image(f, &step->lower, err) < 0)
		return -1;
	return step->kind == FOLD_MOVE ? check_image(f, &step->other, err) : 0;
}

static void
advance(struct fold *f)
{
	static void (*const run[])(struct fold * f, struct err * err) = {
		[FOLD_REMOVE] = run_remove,
		[FOLD_SPLIT] = run_split,
		[FOLD_MOVE] = run_move,
		[FOLD_COPY] = run_copy,
		[FOLD_MERGE] = run_merge,
	};
	struct storage *s = f->op.storage;
	AUTO_ERR struct err err = ERR_INIT;
	int found;

	volume_finish(&f->step.volume);
	f->step = (struct fold_step){0};
	s->tidy_failed = false;
	/* Whoever waits was told to by a step that could not be interrupted. */
	if (f->op.in_background && !list_empty(&s->pending)) {
		storage_want_tidy(s);
		operation_finish(&f->op);
		return;
	}
	found = fold_find(s, f->volume_id, &f->step, &err);
	if (found == 0) {
		storage_want_tidy(s);
		operation_finish(&f->op);
		return;
	}
	if (found > 0 && check_images(f, &err) == 0)
		run[f->step.kind](f, &err);
	if (err.code != 0)
		give_up(f, &err);
}

static void
run_fold(struct operation *op)
{
	advance(fold_of(op));
}

static void
destroy_fold(struct operation *op)
{
	struct fold *f = fold_of(op);

	volume_finish(&f->step.volume);
	free(f);
}

void
fold_submit(struct storage *s, int64_t volume_id, bool in_background)
{
	struct fold *f = xcalloc(1, sizeof(*f));

	operation_init(&f->op, s);
	f->op.what = "folding";
	f->op.run = run_fold;
	f->op.destroy = destroy_fold;
	f->op.in_background = in_background;
	f->volume_id = volume_id;
	operation_lock(&f->op, volume_id, LOCK_FILES);
	operation_submit(&f->op);
}

void
fold_before_start(struct storage *s, const struct volume *v)
{
	AUTO_ERR struct err ignored = ERR_INIT;
	struct fold_step step;
	struct state current;
	struct chain chain = {0};

	/* What is wrong here is told by the start itself. */
	if (state_current(s->store, v->id, &current, &ignored) <= 0 ||
		chain_load(s->store, current.id, &chain, &ignored) < 0)
		return;
	if (chain.count > FOLD_DEPTH_MAX && fold_find(s, v->id, &step, &ignored) > 0) {
		volume_finish(&step.volume);
		log_info("volume '%s': %zu states lie on each other: folding them before the start",
			v->vid, chain.count);
		fold_submit(s, v->id, /* in_background= */ false);
	}
	chain_finish(&chain);
}
