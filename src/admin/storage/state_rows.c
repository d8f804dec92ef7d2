/* Rows of states, and the rules by which content moves between them; see rows.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "admin/storage/rows.h"
#include "base/cleanup.h"
#include "base/text.h"

#define STATE_COLUMNS                                                                              \
	"id, volume_id, number, base_id, status, size_bytes, fresh_bytes, made_at, content, "      \
	"ifnull(name, ''), named_at, moving_to, over_content"

static const char *const status_names[] = {
	[STATE_MAKING] = "making",
	[STATE_OPEN] = "open",
	[STATE_CURRENT] = "current",
	[STATE_REVISION] = "revision",
	[STATE_UNWANTED] = "unwanted",
	[STATE_FOLDING] = "folding",
};

static enum state_status
parse_status(const char *text)
{
	for (size_t i = 0; i < sizeof(status_names) / sizeof(status_names[0]); i++) {
		if (text_equal(text, status_names[i]))
			return (enum state_status)i;
	}
	/* The table's CHECK allows no other; revisions are what is left alone. */
	return STATE_REVISION;
}

static void
read_state(struct store_query *q, struct state *ret)
{
	*ret = (struct state){
		.id = query_int(q, 0),
		.volume_id = query_int(q, 1),
		.number = query_int(q, 2),
		.base_id = query_is_null(q, 3) ? 0 : query_int(q, 3),
		.status = parse_status(query_text(q, 4)),
		.size_bytes = (uint64_t)query_int(q, 5),
		.fresh_bytes = (uint64_t)query_int(q, 6),
		.made_at = query_int(q, 7),
		.content = query_int(q, 8),
		.named_at = query_int(q, 10),
		.moving_to = query_int(q, 11),
		.over = query_int(q, 12),
	};
	snprintf(ret->name, sizeof(ret->name), "%s", query_text(q, 9));
}

static int
step_state(struct store_query *q, struct state *ret, struct err *err)
{
	int found = query_step(q, err);

	if (found == 1)
		read_state(q, ret);
	return found;
}

int
state_load(struct store *s, int64_t id, struct state *ret, struct err *err)
{
	AUTO_QUERY struct store_query *q =
		store_query(s, "SELECT " STATE_COLUMNS " FROM volume_state WHERE id = ?1");

	query_bind_int(q, 1, id);
	return step_state(q, ret, err);
}

int
state_current(struct store *s, int64_t volume_id, struct state *ret, struct err *err)
{
	AUTO_QUERY struct store_query *q =
		store_query(s, "SELECT " STATE_COLUMNS
			       " FROM volume_state WHERE volume_id = ?1 AND status = 'current'");

	query_bind_int(q, 1, volume_id);
	return step_state(q, ret, err);
}

int
state_open(struct store *s, int64_t volume_id, struct state *ret, struct err *err)
{
	AUTO_QUERY struct store_query *q = store_query(s,
		"SELECT " STATE_COLUMNS
		" FROM volume_state WHERE volume_id = ?1 AND status IN ('making', 'open')");

	query_bind_int(q, 1, volume_id);
	return step_state(q, ret, err);
}

int
state_find(struct store *s, int64_t volume_id, const char *content_or_name, struct state *ret,
	struct err *err)
{
	AUTO_QUERY struct store_query *q = store_query(s,
		"SELECT " STATE_COLUMNS
		" FROM volume_state WHERE volume_id = ?1 AND status IN ('current', 'revision')"
		" AND (name = ?2 OR content = ?3)");
	uint64_t content = 0;

	(void)text_parse_u64(content_or_name, INT64_MAX, &content);
	query_bind_int(q, 1, volume_id);
	query_bind_text(q, 2, content_or_name);
	query_bind_int(q, 3, (int64_t)content);
	return step_state(q, ret, err);
}

static int
gather(struct store_query *q, struct state **ret_states, size_t *ret_count, struct err *err)
{
	struct state *states = NULL;
	size_t count = 0;
	int found;

	while ((found = query_step(q, err)) == 1) {
		struct state *more = reallocarray(states, count + 1, sizeof(*states));

		if (more == NULL) {
			found = err_set(err, ENOMEM, "out of memory");
			break;
		}
		states = more;
		read_state(q, &states[count++]);
	}
	if (found < 0) {
		free(states);
		return -1;
	}
	*ret_states = states;
	*ret_count = count;
	return 0;
}

int
states_load(struct store *s, int64_t volume_id, struct state **ret_states, size_t *ret_count,
	struct err *err)
{
	/* Revisions in the order in which they were replaced, then the rest by number. */
	AUTO_QUERY struct store_query *q =
		store_query(s, "SELECT " STATE_COLUMNS
			       " FROM volume_state WHERE volume_id = ?1 ORDER BY retired, number");

