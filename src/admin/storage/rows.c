/* Rows of volumes and what is asked of them; see rows.h. Runs in bulkheadd. */
#include "admin/storage/rows.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/maybe.h"
#include "base/text.h"

#define VOLUME_COLUMNS                                                                             \
	"id, pool, vid, name, owner, source_vid, size_bytes, rw, save_on_stop, snap_on_start, "    \
	"ephemeral, revisions_to_keep, removing"

static void
read_volume(struct store_query *q, struct volume *ret)
{
	*ret = (struct volume){
		.id = query_int(q, 0),
		.pool = text_copy_or_null(query_text(q, 1)),
		.vid = text_copy_or_null(query_text(q, 2)),
		.name = text_copy_or_null(query_text(q, 3)),
		.owner = text_copy_or_null(query_text(q, 4)),
		.source_vid = text_copy_or_null(query_text(q, 5)),
		.size_bytes = (uint64_t)query_int(q, 6),
		.rw = query_int(q, 7) != 0,
		.save_on_stop = query_int(q, 8) != 0,
		.snap_on_start = query_int(q, 9) != 0,
		.ephemeral = query_int(q, 10) != 0,
		.revisions_to_keep = query_int(q, 11),
		.removing = query_int(q, 12) != 0,
	};
}

void
volume_finish(struct volume *v)
{
	free(v->pool);
	free(v->vid);
	free(v->name);
	free(v->owner);
	free(v->source_vid);
	*v = (struct volume){0};
}

static int
step_volume(struct store_query *q, struct volume *ret, struct err *err)
{
	int found = query_step(q, err);

	if (found == 1)
		read_volume(q, ret);
	return found;
}

int
volume_find(struct store *s, const char *pool, const char *vid, struct volume *ret, struct err *err)
{
	AUTO_QUERY struct store_query *q =
		store_query(s, "SELECT " VOLUME_COLUMNS
			       " FROM volume WHERE pool = ?1 AND vid = ?2 AND removing = 0");

	query_bind_text(q, 1, pool);
	query_bind_text(q, 2, vid);
	return step_volume(q, ret, err);
}

int
volume_load(struct store *s, int64_t id, struct volume *ret, struct err *err)
{
	AUTO_QUERY struct store_query *q =
		store_query(s, "SELECT " VOLUME_COLUMNS " FROM volume WHERE id = ?1");

	query_bind_int(q, 1, id);
	return step_volume(q, ret, err);
}

int
volume_require(
	struct store *s, const char *pool, const char *vid, struct volume *ret, struct err *err)
{
	int found = volume_find(s, pool, vid, ret, err);

	if (found == 0)
		return err_set_kind(err, STORAGE_ERROR, ENOENT,
			"volume '%s' of pool '%s' does not exist", vid, pool);
	return found < 0 ? -1 : 0;
}

int
volumes_load(struct store *s, const char *owner, bool removing, struct volume **ret_volumes,
	size_t *ret_count, struct err *err)
{
	AUTO_QUERY struct store_query *q = store_query(s,
		"SELECT " VOLUME_COLUMNS
		" FROM volume WHERE (?1 IS NULL OR owner = ?1) AND removing = ?2 ORDER BY id");
	struct volume *volumes = NULL;
	size_t count = 0;
	int found;

	query_bind_text(q, 1, owner);
	query_bind_int(q, 2, removing ? 1 : 0);
	while ((found = query_step(q, err)) == 1) {
		struct volume *more = reallocarray(volumes, count + 1, sizeof(*volumes));

		if (more == NULL) {
			found = err_set(err, ENOMEM, "out of memory");
			break;
		}
		volumes = more;
		read_volume(q, &volumes[count++]);
	}
	if (found < 0) {
		volumes_free(volumes, count);
		return -1;
	}
	*ret_volumes = volumes;
	*ret_count = count;
	return 0;
}

void
volumes_free(struct volume *volumes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		volume_finish(&volumes[i]);
	free(volumes);
}

int
volume_take_number(struct store *s, int64_t volume_id, int64_t *ret_number, struct err *err)
{
	AUTO_QUERY struct store_query *q =
		store_query(s, "UPDATE volume SET next_number = next_number + 1 WHERE id = ?1 "
			       "RETURNING next_number - 1");
	int64_t number;
	int found;

	query_bind_int(q, 1, volume_id);
	found = query_step(q, err);
	if (found <= 0)
		return found < 0 ? -1 : err_set(err, ENOENT, "volume has gone");
	number = query_int(q, 0);
	if (query_run(q, err) < 0)
		return -1;
	*ret_number = number;
	return 0;
}

int
volume_set_size(struct store *s, int64_t volume_id, uint64_t size_bytes, struct err *err)
{
	AUTO_QUERY struct store_query *q =
		store_query(s, "UPDATE volume SET size_bytes = ?2 WHERE id = ?1");

	query_bind_int(q, 1, volume_id);
	query_bind_int(q, 2, (int64_t)size_bytes);
	return query_run(q, err);
}

int
volume_delete(struct store *s, int64_t volume_id, struct err *err)
{
	AUTO_QUERY struct store_query *loosen =
		store_query(s, "UPDATE volume_state SET base_id = NULL WHERE base_id IN "
			       "(SELECT id FROM volume_state WHERE volume_id = ?1)");
	AUTO_QUERY struct store_query *states =
		store_query(s, "DELETE FROM volume_state WHERE volume_id = ?1");
	AUTO_QUERY struct store_query *volume = store_query(s, "DELETE FROM volume WHERE id = ?1");

	query_bind_int(loosen, 1, volume_id);
	query_bind_int(states, 1, volume_id);
	query_bind_int(volume, 1, volume_id);
	if (query_run(loosen, err) < 0 || query_run(states, err) < 0)
		return -1;
	return query_run(volume, err);
}
