/* What storage answers at once: rows and facts about files; see storage.h. Runs in bulkheadd. */
#include "admin/storage/storage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "admin/storage/kernel.h"
#include "admin/storage/operation.h"
#include "base/cleanup.h"
#include "base/text.h"

static int
check_source(struct storage *s, const struct volume_config *config, struct err *err)
{
	struct volume source;
	bool keeps;

	if ((config->source != NULL) != config->snap_on_start)
		return REFUSE(err, EINVAL, "volume '%s': a source and snap_on_start go together",
			config->vid);
	if (config->source == NULL)
		return 0;
	if (config->save_on_stop)
		return REFUSE(err, EINVAL, "volume '%s': a snapshot's content can not be saved",
			config->vid);
	if (volume_require(s->store, config->pool, config->source, &source, err) < 0)
		return err_wrap(err, "volume '%s': its source", config->vid);
	keeps = source.save_on_stop;
	volume_finish(&source);
	if (!keeps)
		return REFUSE(err, EINVAL, "volume '%s': its source '%s' keeps no content",
			config->vid, config->source);
	return 0;
}

static int
check_config(struct storage *s, const struct volume_config *config, struct err *err)
{
	struct pool *pool = storage_pool(s, config->pool, err);

	if (pool == NULL)
		return -1;
	if (!pool->driver->vid_valid(config->vid))
		return REFUSE(err, EINVAL, "volume id '%s' is not valid", config->vid);
	if (config->name[0] == '\0' || strlen(config->name) >= DISK_NAME_SIZE ||
		!text_only_has(config->name, ""))
		return REFUSE(err, EINVAL, "volume name '%s' is not valid", config->name);
	if (config->size_bytes == 0 || config->size_bytes > VOLUME_SIZE_MAX)
		return REFUSE(err, EINVAL, "volume '%s': size is out of range", config->vid);
	if (config->revisions_to_keep < -1 || config->revisions_to_keep > VOLUME_REVISIONS_MAX)
		return REFUSE(
			err, EINVAL, "volume '%s': revisions_to_keep is out of range", config->vid);
	return check_source(s, config, err);
}

int
storage_add_volume(struct storage *s, const struct volume_config *config, struct err *err)
{
	/* Numbers go on where a removed volume of that name ended: its images may still be there.
	 */
	AUTO_QUERY struct store_query *q = store_query(s->store,
		"INSERT INTO volume (pool, vid, name, owner, source_vid, size_bytes, rw,"
		" save_on_stop, snap_on_start, ephemeral, revisions_to_keep, next_number) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,"
		" (SELECT ifnull(max(next_number), 1) FROM volume WHERE pool = ?1 AND vid = ?2))");
	struct volume existing;
	int found;

	if (check_config(s, config, err) < 0)
		return -1;
	found = volume_find(s->store, config->pool, config->vid, &existing, err);
	if (found < 0)
		return -1;
	if (found > 0) {
		volume_finish(&existing);
		return REFUSE(err, EEXIST, "volume '%s' exists already", config->vid);
	}
	query_bind_text(q, 1, config->pool);
	query_bind_text(q, 2, config->vid);
	query_bind_text(q, 3, config->name);
	query_bind_text(q, 4, config->owner);
	query_bind_text(q, 5, config->source);
	query_bind_int(q, 6, (int64_t)config->size_bytes);
	query_bind_int(q, 7, config->rw);
	query_bind_int(q, 8, config->save_on_stop);
	query_bind_int(q, 9, config->snap_on_start);
	query_bind_int(q, 10, config->ephemeral);
	query_bind_int(q, 11, config->revisions_to_keep);
	return query_run(q, err);
}

static int
mark_removing(struct storage *s, const struct volume *v, struct err *err)
{
	AUTO_QUERY struct store_query *q =
		store_query(s->store, "UPDATE volume SET removing = 1 WHERE id = ?1");
	int in_use = operation_touches(s, v->id) ? 1 : volume_is_in_use(s->store, v->id, err);

	if (in_use < 0)
		return -1;
	if (in_use == 0)
		in_use = volume_carries_others(s->store, v->id, err);
	if (in_use < 0)
		return -1;
	if (in_use > 0)
		return REFUSE(err, EBUSY, "volume '%s' is in use", v->vid);
	query_bind_int(q, 1, v->id);
	return query_run(q, err);
}

