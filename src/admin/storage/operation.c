/* The queue of storage's work; see operation.h. Runs in bulkheadd's loop. */
#include "admin/storage/operation.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "admin/storage/qcow2_pattern.h"
#include "base/loop.h"
#include "base/path.h"
#include "base/text.h"

struct idle_waiter {
	struct list link; /* storage.idle_waiters */
	storage_done done;
	void *data;
};

void
operation_init(struct operation *op, struct storage *s)
{
	op->storage = s;
	list_init(&op->link);
}

void
operation_lock(struct operation *op, int64_t volume_id, enum lock_kind kind)
{
	for (size_t i = 0; i < op->lock_count; i++) {
		if (op->locks[i].volume_id == volume_id) {
			if (op->locks[i].kind < kind)
				op->locks[i].kind = kind;
			return;
		}
	}
	assert(op->lock_count < OPERATION_LOCKS_MAX);
	op->locks[op->lock_count].volume_id = volume_id;
	op->locks[op->lock_count++].kind = kind;
}

static bool
kinds_conflict(enum lock_kind a, enum lock_kind b)
{
	if (a == LOCK_READ || b == LOCK_READ)
		return a == LOCK_FILES || b == LOCK_FILES;
	return true;
}

static bool
operations_conflict(const struct operation *a, const struct operation *b)
{
	for (size_t i = 0; i < a->lock_count; i++) {
		for (size_t j = 0; j < b->lock_count; j++) {
			if (a->locks[i].volume_id == b->locks[j].volume_id &&
				kinds_conflict(a->locks[i].kind, b->locks[j].kind))
				return true;
		}
	}
	return false;
}

/* What is in the way and gives way is told so; it stays in the way until it has ended. */
static bool
must_wait(struct storage *s, const struct operation *op)
{
	struct operation *other;
	bool wait = false;

	list_for_each (other, &s->running, link) {
		if (!operations_conflict(op, other))
			continue;
		wait = true;
		if (other->in_background && other->job != NULL)
			job_cancel(other->job);
	}
	list_for_each (other, &s->pending, link) {
		if (other == op)
			return wait;
		if (operations_conflict(op, other))
			return true;
	}
	return wait;
}

static void
run_operation(struct operation *op)
{
	list_remove(&op->link);
	list_append(&op->storage->running, &op->link);
	if (op->err.code != 0)
		operation_finish(op);
	else
		op->run(op);
}

static void
tell_idle(struct storage *s)
{
	while (!list_empty(&s->idle_waiters)) {
		struct idle_waiter *waiter =
			container_of(s->idle_waiters.next, struct idle_waiter, link);

		list_remove(&waiter->link);
		waiter->done(waiter->data, NULL);
		free(waiter);
	}
}

/* One turn: starts all that can be started; with nothing to do, tidies up or says so. */
static void
handle_turn(struct loop_deferred *source, void *data)
{
	struct storage *s = data;
	struct operation *op, *following;

	list_for_each_safe (op, following, &s->pending, link) {
		if (!must_wait(s, op)) {
			/* The list may be another one afterwards: go on in the next turn. */
			loop_deferred_schedule(s->turn);
			run_operation(op);
			return;
		}
	}
	if (!list_empty(&s->running) || !list_empty(&s->pending))
		return;
	if (!list_empty(&s->idle_waiters)) {
		if (s->tidy_failed || !tidy_begin(s))
			tell_idle(s);
	} else if (s->tidy_wanted) {
		loop_timer_start(s->tidy_timer, s->tidy_failed ? TIDY_RETRY_MS : TIDY_DELAY_MS);
	}
}

static void
handle_tidy_time(struct loop_timer *timer, void *data)
{
	struct storage *s = data;

	if (!list_empty(&s->running) || !list_empty(&s->pending))
		return; /* the turn after them starts the timer again */
	s->tidy_failed = false;
	s->tidy_wanted = tidy_begin(s);
	if (!s->tidy_wanted)
		live_fold_begin(s);
}

void
storage_schedule(struct storage *s)
{
	loop_deferred_schedule(s->turn);
}

