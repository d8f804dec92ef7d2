/*
 * After a crash: what the rows say was being done is finished or taken back, machines that died
 * are settled, every image is looked at, and what is in the pool without a row is named. Runs in
 * bulkheadd before it serves.
 */
#include <errno.h>
#include <stdlib.h>

#include "admin/storage/operation.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"

static int
remove_now(struct storage *s, const char *vid, int64_t number, struct err *err)
{
	struct pool *pool = &s->default_pool;
	struct job *job = pool->driver->remove_states(pool, &(struct state_name){vid, number}, 1);
	int result = job_run(job, err);

	job_destroy(job);
	return result;
}

/* An image that was being made is nobody's content. */
static int
take_back(struct storage *s, const struct volume *v, const struct state *state, struct err *err)
{
	AUTO_ERR struct err failure = ERR_INIT;

	log_info("volume '%s': taking back state %lld, which was being made", v->vid,
		(long long)state->number);
	if (remove_now(s, v->vid, state->number, &failure) < 0) {
		log_error("volume '%s': %s", v->vid, err_message(&failure));
		return 0;
	}
	return state_delete(s->store, state->id, err);
}

/* A fold that was past its rename only lacks its rows. */
static int
finish_fold(struct storage *s, const struct volume *v, const struct state *lower, struct err *err)
{
	struct pool *pool = &s->default_pool;
	int64_t children, child;

	if (pool->driver->exists(pool, (struct state_name){v->vid, lower->number}))
		return 0;
	if (state_children(s->store, lower->id, &children, &child, err) < 0)
		return -1;
	log_info("volume '%s': state %lld was folded", v->vid, (long long)lower->number);
	if (store_begin(s->store, err) < 0)
		return -1;
	if ((children == 1 && state_set_base(s->store, child, lower->base_id, err) < 0) ||
		state_delete(s->store, lower->id, err) < 0) {
		store_rollback(s->store);
		return -1;
	}
	return store_commit(s->store, err);
}

/* The header may name either state, and the image reads the same over both: back to the first. */
static int
take_back_move(
	struct storage *s, const struct volume *v, const struct state *moving, struct err *err)
{
	struct pool *pool = &s->default_pool;
	AUTO_ERR struct err failure = ERR_INIT;
	struct state base;
	struct job *job;
	int result;

	if (state_load(s->store, moving->base_id, &base, err) != 1)
		return -1;
	job = pool->driver->set_base(pool, (struct state_name){v->vid, moving->number},
		(struct state_name){v->vid, base.number}, &failure);
	result = job != NULL ? job_run(job, &failure) : -1;
	job_destroy(job);
	if (result < 0) {
		log_error("volume '%s': %s", v->vid, err_message(&failure));
		return 0;
	}
	return state_set_moving_to(s->store, moving->id, 0, err);
}

