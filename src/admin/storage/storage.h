/*
 * Volumes and their states: the front door. Runs in bulkheadd.
 *
 * Every content that a volume ever had is a *state*: a numbered image that is never changed once
 * it is complete. A start makes a new state on top of the current one and lets the machine write
 * to it; a stop makes it the current one by a single transaction, and the one before becomes a
 * revision. No content is ever copied or renamed to be saved, so no crash can catch it half way.
 *
 * A volume's row in the store is the volume: one that was never started has no file at all.
 * Functions that return int do their work at once, inside the caller's transaction if one is
 * open. Those with a callback work in child processes and answer exactly once, never from within
 * the call; their answer's err is NULL on success and borrowed. Work on one volume is done one
 * after the other, in the order asked; different volumes go side by side.
 */
#ifndef BULKHEAD_ADMIN_STORAGE_STORAGE_H
#define BULKHEAD_ADMIN_STORAGE_STORAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "admin/storage/image.h"
#include "base/err.h"

#define STORAGE_POOL_DEFAULT "varlibqubes"
#define STORAGE_POOL_KERNEL "linux-kernel"

/* Largest size of a volume, 128 TiB, and the most revisions one can be told to keep. */
#define VOLUME_SIZE_MAX (UINT64_C(1) << 47)
#define VOLUME_REVISIONS_MAX 1000

struct loop;
struct store;
struct storage;

/* Both borrowed. NULL with the error. storage_recover() comes before anything else. */
struct storage *storage_create(struct loop *loop, struct store *store, struct err *err);
/* Ends the child processes at work; what they were doing is taken up by the next recovery. */
void storage_destroy(struct storage *s);

/*
 * Takes up or takes back what a crash has left, and checks that every image is there. Blocks:
 * it runs before the daemon serves. `is_running` says whether a qube's machine is alive; states
 * that dead machines were writing are committed (save_on_stop) or dropped. What is found wrong
 * is logged by name and leaves all other volumes working; -1 only if the store fails.
 */
typedef bool (*storage_is_running)(const char *owner, void *data);
int storage_recover(struct storage *s, storage_is_running is_running, void *data, struct err *err);

struct volume_config {
	const char *pool;
	const char *vid;   /* "appvms/NAME/VOLUME" or "vm-templates/NAME/VOLUME" */
	const char *name;  /* "root", "private", "volatile" */
	const char *owner; /* the qube's name */
	uint64_t size_bytes;
	bool rw;
	bool save_on_stop;
	bool snap_on_start;
	bool ephemeral;
	const char *source;        /* vid in the same pool, set if and only if snap_on_start */
	int64_t revisions_to_keep; /* -1 is taken as 0: writes never go to a kept state here */
};

/* Adds a volume, empty (all zeroes) until it is started, cloned to or imported to. */
int storage_add_volume(struct storage *s, const struct volume_config *config, struct err *err);

/*
 * Takes all volumes of a qube out of the store's living ones; they can not be used any more, and
 * their images go in the background or at the next recovery. Refused (EBUSY) while one is in
 * use. Call it in the transaction that removes the qube.
 */
int storage_remove_volumes(struct storage *s, const char *owner, struct err *err);

typedef void (*storage_done)(void *data, const struct err *err);

/* Answers when the images of the volumes that were removed from this qube are gone. */
void storage_await_removal(struct storage *s, const char *owner, storage_done done, void *data);

struct volume_info {
	char *pool, *vid, *name, *owner; /* all owned */
	char *source;                    /* "" if none */
	char *path;                      /* of the newest image; "" while the volume has none */
	uint64_t size_bytes;             /* of a snapshot: at least its source's */
	uint64_t usage_bytes;            /* allocated for all its states */
	bool rw, save_on_stop, snap_on_start, ephemeral;
	bool is_running;
	bool is_outdated; /* a running snapshot whose source has newer content */
	int64_t revisions_to_keep;
};

/*
 * -1 with ENOENT if there is no such volume. In the pool linux-kernel the vid is the version, and
 * the path that of modules.img.
 */
