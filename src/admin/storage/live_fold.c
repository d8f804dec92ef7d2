/*
 * Live folds (storage.h): which disk wants one. On the disk nothing changes by it: the image's
 * header and its row go on to name the state that the machine does not read any more, and over
 * which the image reads the same, whether what was copied has reached the disk or not. Runs in
 * bulkheadd.
 */
#include <stdlib.h>

#include "admin/storage/operation.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"

/* A running machine reads this many images, and more only until they are folded. */
#define LIVE_DEPTH_MAX 2

static struct state_name
name_of(const struct chain_link *link)
{
	return (struct state_name){link->vid, link->number};
}

/* What lies between the image and the lowest is copied into it. */
static bool
has_room(struct storage *s, const struct chain *chain)
{
	struct pool *pool = &s->default_pool;

	return pool->driver->free_bytes(pool) / 2 > chain_usage(pool, chain, 1, chain->count - 1);
}

/* Disposables lie on frozen content by design: they are many, alike and short-lived. */
static bool
wants_fold(struct storage *s, const struct chain *chain)
{
	for (size_t i = 0; i < chain->count; i++) {
		if (text_starts_with(chain->links[i].vid, "frozen/"))
			return false;
	}
	return chain->count > LIVE_DEPTH_MAX && has_room(s, chain);
}

static void
ask(struct storage *s, const struct volume *v, const struct state *open, const struct chain *chain)
{
	AUTO_FREE char *base_name = s->default_pool.driver->base_name(
		name_of(&chain->links[0]), name_of(&chain->links[1]));

	s->live_fold_id = open->id;
	s->live_fold_asked = true;
	s->live_fold(v->owner, v->name, base_name, s->live_fold_data);
}

/* 1 if one was asked for. */
static int
consider(struct storage *s, const struct state *open, struct err *err)
{
	struct volume v = {0};
	struct chain chain = {0};
	int result = 0;

	if (open->id <= s->live_fold_id)
		return 0;
	/* The header that would be written may be that of another image. */
	result = state_is_in_doubt(s->store, open, err);
	if (result != 0)
		return result < 0 ? -1 : 0;
	if (chain_load(s->store, open->id, &chain, err) < 0)
		return -1;
	if (wants_fold(s, &chain)) {
		result = volume_load(s->store, open->volume_id, &v, err);
		if (result > 0)
			ask(s, &v, open, &chain);
	}
	chain_finish(&chain);
	volume_finish(&v);
	return result;
}

void
live_fold_begin(struct storage *s)
{
	AUTO_FREE struct state *open = NULL;
	AUTO_ERR struct err err = ERR_INIT;
	size_t count = 0;
	int found = 0;

	if (s->live_fold == NULL || s->live_fold_asked)
		return;
	if (states_load_open(s->store, &open, &count, &err) < 0)
		found = -1;
	for (size_t i = 0; i < count && found == 0; i++)
		found = consider(s, &open[i], &err);
	if (found < 0)
		log_warning("running disks cannot be folded: %s", err_message(&err));
}

void
storage_set_live_fold(struct storage *s, storage_live_fold fold, void *data)
{
	s->live_fold = fold;
	s->live_fold_data = data;
}

void
storage_end_live_fold(struct storage *s)
{
	s->live_fold_asked = false;
	storage_want_tidy(s);
}

void
storage_look_at_running(struct storage *s)
{
	s->live_fold_id = 0;
	storage_want_tidy(s);
}