void
storage_want_tidy(struct storage *s)
{
	s->tidy_wanted = true;
	storage_schedule(s);
}

void
operation_submit(struct operation *op)
{
	list_append(&op->storage->pending, &op->link);
	storage_schedule(op->storage);
}

void
operation_finish(struct operation *op)
{
	struct storage *s = op->storage;

	list_remove(&op->link);
	storage_schedule(s);
	job_destroy(op->job);
	op->job = NULL;
	if (op->err.code != 0 && op->err.kind == NULL)
		op->err.kind = STORAGE_ERROR;
	if (op->answer != NULL)
		op->answer(op, op->err.code != 0 ? &op->err : NULL);
	err_clear(&op->err);
	op->destroy(op);
}

bool
operation_touches(const struct storage *s, int64_t volume_id)
{
	const struct list *lists[] = {&s->pending, &s->running};
	struct operation *op;

	for (size_t i = 0; i < 2; i++) {
		list_for_each (op, lists[i], link) {
			for (size_t j = 0; j < op->lock_count; j++) {
				if (op->locks[j].volume_id == volume_id &&
					op->locks[j].kind != LOCK_READ && !op->in_background)
					return true;
			}
		}
	}
	return false;
}

static void
destroy_all(struct list *operations)
{
	while (!list_empty(operations)) {
		struct operation *op = container_of(operations->next, struct operation, link);

		list_remove(&op->link);
		job_destroy(op->job);
		err_clear(&op->err);
		op->destroy(op);
	}
}

struct storage *
storage_create(struct loop *loop, struct store *store, struct err *err)
{
	struct storage *s = xcalloc(1, sizeof(*s));

	s->loop = loop;
	s->store = store;
	s->default_pool = (struct pool){
		.name = STORAGE_POOL_DEFAULT,
		.driver = &pool_qcow2,
		.loop = loop,
		.directory = root_path("/var/lib/qubes"),
	};
	list_init(&s->pending);
	list_init(&s->running);
	list_init(&s->idle_waiters);
	s->turn = loop_deferred_create(loop, handle_turn, s);
	s->tidy_timer = loop_timer_create(loop, handle_tidy_time, s);
	if (unsettled_init(s) < 0 || s->turn == NULL || s->tidy_timer == NULL) {
		storage_destroy(s);
		err_set(err, ENOMEM, "out of memory");
		return NULL;
	}
	return s;
}

void
storage_destroy(struct storage *s)
{
	if (s == NULL)
		return;
	destroy_all(&s->pending);
	destroy_all(&s->running);
	while (!list_empty(&s->idle_waiters)) {
		struct idle_waiter *waiter =
			container_of(s->idle_waiters.next, struct idle_waiter, link);

		list_remove(&waiter->link);
		free(waiter);
	}
	qcow2_pattern_forget();
	loop_deferred_destroy(s->turn);
	loop_timer_destroy(s->tidy_timer);
	unsettled_finish(s);
	free(s->default_pool.directory);
	free(s);
}

struct pool *
storage_pool(struct storage *s, const char *name, struct err *err)
{
	if (text_equal(name, s->default_pool.name))
		return &s->default_pool;
	err_set_kind(err, STORAGE_ERROR, ENOENT, "pool '%s' does not exist", name);
	return NULL;
}

uint64_t
chain_usage(struct pool *p, const struct chain *chain, size_t first, size_t end)
{
	uint64_t sum = 0;

	for (size_t i = first; i < end; i++) {
		uint64_t allocated = 0, length;

		(void)p->driver->usage(p,
			(struct state_name){chain->links[i].vid, chain->links[i].number},
			&allocated, &length);
		sum += allocated;
	}
	return sum;
}

void
storage_when_idle(struct storage *s, storage_done done, void *data)
{
	struct idle_waiter *waiter = xcalloc(1, sizeof(*waiter));

	waiter->done = done;
	waiter->data = data;
	list_append(&s->idle_waiters, &waiter->link);
	storage_schedule(s);
}