static int
finish_states(struct storage *s, struct err *err)
{
	AUTO_FREE struct state *states = NULL;
	size_t count;

	if (states_load_unfinished(s->store, &states, &count, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		struct volume v;
		int result = 0;

		if (volume_load(s->store, states[i].volume_id, &v, err) != 1)
			return -1;
		if (states[i].status == STATE_MAKING)
			result = take_back(s, &v, &states[i], err);
		else if (states[i].status == STATE_FOLDING)
			result = finish_fold(s, &v, &states[i], err);
		else if (states[i].moving_to != 0)
			result = take_back_move(s, &v, &states[i], err);
		volume_finish(&v);
		if (result < 0)
			return -1;
	}
	return 0;
}

static int
check_state(struct storage *s, int64_t state_id, struct err *err)
{
	struct pool *pool = &s->default_pool;
	struct chain chain;
	int result;

	if (chain_load(s->store, state_id, &chain, err) < 0)
		return -1;
	result = pool->driver->check(pool, &chain, err);
	chain_finish(&chain);
	return result;
}

static int settle(
	struct storage *s, const struct volume *v, const struct state *open, struct err *err);

/*
 * Under an image that is damaged there may be the one that was written to before a snapshot
 * (live_snapshot.c) of which nobody has heard: then that is what was written.
 */
static int
settle_below(struct storage *s, const struct volume *v, const struct state *open, struct err *err)
{
	struct state below;
	int found = open->base_id != 0 ? state_load(s->store, open->base_id, &below, err) : 0;

	if (found <= 0)
		return found;
	if (below.volume_id != v->id || below.status != STATE_UNWANTED)
		return 0;
	if (state_set_open(s->store, below.id, FRESH_BYTES_CHANGED, err) < 0)
		return -1;
	return settle(s, v, &below, err);
}

/*
 * The state that a dead machine was writing. A damaged image of what should be saved is put
 * aside for a person to look at; the volume goes on with its last good content.
 */
static int
settle(struct storage *s, const struct volume *v, const struct state *open, struct err *err)
{
	struct pool *pool = &s->default_pool;
	struct state_name name = {v->vid, open->number};
	AUTO_ERR struct err damage = ERR_INIT;
	AUTO_FREE char *where = NULL;

	if (!v->save_on_stop || !pool->driver->exists(pool, name) ||
		check_state(s, open->id, &damage) == 0)
		return settle_open_state(s, v, err);
	if (pool->driver->put_aside(pool, name, &where, err) < 0)
		return -1;
	log_qube_message(LOG_LEVEL_ERROR, v->owner,
		"volume '%s': what was written since the last stop is damaged and was put aside "
		"as '%s': %s",
		v->vid, where, err_message(&damage));
	if (state_delete(s->store, open->id, err) < 0)
		return -1;
	return settle_below(s, v, open, err);
}

static int
recover_volume(struct storage *s, const struct volume *v, storage_is_running is_running, void *data,
	struct err *err)
{
	AUTO_ERR struct err damage = ERR_INIT;
	struct state state;
	int found = state_open(s->store, v->id, &state, err);

	if (found > 0 && !is_running(v->owner, data)) {
		log_qube_message(LOG_LEVEL_INFO, v->owner, "volume '%s': its machine is gone; %s",
			v->vid,
			v->save_on_stop ? "saving what it wrote" : "dropping what it wrote");
		if (store_begin(s->store, err) < 0)
			return -1;
		if (settle(s, v, &state, err) < 0) {
			store_rollback(s->store);
			return -1;
		}
		if (store_commit(s->store, err) < 0)
			return -1;
	}
	if (found >= 0)
		found = state_current(s->store, v->id, &state, err);
	if (found < 0)
		return -1;
	if (found > 0 && check_state(s, state.id, &damage) < 0)
		log_qube_message(LOG_LEVEL_ERROR, v->owner,
			"volume '%s' can not be used: %s; restore the image, or revert the volume",
			v->vid, err_message(&damage));
	return 0;
}

struct stray_search {
	struct storage *storage;
	size_t failures;
};

/*
 * An image without a row. Numbers below the volume's next were given out by us, and the row was
 * deleted because the content was not wanted; anything else may be all that is left of
 * somebody's work (a store restored from an old copy) and is only named.
 */
static void
handle_image(const char *vid, int64_t number, void *data)
{
	struct stray_search *search = data;
	struct storage *s = search->storage;
	struct pool *pool = &s->default_pool;
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_QUERY struct store_query *known = store_query(s->store,
		"SELECT EXISTS (SELECT 1 FROM volume_state v JOIN volume ON volume.id = "
		"v.volume_id "
		"  WHERE vid = ?1 AND pool = ?2 AND number = ?3),"
		" EXISTS (SELECT 1 FROM volume WHERE vid = ?1 AND pool = ?2 AND next_number > ?3)");
	AUTO_FREE char *path = pool->driver->path(pool, (struct state_name){vid, number});
	bool ours;

	query_bind_text(known, 1, vid);
	query_bind_text(known, 2, pool->name);
	query_bind_int(known, 3, number);
	if (query_step(known, &err) != 1) {
		search->failures++;
		return;
	}
	if (query_int(known, 0) != 0)
		return;
	ours = query_int(known, 1) != 0;
	if (!ours) {
		log_warning("image '%s' belongs to no volume; it is left alone", path);
		return;
	}
	log_info("image '%s' was dropped before; removing it", path);
	if (remove_now(s, vid, number, &err) < 0)
		log_warning("image '%s': %s", path, err_message(&err));
}

int
storage_recover(struct storage *s, storage_is_running is_running, void *data, struct err *err)
{
	struct stray_search search = {.storage = s};
	struct volume *volumes;
	size_t count;
	int result = 0;

	if (finish_states(s, err) < 0 || storage_drop_frozen(s, NULL, err) < 0)
		return -1;
	if (volumes_load(s->store, NULL, false, &volumes, &count, err) < 0)
		return -1;
	for (size_t i = 0; i < count && result == 0; i++)
		result = recover_volume(s, &volumes[i], is_running, data, err);
	volumes_free(volumes, count);
	if (result < 0)
		return -1;
	s->default_pool.driver->list(&s->default_pool, handle_image, &search);
	if (search.failures > 0)
		log_warning("pool '%s': %zu images were not looked at", s->default_pool.name,
			search.failures);
	storage_want_tidy(s);
	return 0;
}