	query_bind_int(q, 1, volume_id);
	return gather(q, ret_states, ret_count, err);
}

int
states_load_unfinished(
	struct store *s, struct state **ret_states, size_t *ret_count, struct err *err)
{
	AUTO_QUERY struct store_query *q = store_query(s,
		"SELECT " STATE_COLUMNS
		" FROM volume_state WHERE status IN ('making', 'unwanted', 'folding')"
		" OR moving_to != 0 ORDER BY moving_to = 0, id");

	return gather(q, ret_states, ret_count, err);
}

int
states_load_open(struct store *s, struct state **ret_states, size_t *ret_count, struct err *err)
{
	AUTO_QUERY struct store_query *q = store_query(
		s, "SELECT " STATE_COLUMNS " FROM volume_state WHERE status = 'open' ORDER BY id");

	return gather(q, ret_states, ret_count, err);
}

int
state_insert(struct store *s, struct state *state, struct err *err)
{
	AUTO_QUERY struct store_query *q = store_query(s,
		"INSERT INTO volume_state "
		"(volume_id, number, content, status, base_id, size_bytes, fresh_bytes, made_at,"
		" retired, over_content) VALUES (?1, ?2, ?2, ?6, ?3, ?4, 0, ?5, 0, ?7)");

	query_bind_int(q, 1, state->volume_id);
	query_bind_int(q, 2, state->number);
	if (state->base_id != 0)
		query_bind_int(q, 3, state->base_id);
	else
		query_bind_null(q, 3);
	query_bind_int(q, 4, (int64_t)state->size_bytes);
	query_bind_int(q, 5, (int64_t)time(NULL));
	query_bind_text(q, 6, status_names[state->status]);
	query_bind_int(q, 7, state->over);
	if (query_run(q, err) < 0)
		return -1;
	state->id = store_last_id(s);
	state->content = state->number;
	return 0;
}

int
state_delete(struct store *s, int64_t id, struct err *err)
{
	AUTO_QUERY struct store_query *q = store_query(s, "DELETE FROM volume_state WHERE id = ?1");

	query_bind_int(q, 1, id);
	return query_run(q, err);
}

int
state_set_status(struct store *s, int64_t id, enum state_status status, struct err *err)
{
	AUTO_QUERY struct store_query *q =
		store_query(s, "UPDATE volume_state SET status = ?2 WHERE id = ?1");

	query_bind_int(q, 1, id);
	query_bind_text(q, 2, status_names[status]);
	return query_run(q, err);
}

int
state_set_open(struct store *s, int64_t id, uint64_t fresh_bytes, struct err *err)
{
	AUTO_QUERY struct store_query *q = store_query(
		s, "UPDATE volume_state SET status = 'open', fresh_bytes = ?2 WHERE id = ?1");

	query_bind_int(q, 1, id);
	query_bind_int(q, 2, (int64_t)fresh_bytes);
	return query_run(q, err);
}

int
state_set_base(struct store *s, int64_t id, int64_t base_id, struct err *err)
{
	AUTO_QUERY struct store_query *q =
		store_query(s, "UPDATE volume_state SET base_id = ?2 WHERE id = ?1");

	query_bind_int(q, 1, id);
	if (base_id != 0)
		query_bind_int(q, 2, base_id);
	else
		query_bind_null(q, 2);
	return query_run(q, err);
}

int
state_set_size(struct store *s, int64_t id, uint64_t size_bytes, struct err *err)
{
	AUTO_QUERY struct store_query *q =
		store_query(s, "UPDATE volume_state SET size_bytes = ?2 WHERE id = ?1");

	query_bind_int(q, 1, id);
	query_bind_int(q, 2, (int64_t)size_bytes);
	return query_run(q, err);
}

int
state_children(struct store *s, int64_t id, int64_t *ret_count, int64_t *ret_child, struct err *err)
{
	AUTO_QUERY struct store_query *q =
		store_query(s, "SELECT count(*), max(id) FROM volume_state WHERE base_id = ?1");

	query_bind_int(q, 1, id);
	if (query_step(q, err) != 1)
		return -1;
	*ret_count = query_int(q, 0);
	*ret_child = query_is_null(q, 1) ? 0 : query_int(q, 1);
	return 0;
}

void
chain_finish(struct chain *c)
{
	for (size_t i = 0; i < c->count; i++)
		free(c->links[i].vid);
	*c = (struct chain){0};
}