int
storage_remove_volumes(struct storage *s, const char *owner, struct err *err)
{
	struct volume *volumes;
	size_t count;
	int result = 0;

	if (volumes_load(s->store, owner, false, &volumes, &count, err) < 0)
		return -1;
	result = store_begin(s->store, err);
	if (result == 0) {
		for (size_t i = 0; i < count && result == 0; i++)
			result = mark_removing(s, &volumes[i], err);
		if (result < 0)
			store_rollback(s->store);
		else
			result = store_commit(s->store, err);
	}
	volumes_free(volumes, count);
	storage_want_tidy(s);
	return result;
}

static int
kernel_info(const char *version, struct volume_info *ret_info, struct err *err)
{
	struct kernel_files files;
	struct stat st;

	if (kernel_find(version, &files, err) < 0)
		return -1;
	*ret_info = (struct volume_info){
		.pool = text_copy(STORAGE_POOL_KERNEL),
		.vid = text_copy(version),
		.name = text_copy("kernel"),
		.owner = text_copy(""),
		.source = text_copy(""),
		.path = text_copy(files.modules != NULL ? files.modules : ""),
	};
	if (files.modules != NULL && stat(files.modules, &st) == 0) {
		ret_info->size_bytes = (uint64_t)st.st_size;
		ret_info->usage_bytes = (uint64_t)st.st_blocks * 512;
	}
	kernel_files_finish(&files);
	return 0;
}

static void
add_states(struct storage *s, const struct volume *v, const struct state *states, size_t count,
	struct volume_info *info)
{
	struct pool *pool = &s->default_pool;
	const struct state *newest = NULL;

	for (size_t i = 0; i < count; i++) {
		uint64_t allocated, length;

		if (pool->driver->usage(pool, (struct state_name){v->vid, states[i].number},
			    &allocated, &length) == 0)
			info->usage_bytes += allocated;
		if (states[i].status == STATE_OPEN)
			info->is_running = true;
		if (states[i].status == STATE_OPEN ||
			(states[i].status == STATE_CURRENT && newest == NULL))
			newest = &states[i];
	}
	info->path = newest == NULL ? text_copy("")
				    : pool->driver->path(
					      pool, (struct state_name){v->vid, newest->number});
}

/* A snapshot shows at least its source, and is outdated if that has moved on under it. */
static int
add_source(struct storage *s, const struct volume *v, struct volume_info *info, struct err *err)
{
	struct volume source;
	struct state current = {0}, open = {0};
	int found;

	if (v->source_vid == NULL)
		return 0;
	found = volume_find(s->store, v->pool, v->source_vid, &source, err);
	if (found <= 0)
		return found;
	if (source.size_bytes > info->size_bytes)
		info->size_bytes = source.size_bytes;
	found = state_current(s->store, source.id, &current, err);
	if (found >= 0)
		found = state_open(s->store, v->id, &open, err);
	if (found > 0)
		info->is_outdated = open.over != current.content;
	volume_finish(&source);
	return found < 0 ? -1 : 0;
}

int
storage_volume_info(struct storage *s, const char *pool, const char *vid,
	struct volume_info *ret_info, struct err *err)
{
	AUTO_FREE struct state *states = NULL;
	struct volume_info info = {0};
	struct volume v;
	size_t count;
	int result;

