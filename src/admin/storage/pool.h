/*
 * The seam under storage: what a kind of pool must be able to do with the images of states. It
 * knows no rows, no rules and no order of work: all of these are above it and the same for every
 * kind. Private to storage.
 *
 * Work that takes time is given as a job, not yet started; its programs must leave, if they are
 * ended at any place, something that the same job done again completes, or remove_states() takes
 * away.
 */
#ifndef BULKHEAD_ADMIN_STORAGE_POOL_H
#define BULKHEAD_ADMIN_STORAGE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "admin/storage/image.h"
#include "admin/storage/rows.h"
#include "base/err.h"

struct job;
struct loop;
struct pool;

/* The image of one state. */
struct state_name {
	const char *vid;
	int64_t number;
};

/* The prefix of crash point names differs with what is being done; these are constants. */
struct pool_driver {
	const char *name;

	/* Whether a volume id has the driver's form. */
	bool (*vid_valid)(const char *vid);

	/* Whether there is anything under this state's name. */
	bool (*exists)(struct pool *p, struct state_name state);

	/*
	 * A new image over `base` (vid NULL: over nothing), all of which reads as the base. With
	 * `lasting` it survives a power cut once the job is done.
	 */
	struct job *(*make)(struct pool *p, struct state_name state, struct state_name base,
		uint64_t size_bytes, bool lasting, struct err *err);

	/* As make(), not lasting, encrypted by the text that a file has; the descriptor is
	 * borrowed. */
	struct job *(*make_encrypted)(struct pool *p, struct state_name state,
		struct state_name base, uint64_t size_bytes, int key_fd, struct err *err);

	/* A new image that needs no other, with the content of a chain; survives a power cut. */
	struct job *(*copy)(
		struct pool *p, struct state_name state, const struct chain *from, struct err *err);

	/* The same from a file elsewhere. */
	struct job *(*import)(struct pool *p, struct state_name state, const char *path,
		enum disk_format format, struct err *err);

	/*
	 * Gives `state` of its own, from `base`, all places at which `over` differs from that (both
	 * lie on it): then it reads the same over either. `over` grows to the size of `base`.
	 */
	struct job *(*fill)(struct pool *p, struct state_name state, struct state_name over,
		struct state_name base, struct err *err);

	/* Writes into the image what it lies on; for one that reads the same over both. */
	struct job *(*set_base)(
		struct pool *p, struct state_name state, struct state_name base, struct err *err);

	/*
	 * Moves the content of `upper` down into `lower` and gives the result the name `upper`:
	 * then `lower` does not exist any more. At every moment `upper` reads the same.
	 */
	struct job *(*fold)(
		struct pool *p, struct state_name upper, struct state_name lower, struct err *err);

	/* Takes images away; those that are missing are no failure. */
	struct job *(*remove_states)(struct pool *p, const struct state_name *states, size_t count);

	/* Takes away what else a volume id had, once it has no images. Quick. */
	void (*remove_leftovers)(struct pool *p, const char *vid);

	/* What an image that lies on `base` calls it; owned by the caller. */
	char *(*base_name)(struct state_name state, struct state_name base);

	/* Checks that the chain is there and is what the store says, without opening the rest. */
	int (*check)(struct pool *p, const struct chain *chain, struct err *err);

	/* The same, and adds the descriptors of all files to an image. */
	int (*open)(struct pool *p, const struct chain *chain, bool read_only,
		struct disk_image *image, struct err *err);

	/* The size a machine sees. */
	int (*virtual_size)(
		struct pool *p, struct state_name state, uint64_t *ret_bytes, struct err *err);

	/* Allocated bytes, and the length, which only grows when something is written. */
	int (*usage)(struct pool *p, struct state_name state, uint64_t *ret_allocated,
		uint64_t *ret_length);

	/* What can still be written to the pool. */
	uint64_t (*free_bytes)(struct pool *p);

	/* Puts a damaged image aside, where a person finds it; *ret_where is owned. */
	int (*put_aside)(
		struct pool *p, struct state_name state, char **ret_where, struct err *err);

	/* Where the image is, for a person; owned by the caller. */
	char *(*path)(struct pool *p, struct state_name state);

	/* Calls back for each image found that may belong to a state; for recovery. */
	void (*list)(struct pool *p, void (*found)(const char *vid, int64_t number, void *data),
		void *data);
};

struct pool {
	const char *name;
	const struct pool_driver *driver;
	struct loop *loop;
	char *directory;
};

extern const struct pool_driver pool_qcow2;

/* What a part of a chain takes on the disk, from one link to the one before another. */
uint64_t chain_usage(struct pool *p, const struct chain *chain, size_t first, size_t end);

#endif
