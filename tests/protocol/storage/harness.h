/*
 * What the storage tests share: a private root, a storage on it, calls that wait for their
 * answer, and a machine made of qemu-io, which writes to and reads from opened images.
 */
#ifndef BULKHEAD_TESTS_STORAGE_HARNESS_H
#define BULKHEAD_TESTS_STORAGE_HARNESS_H

#include <stdbool.h>
#include <stdint.h>

#include "admin/storage/storage.h"
#include "admin/store/store.h"
#include "base/err.h"
#include "base/loop.h"

#define MIB (UINT64_C(1) << 20)

struct harness {
	struct loop *loop;
	struct store *store;
	struct storage *storage;
	const char *running; /* the one qube whose machine counts as alive, or NULL */
	/* The last answer. */
	bool answered;
	struct err err;
	struct disk_images *images;
};

/* Sets BULKHEAD_ROOT to a fresh directory (once a process), or removes it with all in it. */
void harness_make_root(void);
void harness_remove_root(void);
bool harness_has_programs(void);

/* Opens the store and storage and recovers, as a daemon does at its start. */
void harness_open(struct harness *h);
/* As the daemon's end, orderly or not: forgets all objects. */
void harness_close(struct harness *h);

/* Volumes of a template (root, private), or of an AppVM on it (root, private, volatile). */
void harness_add_template(struct harness *h, const char *name, int64_t revisions_to_keep);
void harness_add_app(struct harness *h, const char *name, const char *template_name);
char *harness_vid(const char *owner, const char *volume);

/* Each waits for the answer: 0, or the code of the error in h->err. */
int harness_start(struct harness *h, const char *owner);
/* On the frozen content of another owner; and the end of a machine that is frozen. */
int harness_start_over(struct harness *h, const char *owner, const char *frozen_owner);
int harness_freeze(struct harness *h, const char *frozen_owner);
int harness_stop(struct harness *h, const char *owner);
/*
 * A snapshot of the running volume, in its two halves; between them the harness's machine has what
 * the first half opened.
 */
int harness_begin_live(struct harness *h, const char *vid, const char *name);
int harness_end_live(struct harness *h, const char *vid, const char *name, bool success);
int harness_revert(struct harness *h, const char *vid, const char *revision);
int harness_clone(struct harness *h, const char *from_vid, const char *to_vid);
int harness_clear(struct harness *h, const char *vid);
int harness_import(struct harness *h, const char *vid, const char *path, enum disk_format format);
int harness_remove(struct harness *h, const char *owner);
void harness_wait_idle(struct harness *h);

/* Dispatches the loop until the flag is set; fails the test after a long while. */
void harness_await(struct harness *h, const bool *flag);

/* The machine: fills the megabyte `at` of a running volume with a byte; checks one. */
void harness_write(struct harness *h, const char *vid, unsigned int at, unsigned int byte);
bool harness_reads(struct harness *h, const char *vid, unsigned int at, unsigned int byte);

/* Images in the pool; and those that qemu-img check finds fault with. */
size_t harness_count_images(void);
size_t harness_count_bad_images(void);
/* Revision ids, "1 2 5". */
char *harness_revisions(struct harness *h, const char *vid);

#endif