int
chain_load(struct store *s, int64_t state_id, struct chain *ret, struct err *err)
{
	AUTO_QUERY struct store_query *q = store_query(s,
		"WITH RECURSIVE below (id, volume_id, number, base_id, depth) AS ("
		"  SELECT id, volume_id, number, base_id, 0 FROM volume_state WHERE id = ?1"
		"  UNION ALL SELECT v.id, v.volume_id, v.number, v.base_id, b.depth + 1"
		"    FROM volume_state v JOIN below b ON v.id = b.base_id WHERE b.depth < 100"
		") SELECT b.volume_id, b.number, volume.vid FROM below b "
		"JOIN volume ON volume.id = b.volume_id ORDER BY b.depth");
	struct chain chain = {0};
	int found;

	query_bind_int(q, 1, state_id);
	while ((found = query_step(q, err)) == 1) {
		if (chain.count == DISK_CHAIN_MAX) {
			found = err_set_kind(err, STORAGE_ERROR, EMLINK,
				"volume '%s': more than %d states lie on each other; "
				"shut down the qubes that use old ones and try again",
				query_text(q, 2), DISK_CHAIN_MAX);
			break;
		}
		chain.links[chain.count++] = (struct chain_link){
			.vid = text_copy(query_text(q, 2)),
			.volume_id = query_int(q, 0),
			.number = query_int(q, 1),
		};
	}
	if (found < 0) {
		chain_finish(&chain);
		return -1;
	}
	*ret = chain;
	return 0;
}

/* The order only grows within a volume, also when a revision is gone back to. */
static int
retire(struct store *s, int64_t volume_id, struct err *err)
{
	AUTO_QUERY struct store_query *q =
		store_query(s, "UPDATE volume_state SET status = 'revision', retired = 1 + "
			       "(SELECT max(retired) FROM volume_state WHERE volume_id = ?1) "
			       "WHERE volume_id = ?1 AND status = 'current'");

	query_bind_int(q, 1, volume_id);
	return query_run(q, err);
}

int
state_make_revision(struct store *s, const struct state *state, const char *name, struct err *err)
{
	AUTO_QUERY struct store_query *q = store_query(s,
		"UPDATE volume_state SET status = 'revision', made_at = ?3, retired = 1 + "
		"(SELECT max(retired) FROM volume_state WHERE volume_id = ?2) WHERE id = ?1");

	query_bind_int(q, 1, state->id);
	query_bind_int(q, 2, state->volume_id);
	query_bind_int(q, 3, (int64_t)time(NULL));
	if (query_run(q, err) < 0)
		return -1;
	return state_set_name(s, state->id, name, err);
}

static int
set_current(struct store *s, int64_t state_id, struct err *err)
{
	/* What was content before keeps the time at which it was committed. */
	AUTO_QUERY struct store_query *q = store_query(s,
		"UPDATE volume_state SET made_at = iif(status = 'revision', made_at, ?2), "
		"status = 'current', retired = 0 WHERE id = ?1");

	query_bind_int(q, 1, state_id);
	query_bind_int(q, 2, (int64_t)time(NULL));
	return query_run(q, err);
}

static int
prune_to(struct store *s, const struct volume *v, int64_t count, struct err *err)
{
	AUTO_QUERY struct store_query *q = store_query(s,
		"UPDATE volume_state SET status = 'unwanted' WHERE id IN ("
		"  SELECT id FROM volume_state WHERE volume_id = ?1 AND status = 'revision'"
		"  AND name IS NULL ORDER BY retired DESC LIMIT -1 OFFSET ?2)");

	query_bind_int(q, 1, v->id);
	query_bind_int(q, 2, count > 0 ? count : 0);
	return query_run(q, err);
}

static int
change_current(struct store *s, const struct volume *v, int64_t state_id, int64_t keep_count,
	struct err *err)
{
	if (store_begin(s, err) < 0)
		return -1;
	if (retire(s, v->id, err) < 0 || (state_id != 0 && set_current(s, state_id, err) < 0) ||
		prune_to(s, v, keep_count, err) < 0) {
		store_rollback(s);
		return -1;
	}
	return store_commit(s, err);
}

int
volume_make_current(struct store *s, const struct volume *v, int64_t state_id, struct err *err)
{
	return change_current(s, v, state_id, v->revisions_to_keep, err);
}

int
volume_go_back(struct store *s, const struct volume *v, int64_t state_id, struct err *err)
{
	return change_current(
		s, v, state_id, v->revisions_to_keep > 1 ? v->revisions_to_keep : 1, err);
}

int
volume_prune(struct store *s, const struct volume *v, struct err *err)
{
	return prune_to(s, v, v->revisions_to_keep, err);
}
