/*
 * How the states of a volume lie on each other, and what is handed from one to another while they
 * are folded (fold.c); see rows.h. Runs in bulkheadd.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "admin/storage/rows.h"
#include "base/cleanup.h"

int
state_set_moving_to(struct store *s, int64_t id, int64_t other_id, struct err *err)
{
	AUTO_QUERY struct store_query *q =
		store_query(s, "UPDATE volume_state SET moving_to = ?2 WHERE id = ?1");

	query_bind_int(q, 1, id);
	query_bind_int(q, 2, other_id);
	return query_run(q, err);
}

int
state_set_name(struct store *s, int64_t id, const char *name, struct err *err)
{
	AUTO_QUERY struct store_query *q =
		store_query(s, "UPDATE volume_state SET name = ?2, named_at = ?3 WHERE id = ?1");

	query_bind_int(q, 1, id);
	query_bind_text(q, 2, name);
	query_bind_int(q, 3, name != NULL ? (int64_t)time(NULL) : 0);
	return query_run(q, err);
}

int
state_hand_over(struct store *s, const struct state *state, int64_t heir_id, struct err *err)
{
	/* The name is unique: it is laid down before it is taken up. */
	AUTO_QUERY struct store_query *lay_down = store_query(s,
		"UPDATE volume_state SET status = 'unwanted', name = NULL, named_at = 0"
		" WHERE id = ?1");
	AUTO_QUERY struct store_query *take_up = store_query(s,
		"UPDATE volume_state AS heir SET status = ?5, content = old.content,"
		" made_at = old.made_at, retired = old.retired, name = nullif(?3, ''),"
		" named_at = ?4 FROM volume_state AS old WHERE heir.id = ?2 AND old.id = ?1");

	query_bind_int(lay_down, 1, state->id);
	query_bind_int(take_up, 1, state->id);
	query_bind_int(take_up, 2, heir_id);
	query_bind_text(take_up, 3, state->name);
	query_bind_int(take_up, 4, state->named_at);
	query_bind_text(take_up, 5, state->status == STATE_CURRENT ? "current" : "revision");
	if (store_begin(s, err) < 0)
		return -1;
	if (query_run(lay_down, err) < 0 || query_run(take_up, err) < 0) {
		store_rollback(s);
		return -1;
	}
	return store_commit(s, err);
}

int
state_is_in_doubt(struct store *s, const struct state *open, struct err *err)
{
	struct state below;
	int found;

	if (open->fresh_bytes != FRESH_BYTES_IN_DOUBT || open->base_id == 0)
		return 0;
	found = state_load(s, open->base_id, &below, err);
	if (found <= 0)
		return found;
	return below.volume_id == open->volume_id && below.status == STATE_UNWANTED;
}

int
state_carries_others(struct store *s, const struct state *state, struct err *err)
{
	AUTO_QUERY struct store_query *q =
		store_query(s, "SELECT EXISTS (SELECT 1 FROM volume_state"
			       " WHERE base_id = ?1 AND volume_id != ?2)");

	query_bind_int(q, 1, state->id);
	query_bind_int(q, 2, state->volume_id);
	if (query_step(q, err) != 1)
		return -1;
	return query_int(q, 0) != 0 ? 1 : 0;
}

int
state_main_child(struct store *s, const struct state *state, struct state *ret_child,
	bool *ret_is_main, struct err *err)
{
	AUTO_QUERY struct store_query *q = store_query(s,
		"WITH RECURSIVE above (id, branch, depth, status) AS ("
		"  SELECT id, id, 2, status FROM volume_state WHERE base_id = ?1 AND volume_id = ?2"
		"  UNION ALL SELECT v.id, branch, depth + 1, v.status FROM volume_state v"
		"    JOIN above ON v.base_id = above.id WHERE v.volume_id = ?2 AND depth < 100"
		") SELECT branch, status = 'current' FROM above"
		" ORDER BY status = 'current' DESC, depth DESC, id DESC LIMIT 1");
	int found;

	query_bind_int(q, 1, state->id);
	query_bind_int(q, 2, state->volume_id);
	found = query_step(q, err);
	if (found <= 0)
		return found;
	*ret_is_main = query_int(q, 1) != 0;
	return state_load(s, query_int(q, 0), ret_child, err);
}

int
state_other_child(struct store *s, const struct state *state, int64_t but_id, struct state *ret,
	struct err *err)
{
	AUTO_QUERY struct store_query *q =
		store_query(s, "SELECT id FROM volume_state WHERE base_id = ?1 AND id != ?2"
			       " AND volume_id = ?3 ORDER BY id DESC LIMIT 1");
	int found;

