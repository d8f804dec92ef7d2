/* What the two files of the landing share: the open directories on the way to an entry. */
#ifndef BULKHEAD_FILECOPY_LANDING_PRIVATE_H
#define BULKHEAD_FILECOPY_LANDING_PRIVATE_H

#include <stddef.h>
#include <sys/types.h>

#include "filecopy/landing.h"
#include "filecopy/tree.h"

/* In the hidden directory: what was received, and the mark that it is complete. */
#define LANDING_TREE "tree"
#define LANDING_COMPLETE "complete"

struct landing_level {
	int gathered;    /* where entries are made */
	int existing;    /* the directory of the same path that is already there, or -1 */
	size_t path_end; /* the path up to here is that much of landing.path */
};

struct landing {
	int destination; /* not owned */
	int hidden;      /* the hidden directory, locked as long as we live */
	char name[sizeof(LANDING_PREFIX) + 16];
	mode_t old_umask;

	/* Open directories from the top to the last parent; level 0 is always there. */
	char path[FILECOPY_NAME_MAX + 1];
	size_t depth;
	struct landing_level levels[TREE_DEPTH_MAX + 1];
};

/* Moves what a hidden directory gathered to the destination; see landing_commit(). */
uint32_t landing_show(int destination, int hidden, int record_fd);

#endif