int storage_volume_info(struct storage *s, const char *pool, const char *vid,
	struct volume_info *ret_info, struct err *err);
void volume_info_finish(struct volume_info *info);

/* All vids of a pool, sorted; NULL-terminated; freed by storage_free_vids(). */
int storage_list_vids(struct storage *s, const char *pool, char ***ret_vids, struct err *err);
void storage_free_vids(char **vids);

#define VOLUME_TIME_SIZE 24 /* "2026-01-31T23:59:59Z" */

struct volume_revision {
	char id[24];
	char time[VOLUME_TIME_SIZE]; /* when this content was committed; UTC */
};

/* Oldest first; the caller frees the array. */
int storage_list_revisions(struct storage *s, const char *pool, const char *vid,
	struct volume_revision **ret_revisions, size_t *ret_count, struct err *err);

/* Everything that is kept of a volume, and what is on its way out. */
struct volume_state {
	const char *kind; /* "current", "revision", "running", "passing" */
	char id[24];      /* as in struct volume_revision */
	char name[64];    /* of a snapshot; else "" */
	char time[VOLUME_TIME_SIZE];
	char named[VOLUME_TIME_SIZE]; /* when it was given its name */
	uint64_t size_bytes;
	uint64_t usage_bytes; /* allocated for it alone */
	size_t depth;         /* images that are read to read it, itself included */
};

/* By age, the newest last; the caller frees the array. */
int storage_list_states(struct storage *s, const char *pool, const char *vid,
	struct volume_state **ret_states, size_t *ret_count, struct err *err);

/*
 * Gives the content a name, under which it is kept until that is deleted, whatever
 * revisions_to_keep says. While a machine writes to the volume that is refused, or with
 * `while_running` the content is what was saved at the last stop.
 */
int storage_take_snapshot(struct storage *s, const char *pool, const char *vid, const char *name,
	bool while_running, struct err *err);
/* Lets go of a revision or a snapshot, given by number or name. */
int storage_delete_state(
	struct storage *s, const char *pool, const char *vid, const char *which, struct err *err);

/*
 * What is being done to a volume's images at this moment: 1 with a word ("folding", "cloning",
 * "importing") and how far it is, of 100 (-1: it can not be told); 0 if nothing.
 */
int storage_volume_work(struct storage *s, const char *pool, const char *vid, const char **ret_what,
	int *ret_percent, struct err *err);

/* Grows a volume (a smaller size is refused). A running machine is told by the caller. */
int storage_resize(
	struct storage *s, const char *pool, const char *vid, uint64_t size_bytes, struct err *err);

int storage_set_revisions_to_keep(
	struct storage *s, const char *pool, const char *vid, int64_t count, struct err *err);
/* Refused while running. */
int storage_set_rw(struct storage *s, const char *pool, const char *vid, bool rw, struct err *err);
int storage_set_ephemeral(
	struct storage *s, const char *pool, const char *vid, bool ephemeral, struct err *err);

/* `images` is NULL on error; else owned by the receiver, in the order root, private, volatile. */
typedef void (*storage_started)(void *data, struct disk_images *images, const struct err *err);

/*
 * Makes all volumes of a qube ready for its machine: all or nothing. A state that a machine's
 * death has left open is committed or dropped first.
 */
void storage_start(struct storage *s, const char *owner, storage_started done, void *data);

/*
 * After the machine is gone: commits what is to be saved, in one transaction, and drops the rest.
 * A volume to which nothing was written keeps its current state and makes no revision. Stopping
 * what is not started is a success. One that fails is tried again until it succeeds or the owner is
 * started.
 */
void storage_stop(struct storage *s, const char *owner, storage_done done, void *data);

/* Whether no stop has failed that is still to be tried again. */
bool storage_is_settled(const struct storage *s, const char *owner);

/*
 * Live folds: a running disk that lies on more than one image has the machine copy what is between
 * its own and the lowest, and read only these two. Storage asks for it when it has nothing else to
 * do, one at a time. `base_name` is what the header of the machine's image says and goes on to say:
 * on the disk all stays as it is. The answer is storage_end_live_fold(), also from within the call.
 */
