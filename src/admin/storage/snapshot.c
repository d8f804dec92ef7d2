/*
 * The states of a volume as its owner sees them: listed with what they cost, named, deleted. Only
 * rows are changed; what that makes superfluous is folded later. Runs in bulkheadd.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "admin/storage/operation.h"
#include "base/cleanup.h"
#include "base/crash_point.h"
#include "base/text.h"

void
format_time(int64_t seconds, char ret_text[VOLUME_TIME_SIZE])
{
	struct tm calendar;
	time_t moment = (time_t)seconds;

	ret_text[0] = '\0';
	if (seconds > 0 && gmtime_r(&moment, &calendar) != NULL)
		(void)strftime(ret_text, VOLUME_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &calendar);
}

static const char *
kind_name(enum state_status status)
{
	switch (status) {
	case STATE_CURRENT:
		return "current";
	case STATE_REVISION:
		return "revision";
	case STATE_MAKING:
	case STATE_OPEN:
		return "running";
	case STATE_UNWANTED:
	case STATE_FOLDING:
		break;
	}
	return "passing";
}

static int
describe(struct storage *s, const struct volume *v, const struct state *state,
	struct volume_state *ret, struct err *err)
{
	struct pool *pool = &s->default_pool;
	struct chain chain = {0};
	uint64_t length;

	*ret = (struct volume_state){
		.kind = kind_name(state->status), .size_bytes = state->size_bytes};
	snprintf(ret->id, sizeof(ret->id), "%lld", (long long)state->content);
	snprintf(ret->name, sizeof(ret->name), "%s", state->name);
	format_time(state->made_at, ret->time);
	format_time(state->named_at, ret->named);
	(void)pool->driver->usage(
		pool, (struct state_name){v->vid, state->number}, &ret->usage_bytes, &length);
	if (chain_load(s->store, state->id, &chain, err) < 0)
		return -1;
	ret->depth = chain.count;
	chain_finish(&chain);
	return 0;
}

int
storage_list_states(struct storage *s, const char *pool, const char *vid,
	struct volume_state **ret_states, size_t *ret_count, struct err *err)
{
	AUTO_FREE struct state *states = NULL;
	AUTO_FREE struct volume_state *list = NULL;
	struct volume v;
	size_t count = 0;
	int result;

	if (volume_require(s->store, pool, vid, &v, err) < 0)
		return -1;
	result = states_load(s->store, v.id, &states, &count, err);
	list = xcalloc(count + 1, sizeof(*list));
	for (size_t i = 0; i < count && result == 0; i++)
		result = describe(s, &v, &states[i], &list[i], err);
	volume_finish(&v);
	if (result < 0)
		return -1;
	*ret_states = steal_ptr(list);
	*ret_count = count;
	return 0;
}

/* Begins with a letter, so that it is never taken for the number of a state. */
static bool
name_valid(const char *name)
{
	return ((name[0] >= 'a' && name[0] <= 'z') || (name[0] >= 'A' && name[0] <= 'Z')) &&
	       strlen(name) < STATE_NAME_SIZE && text_only_has(name, "-_.");
}

int
check_snapshot_name(const char *name, struct err *err)
{
	if (name_valid(name))
		return 0;
	return err_set_kind(err, "QubesValueError", EINVAL,
		"snapshot name '%s' is not valid: a letter, then up to %d letters, digits "
		"and '-_.'",
		name, STATE_NAME_SIZE - 2);
}

static int
name_content(struct storage *s, const struct volume *v, const char *name, bool while_running,
	struct err *err)
{
	struct state state;
	int found;

	if (!v->save_on_stop)
		return REFUSE(err, EINVAL, "volume '%s' does not keep its content", v->vid);
	found = state_open(s->store, v->id, &state, err);
	if (found > 0 && !while_running)
		return REFUSE(err, EBUSY,
			"volume '%s' is in use by a running qube: shut it down, or ask for what "
			"was saved at its last stop",
			v->vid);
	if (found >= 0)
		found = state_find(s->store, v->id, name, &state, err);
	if (found > 0)
		return REFUSE(err, EEXIST, "volume '%s' has a snapshot '%s' already", v->vid, name);
	if (found == 0)
		found = state_current(s->store, v->id, &state, err);
	if (found < 0)
		return -1;
	if (found == 0)
		return REFUSE(err, ENOENT, "volume '%s' has no content yet", v->vid);
	if (state.name[0] != '\0')
		return REFUSE(err, EEXIST,
			"volume '%s' has not changed since its snapshot '%s' was taken", v->vid,
			state.name);
	return state_set_name(s->store, state.id, name, err);
}

int
storage_take_snapshot(struct storage *s, const char *pool, const char *vid, const char *name,
	bool while_running, struct err *err)
{
	struct volume v;
	int result;

	if (check_snapshot_name(name, err) < 0)
		return -1;
	if (volume_require(s->store, pool, vid, &v, err) < 0)
		return -1;
	result = name_content(s, &v, name, while_running, err);
	volume_finish(&v);
	if (result == 0)
		crash_point("storage:snapshot:after-rows");
	return result;
}

static int
delete_state(struct storage *s, const struct volume *v, const char *which, struct err *err)
{
	struct state state;
	int found = state_find(s->store, v->id, which, &state, err);

	if (found < 0)
		return -1;
	if (found == 0)
		return err_set_kind(err, "QubesVolumeRevisionNotFoundError", ENOENT,
			"volume '%s' has no revision '%s'", v->vid, which);
	if (state.status == STATE_CURRENT && state.name[0] == '\0')
		return REFUSE(
			err, EBUSY, "state '%s' is the content of volume '%s'", which, v->vid);
	if (store_begin(s->store, err) < 0)
		return -1;
	if (state_set_name(s->store, state.id, NULL, err) < 0 ||
		(state.status == STATE_REVISION &&
			state_set_status(s->store, state.id, STATE_UNWANTED, err) < 0)) {
		store_rollback(s->store);
		return -1;
	}
	return store_commit(s->store, err);
}

int
storage_delete_state(
	struct storage *s, const char *pool, const char *vid, const char *which, struct err *err)
{
	struct volume v;
	int result;

	if (volume_require(s->store, pool, vid, &v, err) < 0)
		return -1;
	result = delete_state(s, &v, which, err);
	volume_finish(&v);
	storage_want_tidy(s);
	return result;
}

static const struct operation *
find_work(const struct storage *s, int64_t volume_id)
{
	const struct operation *op;

	list_for_each (op, &s->running, link) {
		for (size_t i = 0; i < op->lock_count && op->what != NULL; i++) {
			if (op->locks[i].volume_id == volume_id && op->locks[i].kind != LOCK_READ)
				return op;
		}
	}
	return NULL;
}

int
storage_volume_work(struct storage *s, const char *pool, const char *vid, const char **ret_what,
	int *ret_percent, struct err *err)
{
	const struct operation *op;
	struct volume v;

	if (volume_require(s->store, pool, vid, &v, err) < 0)
		return -1;
	op = find_work(s, v.id);
	volume_finish(&v);
	if (op == NULL)
		return 0;
	*ret_what = op->what;
	*ret_percent = op->percent != NULL ? op->percent(op) : -1;
	if (op->percent == NULL && op->job != NULL)
		*ret_percent = job_percent(op->job);
	return 1;
}