	query_bind_int(q, 1, state->id);
	query_bind_int(q, 2, but_id);
	query_bind_int(q, 3, state->volume_id);
	found = query_step(q, err);
	return found <= 0 ? found : state_load(s, query_int(q, 0), ret, err);
}

/* The states whose ids a query gives. */
static int
gather_by_id(struct store *s, const char *sql, struct state **ret_states, size_t *ret_count,
	struct err *err)
{
	AUTO_QUERY struct store_query *q = store_query(s, sql);
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
		found = state_load(s, query_int(q, 0), &states[count], err);
		if (found < 0)
			break;
		count += (size_t)found;
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
states_load_carrying(struct store *s, struct state **ret_states, size_t *ret_count, struct err *err)
{
	return gather_by_id(s,
		"SELECT id FROM volume_state l WHERE status = 'revision' AND EXISTS"
		"  (SELECT 1 FROM volume_state u WHERE u.base_id = l.id"
		"   AND u.volume_id = l.volume_id)"
		" AND NOT EXISTS (SELECT 1 FROM volume_state b WHERE b.id = l.base_id"
		"   AND b.volume_id = l.volume_id) ORDER BY id",
		ret_states, ret_count, err);
}

int
states_load_high(struct store *s, struct state **ret_states, size_t *ret_count, struct err *err)
{
	/* What leads to the current state is dealt with from below (states_load_carrying()). */
	return gather_by_id(s,
		"WITH RECURSIVE main (id, base_id) AS ("
		"  SELECT id, base_id FROM volume_state WHERE status = 'current'"
		"  UNION SELECT v.id, v.base_id FROM volume_state v JOIN main"
		"    ON v.id = main.base_id"
		") SELECT h.id FROM volume_state h"
		" JOIN volume_state m ON m.id = h.base_id AND m.volume_id = h.volume_id"
		" JOIN volume_state l ON l.id = m.base_id AND l.volume_id = h.volume_id"
		" WHERE h.status = 'revision' AND m.status IN ('current', 'revision')"
		"   AND h.id NOT IN (SELECT id FROM main) ORDER BY h.id",
		ret_states, ret_count, err);
}

int
states_load_deep(struct store *s, struct state **ret_states, size_t *ret_count, struct err *err)
{
	return gather_by_id(s,
		"SELECT h.id FROM volume_state h"
		" JOIN volume_state m ON m.id = h.base_id AND m.volume_id = h.volume_id"
		" JOIN volume_state l ON l.id = m.base_id AND l.volume_id = h.volume_id"
		" WHERE h.status = 'current' ORDER BY h.id",
		ret_states, ret_count, err);
}

/*
 * Whether a machine writes to what lies on this state, or on one of this volume (0: none), or is
 * about to. What the volume itself is being given an operation makes, or has left to be cleaned up.
 */
static int
has_users(struct store *s, int64_t state_id, int64_t volume_id, struct err *err)
{
	AUTO_QUERY struct store_query *q = store_query(s,
		"WITH RECURSIVE above (id, status, volume_id) AS ("
		"  SELECT id, status, volume_id FROM volume_state WHERE id = ?1 OR volume_id = ?2"
		"  UNION SELECT v.id, v.status, v.volume_id FROM volume_state v"
		"    JOIN above a ON v.base_id = a.id"
		") SELECT EXISTS (SELECT 1 FROM above WHERE status = 'open'"
		"  OR (status = 'making' AND volume_id != ?2))");

	query_bind_int(q, 1, state_id);
	query_bind_int(q, 2, volume_id);
	if (query_step(q, err) != 1)
		return -1;
	return query_int(q, 0) != 0 ? 1 : 0;
}

int
state_is_in_use(struct store *s, int64_t id, struct err *err)
{
	return has_users(s, id, 0, err);
}

int
volume_is_in_use(struct store *s, int64_t volume_id, struct err *err)
{
	return has_users(s, 0, volume_id, err);
}

int
volume_carries_others(struct store *s, int64_t volume_id, struct err *err)
{
	AUTO_QUERY struct store_query *q =
		store_query(s, "SELECT EXISTS (SELECT 1 FROM volume_state AS lower"
			       "  JOIN volume_state AS upper ON upper.base_id = lower.id"
			       "  JOIN volume ON volume.id = upper.volume_id"
			       "  WHERE lower.volume_id = ?1 AND upper.volume_id != ?1"
			       "  AND upper.status IN ('current', 'revision')"
			       "  AND removing = 0 AND owner NOT GLOB '@*')");

	query_bind_int(q, 1, volume_id);
	if (query_step(q, err) != 1)
		return -1;
	return query_int(q, 0) != 0 ? 1 : 0;
}
