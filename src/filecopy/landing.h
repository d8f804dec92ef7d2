/*
 * Where received files land: out of sight in a hidden directory beside their place, until the
 * transfer is complete; then each top-level object moves to its place by one rename. What was
 * there before is never changed, but for directories that both sides have: these are merged.
 *
 * Runs confined to the destination. Functions return 0 or the code for the result record.
 */
#ifndef BULKHEAD_FILECOPY_LANDING_H
#define BULKHEAD_FILECOPY_LANDING_H

#include <stdint.h>

#include "filecopy/wire.h"

/* Names that no transfer may use at the top: those of the hidden directories. */
#define LANDING_PREFIX ".receiving-"

struct landing;

/*
 * Makes a hidden directory in the destination (a descriptor that stays the caller's), after
 * completing or removing what earlier receivers left behind. NULL with errno set.
 */
struct landing *landing_create(int destination_fd);

/* Completes or removes what receivers that are gone left in a destination. */
void landing_settle_leftovers(int destination_fd);

/* Removes what is still hidden. NULL is fine. */
void landing_destroy(struct landing *landing);

/*
 * Paths are checked (names.h). A file is created, written by the caller, then finished, which
 * closes it; its mode loses set-id bits.
 */
uint32_t landing_create_file(struct landing *landing, const char *path,
	const struct filecopy_header *header, int *ret_fd);
uint32_t landing_finish_file(struct landing *landing, int fd, const struct filecopy_header *header);

/* The first time a directory is made; the next time it gets the mode and the times. */
uint32_t landing_add_directory(
	struct landing *landing, const char *path, const struct filecopy_header *header);
uint32_t landing_add_link(struct landing *landing, const char *path, const char *target);

/*
 * Shows what was gathered, all of it or, on an error, nothing. Durable when it returns. For each
 * object that was moved a line goes to record_fd, if not -1 (transfer_record.h).
 */
uint32_t landing_commit(struct landing *landing, int record_fd);

#endif