	if (text_equal(pool, STORAGE_POOL_KERNEL))
		return kernel_info(vid, ret_info, err);
	if (volume_require(s->store, pool, vid, &v, err) < 0)
		return -1;
	info = (struct volume_info){
		.size_bytes = v.size_bytes,
		.rw = v.rw,
		.save_on_stop = v.save_on_stop,
		.snap_on_start = v.snap_on_start,
		.ephemeral = v.ephemeral,
		.revisions_to_keep = v.revisions_to_keep,
	};
	result = states_load(s->store, v.id, &states, &count, err);
	if (result == 0)
		result = add_source(s, &v, &info, err);
	if (result == 0) {
		add_states(s, &v, states, count, &info);
		info.pool = text_copy(v.pool);
		info.vid = text_copy(v.vid);
		info.name = text_copy(v.name);
		info.owner = text_copy(v.owner);
		info.source = text_copy(v.source_vid != NULL ? v.source_vid : "");
		*ret_info = info;
	}
	volume_finish(&v);
	return result;
}

void
volume_info_finish(struct volume_info *info)
{
	free(info->pool);
	free(info->vid);
	free(info->name);
	free(info->owner);
	free(info->source);
	free(info->path);
	*info = (struct volume_info){0};
}

int
storage_list_vids(struct storage *s, const char *pool, char ***ret_vids, struct err *err)
{
	AUTO_QUERY struct store_query *q = store_query(
		s->store, "SELECT vid FROM volume WHERE pool = ?1 AND removing = 0 ORDER BY vid");
	char **vids = xcalloc(1, sizeof(*vids));
	size_t count = 0;
	int found;

	if (text_equal(pool, STORAGE_POOL_KERNEL)) {
		free(vids);
		return kernel_list(ret_vids, err);
	}
	query_bind_text(q, 1, pool);
	while ((found = query_step(q, err)) == 1) {
		char **more = reallocarray(vids, count + 2, sizeof(*vids));

		if (more == NULL) {
			found = err_set(err, ENOMEM, "out of memory");
			break;
		}
		vids = more;
		vids[count++] = text_copy(query_text(q, 0));
		vids[count] = NULL;
	}
	if (found < 0) {
		storage_free_vids(vids);
		return -1;
	}
	*ret_vids = vids;
	return 0;
}

void
storage_free_vids(char **vids)
{
	for (size_t i = 0; vids != NULL && vids[i] != NULL; i++)
		free(vids[i]);
	free(vids);
}

int
storage_list_revisions(struct storage *s, const char *pool, const char *vid,
	struct volume_revision **ret_revisions, size_t *ret_count, struct err *err)
{
	AUTO_FREE struct state *states = NULL;
	AUTO_FREE struct volume_revision *revisions = NULL;
	struct volume v;
	size_t count, kept = 0;
	int result;

	if (volume_require(s->store, pool, vid, &v, err) < 0)
		return -1;
	result = states_load(s->store, v.id, &states, &count, err);
	volume_finish(&v);
	if (result < 0)
		return -1;
	revisions = xcalloc(count, sizeof(*revisions));
	for (size_t i = 0; i < count; i++) {
		if (states[i].status != STATE_REVISION)
			continue;
		snprintf(revisions[kept].id, sizeof(revisions[kept].id), "%lld",
			(long long)states[i].content);
		format_time(states[i].made_at, revisions[kept].time);
		kept++;
	}
	*ret_revisions = steal_ptr(revisions);
	*ret_count = kept;
	return 0;
}

/* Of two images either may be the one that would grow. */
static int
check_not_in_doubt(
	struct storage *s, const struct volume *v, const struct state *open, struct err *err)
{
	int in_doubt = state_is_in_doubt(s->store, open, err);

	if (in_doubt > 0)
		return REFUSE(err, EBUSY,
			"volume '%s': a snapshot of it is being taken: try again in a moment, or "
			"when the qube has stopped",
			v->vid);
	return in_doubt;
}

