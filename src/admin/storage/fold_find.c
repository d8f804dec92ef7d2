/* What is to be folded next; see fold.h. Runs in bulkheadd. */
#include <stdlib.h>

#include "admin/storage/fold.h"
#include "base/cleanup.h"

/* An interrupted move: its image may name either state. */
static int
find_move(struct storage *s, const struct state *moving, struct fold_step *step, struct err *err)
{
	step->kind = FOLD_MOVE;
	step->other = *moving;
	return state_load(s->store, moving->moving_to, &step->target, err);
}

/* What to do about a state that nobody wants, on which nothing runs. */
static int
find_unwanted(struct storage *s, const struct state *lower, struct fold_step *step, struct err *err)
{
	int64_t children, child;
	bool is_main;
	int found;

	step->lower = *lower;
	if (state_children(s->store, lower->id, &children, &child, err) < 0)
		return -1;
	if (children == 0) {
		step->kind = FOLD_REMOVE;
		return 1;
	}
	/* A frozen qube's content lies on another's: it is kept until that is dropped. */
	found = state_carries_others(s->store, lower, err);
	if (found != 0)
		return found < 0 ? -1 : 0;
	found = state_main_child(s->store, lower, &step->upper, &is_main, err);
	if (found <= 0)
		return found;
	step->kind = children == 1 ? FOLD_MERGE : FOLD_MOVE;
	step->target = step->upper;
	return children == 1
		       ? 1
		       : state_other_child(s->store, lower, step->upper.id, &step->other, err);
}

static int
find_unfinished(
	struct storage *s, const struct state *state, struct fold_step *step, struct err *err)
{
	int in_use;

	/* Being made: by an operation (then nothing is idle), or left by a failed clean-up. */
	if (state->status == STATE_MAKING) {
		step->kind = FOLD_REMOVE;
		step->lower = *state;
		return 1;
	}
	in_use = state_is_in_use(s->store, state->id, err);
	if (in_use != 0)
		return in_use < 0 ? -1 : 0;
	if (state->moving_to != 0)
		return find_move(s, state, step, err);
	return find_unwanted(s, state, step, err);
}

/*
 * A state that lies on two others, none of them on the way to the current one: it comes to lie on
 * the lowest.
 */
static int
find_high(struct storage *s, const struct state *high, struct fold_step *step, struct err *err)
{
	int found = state_load(s->store, high->base_id, &step->upper, err);

	if (found > 0)
		found = state_load(s->store, step->upper.base_id, &step->lower, err);
	if (found > 0)
		found = state_is_in_use(s->store, step->upper.id, err) == 0;
	step->kind = FOLD_MOVE;
	step->other = *high;
	step->target = step->lower;
	return found;
}

/* A kept state under the current one. */
static int
find_split(struct storage *s, const struct state *lower, struct fold_step *step, struct err *err)
{
	struct state open;
	bool is_main = false;
	int found = state_is_in_use(s->store, lower->id, err);

	if (found == 0)
		found = state_carries_others(s->store, lower, err);
	/* One state of a volume is made at a time. */
	if (found == 0)
		found = state_open(s->store, lower->volume_id, &open, err);
	if (found != 0)
		return found < 0 ? -1 : 0;
	step->kind = FOLD_SPLIT;
	step->lower = *lower;
	found = state_main_child(s->store, lower, &step->upper, &is_main, err);
	return found < 0 ? -1 : found > 0 && is_main;
}

/* Of a content that lies on what machines use, while nothing lies on it itself. */
static int
find_copy(struct storage *s, const struct state *current, struct fold_step *step, struct err *err)
{
	struct pool *pool = &s->default_pool;
	struct chain chain = {0};
	struct state open;
	int64_t children, child;
	int found = state_open(s->store, current->volume_id, &open, err);

	if (found != 0)
		return found < 0 ? -1 : 0;
	if (state_children(s->store, current->id, &children, &child, err) < 0 ||
		chain_load(s->store, current->id, &chain, err) < 0)
		return -1;
	found = children == 0 && chain.count > FOLD_COPY_DEPTH &&
		pool->driver->free_bytes(pool) / 2 > chain_usage(pool, &chain, 0, chain.count);
	chain_finish(&chain);
	step->kind = FOLD_COPY;
	step->upper = *current;
	return found;
}

typedef int (*finder)(
	struct storage *s, const struct state *state, struct fold_step *step, struct err *err);

static int
find_among(struct storage *s, const struct state *states, size_t count, finder find,
	int64_t volume_id, struct fold_step *ret, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		struct fold_step step = {0};
		int found;

		if (volume_id != 0 && states[i].volume_id != volume_id)
			continue;
		found = find(s, &states[i], &step, err);
		if (found > 0)
			found = volume_load(s->store, states[i].volume_id, &step.volume, err);
		if (found > 0 && !step.volume.removing) {
			*ret = step;
			return 1;
		}
		volume_finish(&step.volume);
		if (found < 0)
			return -1;
	}
	return 0;
}

int
fold_find(struct storage *s, int64_t volume_id, struct fold_step *ret, struct err *err)
{
	AUTO_FREE struct state *unfinished = NULL;
	AUTO_FREE struct state *carrying = NULL;
	AUTO_FREE struct state *high = NULL;
	AUTO_FREE struct state *deep = NULL;
	size_t count;
	int found;

	if (states_load_unfinished(s->store, &unfinished, &count, err) < 0)
		return -1;
	found = find_among(s, unfinished, count, find_unfinished, volume_id, ret, err);
	if (found != 0)
		return found;
	if (states_load_carrying(s->store, &carrying, &count, err) < 0)
		return -1;
	found = find_among(s, carrying, count, find_split, volume_id, ret, err);
	if (found != 0)
		return found;
	if (states_load_high(s->store, &high, &count, err) < 0)
		return -1;
	found = find_among(s, high, count, find_high, volume_id, ret, err);
	if (found != 0)
		return found;
	if (states_load_deep(s->store, &deep, &count, err) < 0)
		return -1;
	return find_among(s, deep, count, find_copy, volume_id, ret, err);
}