typedef void (*storage_live_fold)(
	const char *owner, const char *name, const char *base_name, void *data);
void storage_set_live_fold(struct storage *s, storage_live_fold fold, void *data);
void storage_end_live_fold(struct storage *s);
/* A machine has come up: looks at all of them again. */
void storage_look_at_running(struct storage *s);

/*
 * A snapshot of what a machine is writing to: it goes on in a new image, over the one that it has
 * written to so far. The answer has that image (one file); while that is being handed to the
 * machine either may be the one written to, and what is read over both is the content. The end is
 * told by storage_end_live_snapshot(): the machine has changed over, and what it wrote until then
 * has its name; or it has not, and all is as it was. If the machine goes before that is known,
 * nothing is lost, and there is no snapshot.
 */
void storage_begin_live_snapshot(struct storage *s, const char *pool, const char *vid,
	const char *name, storage_started done, void *data);
int storage_end_live_snapshot(struct storage *s, const char *pool, const char *vid,
	const char *name, bool success, struct err *err);

/*
 * Frozen qubes (docs/disposables.md): volumes "frozen/NAME/..." of the owner "@NAME", with the
 * sources that a disposable of the qube NAME has. They are started as any others; storage_freeze()
 * then makes what the machine wrote a complete state, on which disposables start.
 */
#define STORAGE_FROZEN_OWNER "@%s"

/* Adds them, or gives them the sources in force. 0 or -1 with the error. */
int storage_define_frozen(
	struct storage *s, const char *qube_name, uint64_t volatile_bytes, struct err *err);
void storage_freeze(struct storage *s, const char *frozen_owner, storage_done done, void *data);
/* As storage_start(), with the frozen content of another owner instead of the sources'. */
void storage_start_over(struct storage *s, const char *owner, const char *frozen_owner,
	storage_started done, void *data);
/* The content goes as soon as no disposable lies on it. NULL: that of all. */
int storage_drop_frozen(struct storage *s, const char *frozen_owner, struct err *err);
/* The volumes go too, with whatever is still written to them: with their qube, in its removal. */
int storage_remove_frozen(struct storage *s, const char *qube_name, struct err *err);
/*
 * What a start of this owner would show, as text: equal texts mean equal content and sizes. The
 * caller frees it.
 */
int storage_describe_start(struct storage *s, const char *owner, char **ret_text, struct err *err);

/*
 * Whether what is written to a running snapshot (of a disposable) becomes its content at the end of
 * the machine, as with a volume that is saved. In the caller's transaction.
 */
int storage_set_kept(
	struct storage *s, const char *owner, const char *name, bool kept, struct err *err);

/* A snapshot volume gets another source, in the same pool. In the caller's transaction. */
int storage_set_source(
	struct storage *s, const char *pool, const char *vid, const char *source, struct err *err);

/*
 * Makes a revision, given by number or name, the current content; the replaced content becomes the
 * newest revision, also where revisions_to_keep is 0 (until the next stop).
 */
void storage_revert(struct storage *s, const char *pool, const char *vid, const char *revision,
	storage_done done, void *data);

/*
 * Replaces a volume's content by a copy of another's last committed one (size included); the
 * replaced content becomes a revision. The source may be running, the destination may not.
 */
void storage_clone(struct storage *s, const char *from_pool, const char *from_vid,
	const char *to_pool, const char *to_vid, storage_done done, void *data);

/* Replaces the content by an empty image of the same size (admin.vm.volume.Clear). */
void storage_clear(
	struct storage *s, const char *pool, const char *vid, storage_done done, void *data);

/*
 * Replaces the content by that of a file outside the pool, of which a copy is made. The path and
 * the file come from dom0: a qcow2 file with a backing or data file is refused all the same.
 */
void storage_import(struct storage *s, const char *pool, const char *vid, const char *path,
	enum disk_format format, storage_done done, void *data);

/* Calls back when nothing is being done, also not in the background. */
void storage_when_idle(struct storage *s, storage_done done, void *data);

#endif