static int
resize(struct storage *s, const struct volume *v, uint64_t size_bytes, struct err *err)
{
	struct state open;
	int found;

	if (size_bytes > VOLUME_SIZE_MAX)
		return REFUSE(err, EINVAL, "volume '%s': size is out of range", v->vid);
	if (size_bytes < v->size_bytes)
		return REFUSE(err, EINVAL,
			"volume '%s': shrinking is refused, because it destroys data: "
			"clone what is needed into a smaller volume instead",
			v->vid);
	found = state_open(s->store, v->id, &open, err);
	if (found < 0 || (found > 0 && check_not_in_doubt(s, v, &open, err) < 0) ||
		store_begin(s->store, err) < 0)
		return -1;
	if (volume_set_size(s->store, v->id, size_bytes, err) < 0 ||
		(found > 0 && state_set_size(s->store, open.id, size_bytes, err) < 0)) {
		store_rollback(s->store);
		return -1;
	}
	return store_commit(s->store, err);
}

int
storage_resize(
	struct storage *s, const char *pool, const char *vid, uint64_t size_bytes, struct err *err)
{
	struct volume v;
	int result;

	if (volume_require(s->store, pool, vid, &v, err) < 0)
		return -1;
	result = resize(s, &v, size_bytes, err);
	volume_finish(&v);
	return result;
}

static int
set_revisions_to_keep(struct storage *s, struct volume *v, int64_t count, struct err *err)
{
	AUTO_QUERY struct store_query *q =
		store_query(s->store, "UPDATE volume SET revisions_to_keep = ?2 WHERE id = ?1");

	v->revisions_to_keep = count;
	query_bind_int(q, 1, v->id);
	query_bind_int(q, 2, count);
	if (store_begin(s->store, err) < 0)
		return -1;
	if (query_run(q, err) < 0 || volume_prune(s->store, v, err) < 0) {
		store_rollback(s->store);
		return -1;
	}
	return store_commit(s->store, err);
}

int
storage_set_revisions_to_keep(
	struct storage *s, const char *pool, const char *vid, int64_t count, struct err *err)
{
	struct volume v;
	int result;

	if (count < -1 || count > VOLUME_REVISIONS_MAX)
		return REFUSE(err, EINVAL, "volume '%s': revisions_to_keep is out of range", vid);
	if (volume_require(s->store, pool, vid, &v, err) < 0)
		return -1;
	result = set_revisions_to_keep(s, &v, count, err);
	volume_finish(&v);
	storage_want_tidy(s);
	return result;
}

/* Loads a volume whose settings may be changed now: it is not running. */
static int
require_halted(
	struct storage *s, const char *pool, const char *vid, struct volume *ret, struct err *err)
{
	struct state open;
	int found;

	if (volume_require(s->store, pool, vid, ret, err) < 0)
		return -1;
	found = state_open(s->store, ret->id, &open, err);
	if (found > 0)
		REFUSE(err, EBUSY, "volume '%s' is in use by a running qube", vid);
	if (found != 0)
		volume_finish(ret);
	return found != 0 ? -1 : 0;
}

int
storage_set_rw(struct storage *s, const char *pool, const char *vid, bool rw, struct err *err)
{
	AUTO_QUERY struct store_query *q =
		store_query(s->store, "UPDATE volume SET rw = ?2 WHERE id = ?1");
	struct volume v;

	if (require_halted(s, pool, vid, &v, err) < 0)
		return -1;
	query_bind_int(q, 1, v.id);
	query_bind_int(q, 2, rw);
	volume_finish(&v);
	return query_run(q, err);
}

int
storage_set_ephemeral(
	struct storage *s, const char *pool, const char *vid, bool ephemeral, struct err *err)
{
	AUTO_QUERY struct store_query *q =
		store_query(s->store, "UPDATE volume SET ephemeral = ?2 WHERE id = ?1");
	struct volume v;
	bool possible;

	if (require_halted(s, pool, vid, &v, err) < 0)
		return -1;
	possible = v.rw && !v.save_on_stop && !v.snap_on_start;
	query_bind_int(q, 1, v.id);
	query_bind_int(q, 2, ephemeral);
	volume_finish(&v);
	if (ephemeral && !possible)
		return err_set_kind(err, "QubesValueError", EINVAL,
			"Cannot enable ephemeral on snap_on_start or save_on_stop or non-dom0 "
			"or not writable volume");
	return query_run(q, err);
}
