/*
 * Folding: bringing the states of a volume into a shape in which the current one lies on nothing
 * and every kept one directly on that. Private to storage; docs/storage.md has the pictures.
 */
#ifndef BULKHEAD_ADMIN_STORAGE_FOLD_H
#define BULKHEAD_ADMIN_STORAGE_FOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "admin/storage/operation.h"

enum fold_kind {
	FOLD_REMOVE, /* `lower`, on which nothing lies, goes */
	FOLD_SPLIT,  /* `lower` is handed over to a new image on it, and is unwanted then */
	FOLD_MOVE,   /* `other`, which lies on either, comes to lie on `target`, the other one */
	FOLD_COPY,   /* `upper`, the current one, becomes an image that lies on nothing */
	FOLD_MERGE,  /* `upper` is all that lies on `lower`: one image is made of both */
};

/*
 * A content on more than this many images that can not be folded, because machines use the lower
 * ones, is copied: templates are updated while there is always some qube that runs on them.
 */
#define FOLD_COPY_DEPTH 2

/* One step. */
struct fold_step {
	enum fold_kind kind;
	struct volume volume;      /* owned */
	struct state lower, upper; /* the upper lies on the lower */
	struct state other, target;
};

/*
 * The next step that can be done now, of one volume or with volume_id 0 of any: 1 with it (to be
 * finished by volume_finish() of its volume), 0 if there is none.
 */
int fold_find(struct storage *s, int64_t volume_id, struct fold_step *ret, struct err *err);

/*
 * Takes all steps of one volume, one after the other. `in_background`: gives way to whatever needs
 * the volume; else that waits.
 */
void fold_submit(struct storage *s, int64_t volume_id, bool in_background);

/* Before a start: a chain longer than this is folded first, so that none grows without end. */
#define FOLD_DEPTH_MAX 4
void fold_before_start(struct storage *s, const struct volume *v);

#endif
