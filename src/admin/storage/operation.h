/*
 * Work that takes time, in order. An operation names the volumes it touches and how; it runs as
 * soon as it conflicts with nothing that runs or was asked for earlier. Private to storage.
 */
#ifndef BULKHEAD_ADMIN_STORAGE_OPERATION_H
#define BULKHEAD_ADMIN_STORAGE_OPERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "admin/storage/job.h"
#include "admin/storage/pool.h"
#include "admin/storage/storage.h"
#include "base/err.h"
#include "base/list.h"

struct loop;
struct loop_deferred;
struct loop_timer;

enum lock_kind {
	LOCK_READ,   /* reads the images of complete states: these may not go */
	LOCK_CHANGE, /* adds states and changes which is current */
	LOCK_FILES,  /* changes or takes away images of complete states */
};

/* A qube's volumes, their sources, and frozen ones. */
#define OPERATION_LOCKS_MAX ((size_t)3 * DISK_IMAGES_MAX)

struct operation {
	struct list link; /* storage.pending or storage.running */
	struct storage *storage;
	struct {
		int64_t volume_id;
		enum lock_kind kind;
	} locks[OPERATION_LOCKS_MAX];
	size_t lock_count;
	const char *what; /* for who asks what is being done to a volume; NULL: nothing to tell */
	int (*percent)(const struct operation *op); /* NULL: as its job says */
	bool in_background; /* gives way: it is canceled when another operation needs its volumes */
	struct job *job;    /* destroyed with the operation, canceled where it gives way */

	void (*run)(struct operation *op);
	/* Tells the result to whoever asked; err is NULL on success. */
	void (*answer)(struct operation *op, const struct err *err);
	/* Frees what the derived struct holds, and the struct. */
	void (*destroy)(struct operation *op);
	struct err err;
};

struct storage {
	struct loop *loop;
	struct store *store;
	struct pool default_pool;
	struct list pending, running; /* operation.link */
	struct loop_deferred *turn;   /* starts what can be started */
	struct loop_timer *tidy_timer;
	bool tidy_wanted;
	bool tidy_failed;            /* the last try failed: wait longer before the next */
	struct list idle_waiters;    /* idle_waiter.link */
	storage_live_fold live_fold; /* NULL: nobody runs machines */
	void *live_fold_data;
	struct list unsettled; /* unsettled.c */
	struct loop_timer *unsettled_timer;
	int64_t live_fold_id; /* the open state that one was asked for last, of this round */
	bool live_fold_asked; /* and it is not over */
};

/* How long storage waits for something better to do before it tidies up. */
#define TIDY_DELAY_MS 1000
#define TIDY_RETRY_MS 60000

/* "2026-01-31T23:59:59Z"; "" for no time. */
void format_time(int64_t seconds, char ret_text[VOLUME_TIME_SIZE]);

/* The pool of that name, or NULL with the error. */
struct pool *storage_pool(struct storage *s, const char *name, struct err *err);

void operation_init(struct operation *op, struct storage *s);
void operation_lock(struct operation *op, int64_t volume_id, enum lock_kind kind);
/* Puts it in order; it runs later, never from within this call. op->err, if set, is its answer. */
void operation_submit(struct operation *op);
/* Answers with op->err and destroys it. */
void operation_finish(struct operation *op);
/* Whether an operation holds or waits for this volume with more than LOCK_READ. */
bool operation_touches(const struct storage *s, int64_t volume_id);

/* Starts the queue's next turn, and the clean-up of unwanted states some time after. */
void storage_schedule(struct storage *s);
void storage_want_tidy(struct storage *s);

/* Begins one piece of tidying; false if there is none to do. */
bool tidy_begin(struct storage *s);

/*
 * What becomes of the state that a machine has written to: commits it where that is to be saved
 * and something was written, else marks it as unwanted. In the caller's transaction.
 */
int settle_open_state(struct storage *s, const struct volume *v, struct err *err);

/* Stops that failed are tried again (unsettled.c), of an owner until a start forgets them. */
int unsettled_init(struct storage *s);
void unsettled_finish(struct storage *s);
void unsettled_add(struct storage *s, const char *owner);
void unsettled_forget(struct storage *s, const char *owner);

/* The state that a start of this volume lies on: 1 with it, 0 if it begins empty, or -1. */
int find_start_base(struct storage *s, const struct volume *v, struct state *ret, struct err *err);

/* The size that a start over this state (zeroes: over nothing) shows. */
int find_start_size(struct storage *s, const struct volume *v, const struct state *base,
	uint64_t *ret_bytes, struct err *err);

/* Adds a state that is being made, with a number under which there is no image. */
int begin_state(struct storage *s, const struct volume *v, int64_t base_id, uint64_t size_bytes,
	struct state *ret, struct err *err);
/* The same with more than that set: base_id, size_bytes, over and status are as given. */
int begin_state_like(
	struct storage *s, const struct volume *v, struct state *state, struct err *err);

/* 0, or -1 with the error (QubesValueError). */
int check_snapshot_name(const char *name, struct err *err);

/* Looks for a disk that a live fold would help, and asks for one (live_fold.c). */
void live_fold_begin(struct storage *s);
#endif
