/*
 * The rows of volumes and their states, as plain structs. Private to storage. All functions
 * return 0 (or what they say), or -1 with the error; they join an open transaction.
 */
#ifndef BULKHEAD_ADMIN_STORAGE_ROWS_H
#define BULKHEAD_ADMIN_STORAGE_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "admin/storage/image.h"
#include "admin/store/store.h"
#include "base/err.h"

/* The Admin API's class of every failure of storage. */
#define STORAGE_ERROR "StoragePoolException"
#define REFUSE(err, code, ...) err_set_kind(err, STORAGE_ERROR, code, __VA_ARGS__)

#define STATE_NAME_SIZE 64

struct volume {
	int64_t id;
	char *pool, *vid, *name, *owner; /* owned */
	char *source_vid;                /* owned; NULL unless snap_on_start */
	uint64_t size_bytes;
	bool rw, save_on_stop, snap_on_start, ephemeral;
	int64_t revisions_to_keep;
	bool removing;
};

enum state_status {
	STATE_MAKING,   /* its image is being made; nobody uses it yet */
	STATE_OPEN,     /* a machine writes to it */
	STATE_CURRENT,  /* the volume's content */
	STATE_REVISION, /* an earlier content that can be gone back to */
	STATE_UNWANTED, /* kept only while something lies on it */
	STATE_FOLDING,  /* its image may already hold a part of the content above it */
};

struct state {
	int64_t id, volume_id;
	int64_t number;    /* of its image */
	int64_t content;   /* what is shown of it, also when the image becomes another */
	int64_t base_id;   /* 0: lies on nothing */
	int64_t moving_to; /* not 0: the header of its image names this state or its base */
	int64_t over;      /* the content that its machine began with; 0: none */
	enum state_status status;
	uint64_t size_bytes;
	uint64_t fresh_bytes;
	int64_t made_at;
	char name[STATE_NAME_SIZE]; /* given by the user; "" if none */
	int64_t named_at;
};

/*
 * No image is that short: what lies under it is to be saved in any case. In doubt: a machine may
 * write to the one below still (live_snapshot.c).
 */
#define FRESH_BYTES_IN_DOUBT 0
#define FRESH_BYTES_CHANGED 1

/* From the top to the state that lies on nothing; vids are owned. */
struct chain {
	struct chain_link {
		char *vid;
		int64_t volume_id, number;
	} links[DISK_CHAIN_MAX];
	size_t count;
	bool is_encrypted; /* the first of them, by a key of its start */
};

void volume_finish(struct volume *v);
void chain_finish(struct chain *c);

/* Living volumes only. 1 if found, 0 if not. */
int volume_find(
	struct store *s, const char *pool, const char *vid, struct volume *ret, struct err *err);
int volume_load(struct store *s, int64_t id, struct volume *ret, struct err *err);
/* As volume_find(), but not found is an error (ENOENT, StoragePoolException). */
int volume_require(
	struct store *s, const char *pool, const char *vid, struct volume *ret, struct err *err);
/*
 * The living (or with `removing` the removed) volumes of a qube, or of all with owner NULL, in
 * the order they were added. The caller frees them with volumes_free().
 */
int volumes_load(struct store *s, const char *owner, bool removing, struct volume **ret_volumes,
	size_t *ret_count, struct err *err);
void volumes_free(struct volume *volumes, size_t count);

/* A number never used by this volume, nor by a removed one of the same name. */
int volume_take_number(struct store *s, int64_t volume_id, int64_t *ret_number, struct err *err);
int volume_set_size(struct store *s, int64_t volume_id, uint64_t size_bytes, struct err *err);
int volume_delete(struct store *s, int64_t volume_id, struct err *err);

/* 1 if found, 0 if not. */
int state_load(struct store *s, int64_t id, struct state *ret, struct err *err);
int state_current(struct store *s, int64_t volume_id, struct state *ret, struct err *err);
/* The one in status MAKING or OPEN. */
int state_open(struct store *s, int64_t volume_id, struct state *ret, struct err *err);
/* A complete state (current or a revision) by its content's number or its name. */
int state_find(struct store *s, int64_t volume_id, const char *content_or_name, struct state *ret,
	struct err *err);
/* All of a volume, by number; the caller frees the array. */
int states_load(struct store *s, int64_t volume_id, struct state **ret_states, size_t *ret_count,
	struct err *err);
