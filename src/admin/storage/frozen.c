/*
 * The volumes of frozen qubes: rows as any others, whose content is made complete while a saved
 * memory says what is to happen to it next. Runs in bulkheadd.
 */
#include <errno.h>
#include <stdlib.h>

#include "admin/storage/operation.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/crash_point.h"
#include "base/text.h"

#define DESCRIPTION_MAX 4096

struct freeze {
	struct operation op;
	struct volume *volumes;
	size_t count;
	storage_done done;
	void *data;
};

static struct freeze *
freeze_of(struct operation *op)
{
	return container_of(op, struct freeze, op);
}

static int
set_row(struct storage *s, const struct volume *v, const char *source, uint64_t size_bytes,
	struct err *err)
{
	AUTO_QUERY struct store_query *q = store_query(s->store,
		"UPDATE volume SET source_vid = ?2, size_bytes = ?3, rw = 1 WHERE id = ?1");

	query_bind_int(q, 1, v->id);
	query_bind_text(q, 2, source);
	query_bind_int(q, 3, (int64_t)size_bytes);
	return query_run(q, err);
}

/* As a disposable of the qube has it: what the qube saves is a snapshot of it. */
static int
define_volume(struct storage *s, const char *owner, const char *qube_name, const struct volume *of,
	uint64_t volatile_bytes, struct err *err)
{
	AUTO_FREE char *vid = text_format("frozen/%s/%s", qube_name, of->name);
	struct volume_config config = {
		.pool = of->pool,
		.vid = vid,
		.name = of->name,
		.owner = owner,
		.size_bytes = of->size_bytes,
		.rw = true,
		.snap_on_start = of->save_on_stop || of->snap_on_start,
		.source = of->save_on_stop ? of->vid : of->source_vid,
	};
	struct volume existing;
	int found = volume_find(s->store, of->pool, vid, &existing, err);

	if (!config.snap_on_start)
		config.size_bytes = volatile_bytes;
	if (found < 0)
		return -1;
	if (found == 0)
		return storage_add_volume(s, &config, err);
	found = set_row(s, &existing, config.source, config.size_bytes, err);
	volume_finish(&existing);
	return found;
}

int
storage_define_frozen(
	struct storage *s, const char *qube_name, uint64_t volatile_bytes, struct err *err)
{
	AUTO_FREE char *owner = text_format(STORAGE_FROZEN_OWNER, qube_name);
	struct volume *volumes;
	size_t count;
	int result;

	if (volumes_load(s->store, qube_name, false, &volumes, &count, err) < 0)
		return -1;
	result = store_begin(s->store, err);
	if (result == 0) {
		for (size_t i = 0; i < count && result == 0; i++)
			result = define_volume(
				s, owner, qube_name, &volumes[i], volatile_bytes, err);
		if (result < 0)
			store_rollback(s->store);
		else
			result = store_commit(s->store, err);
	}
	volumes_free(volumes, count);
	return result;
}

/* All volumes at once: a part of a frozen qube is worth nothing. */
static int
make_current(struct freeze *f, struct err *err)
{
	struct store *store = f->op.storage->store;

	if (store_begin(store, err) < 0)
		return -1;
	for (size_t i = 0; i < f->count; i++) {
		struct state open;
		int found = state_open(store, f->volumes[i].id, &open, err);

		if (found == 0)
			err_set(err, ENOENT, "volume '%s' is not started", f->volumes[i].vid);
		if (found <= 0 || volume_make_current(store, &f->volumes[i], open.id, err) < 0) {
			store_rollback(store);
			return -1;
		}
	}
	return store_commit(store, err);
}

static void
run_freeze(struct operation *op)
{
	crash_point("storage:freeze:before-rows");
	(void)make_current(freeze_of(op), &op->err);
	crash_point("storage:freeze:after-rows");
	storage_want_tidy(op->storage);
	operation_finish(op);
}

static void
answer_freeze(struct operation *op, const struct err *err)
{
	struct freeze *f = freeze_of(op);

	f->done(f->data, err);
}

static void
destroy_freeze(struct operation *op)
{
	struct freeze *f = freeze_of(op);

	volumes_free(f->volumes, f->count);
	free(f);
}

void
storage_freeze(struct storage *s, const char *frozen_owner, storage_done done, void *data)
{
	struct freeze *f = xcalloc(1, sizeof(*f));

	operation_init(&f->op, s);
	f->op.run = run_freeze;
	f->op.answer = answer_freeze;
	f->op.destroy = destroy_freeze;
	f->done = done;
	f->data = data;
	(void)volumes_load(s->store, frozen_owner, false, &f->volumes, &f->count, &f->op.err);
	for (size_t i = 0; i < f->count && i < OPERATION_LOCKS_MAX; i++)
		operation_lock(&f->op, f->volumes[i].id, LOCK_CHANGE);
	operation_submit(&f->op);
}

int
storage_drop_frozen(struct storage *s, const char *frozen_owner, struct err *err)
{
	AUTO_QUERY struct store_query *q =
		store_query(s->store, "UPDATE volume_state SET status = 'unwanted' WHERE status IN"
				      " ('current', 'revision') AND volume_id IN"
				      " (SELECT id FROM volume WHERE owner = ifnull(?1, owner)"
				      " AND owner GLOB '@*')");

	query_bind_text(q, 1, frozen_owner);
	storage_want_tidy(s);
	return query_run(q, err);
}

int
storage_remove_frozen(struct storage *s, const char *qube_name, struct err *err)
{
	AUTO_FREE char *owner = text_format(STORAGE_FROZEN_OWNER, qube_name);
	AUTO_QUERY struct store_query *q =
		store_query(s->store, "UPDATE volume SET removing = 1 WHERE owner = ?1");

	query_bind_text(q, 1, owner);
	storage_want_tidy(s);
	return query_run(q, err);
}

int
storage_describe_start(struct storage *s, const char *owner, char **ret_text, struct err *err)
{
	AUTO_BUF struct buf text;
	struct volume *volumes;
	size_t count;
	int result = 0;

	if (volumes_load(s->store, owner, false, &volumes, &count, err) < 0)
		return -1;
	buf_init(&text, DESCRIPTION_MAX);
	for (size_t i = 0; i < count && result >= 0; i++) {
		const struct volume *v = &volumes[i];
		struct state base = {0};
		uint64_t size_bytes = 0;

		result = find_start_base(s, v, &base, err);
		if (result >= 0)
			result = find_start_size(s, v, &base, &size_bytes, err);
		buf_printf(&text, "%s %lld %llu %d\n", v->name, (long long)base.content,
			(unsigned long long)size_bytes, (int)v->rw);
	}
	volumes_free(volumes, count);
	if (result < 0)
		return -1;
	*ret_text = buf_steal_string(&text);
	return *ret_text != NULL ? 0 : err_set(err, ENOMEM, "out of memory");
}

int
storage_set_source(
	struct storage *s, const char *pool, const char *vid, const char *source, struct err *err)
{
	AUTO_QUERY struct store_query *q = store_query(s->store,
		"UPDATE volume SET source_vid = ?1 WHERE pool = ?2 AND vid = ?3 AND removing = 0"
		" AND snap_on_start = 1");
	struct volume from;

	if (volume_require(s->store, pool, source, &from, err) < 0)
		return err_wrap(err, "volume '%s': its source", vid);
	volume_finish(&from);
	query_bind_text(q, 1, source);
	query_bind_text(q, 2, pool);
	query_bind_text(q, 3, vid);
	return query_run(q, err);
}