/* All that are MAKING, UNWANTED, FOLDING or moving, of all volumes; the moving ones first. */
int states_load_unfinished(
	struct store *s, struct state **ret_states, size_t *ret_count, struct err *err);

/* All to which machines write, of all volumes. */
int states_load_open(
	struct store *s, struct state **ret_states, size_t *ret_count, struct err *err);

/* Adds a state (status MAKING, or UNWANTED); fills id. */
int state_insert(struct store *s, struct state *state, struct err *err);
int state_delete(struct store *s, int64_t id, struct err *err);
int state_set_status(struct store *s, int64_t id, enum state_status status, struct err *err);
int state_set_open(struct store *s, int64_t id, uint64_t fresh_bytes, struct err *err);
int state_set_base(struct store *s, int64_t id, int64_t base_id, struct err *err);
int state_set_size(struct store *s, int64_t id, uint64_t size_bytes, struct err *err);
int state_set_moving_to(struct store *s, int64_t id, int64_t other_id, struct err *err);
/* NULL: it has none any more. */
int state_set_name(struct store *s, int64_t id, const char *name, struct err *err);
/*
 * Whether it is not known which of this open state and the one below a machine writes to
 * (live_snapshot.c): 1 or 0.
 */
int state_is_in_doubt(struct store *s, const struct state *open, struct err *err);
/* What was written to becomes the newest revision, with a name. In the caller's transaction. */
int state_make_revision(
	struct store *s, const struct state *state, const char *name, struct err *err);
/* `heir`, which reads the same, becomes what this state is; the state itself is unwanted then. */
int state_hand_over(struct store *s, const struct state *state, int64_t heir_id, struct err *err);

/* The number of states that lie directly on this one; *ret_child is one of them. */
int state_children(
	struct store *s, int64_t id, int64_t *ret_count, int64_t *ret_child, struct err *err);
/* Whether a machine (or one being started) uses this state: 1 or 0. */
int state_is_in_use(struct store *s, int64_t id, struct err *err);
/* Whether a state of another volume lies directly on this one: 1 or 0. */
int state_carries_others(struct store *s, const struct state *state, struct err *err);
/*
 * Of the states of its volume that lie directly on this one, that which leads to the current one,
 * else to the one that lies highest: 1 with it, or 0. *ret_is_main: it is on the way to the
 * current one.
 */
int state_main_child(struct store *s, const struct state *state, struct state *ret_child,
	bool *ret_is_main, struct err *err);
/* One that lies on this one, is not `but_id`, and is of the same volume: 1 with it, or 0. */
int state_other_child(struct store *s, const struct state *state, int64_t but_id, struct state *ret,
	struct err *err);
/* Revisions that lie on nothing of their volume while something of it lies on them. */
int states_load_carrying(
	struct store *s, struct state **ret_states, size_t *ret_count, struct err *err);
/* Complete states that lie on two others of their volume, lowest first; not above the current. */
int states_load_high(
	struct store *s, struct state **ret_states, size_t *ret_count, struct err *err);
/* Current ones that lie on two others of their volume. */
int states_load_deep(
	struct store *s, struct state **ret_states, size_t *ret_count, struct err *err);
/* Whether a machine uses the volume or one of its states, or is about to: 1 or 0. */
int volume_is_in_use(struct store *s, int64_t volume_id, struct err *err);

/*
 * Whether a complete state of another living volume lies on one of this, frozen ones apart, which
 * are made again: 1 or 0.
 */
int volume_carries_others(struct store *s, int64_t volume_id, struct err *err);

/* The chain from this state down; an error if it is longer than DISK_CHAIN_MAX. */
int chain_load(struct store *s, int64_t state_id, struct chain *ret, struct err *err);

/*
 * The rules, each in one transaction: makes a state the current content, the one before a
 * revision (state_id 0: the volume becomes empty); and marks revisions beyond what is to be
 * kept as unwanted.
 */
int volume_make_current(struct store *s, const struct volume *v, int64_t state_id, struct err *err);
int volume_prune(struct store *s, const struct volume *v, struct err *err);
/* As volume_make_current(), and what was current before is kept whatever the volume's setting. */
int volume_go_back(struct store *s, const struct volume *v, int64_t state_id, struct err *err);

#endif
