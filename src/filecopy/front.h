/*
 * What the front ends of file copy share, in a qube and in dom0: their options, the look at the
 * files, and what that means for the call.
 */
#ifndef BULKHEAD_FILECOPY_FRONT_H
#define BULKHEAD_FILECOPY_FRONT_H

#include <stdbool.h>

#include "base/err.h"

struct front {
	bool move;
	bool ignore_links;
	bool show_progress;
	char **paths; /* NULL-terminated; borrowed */
};

/* The service for these files: the plain one, or the one that takes all names. NULL with the
 * error when no receiver takes them. Sets the environment for progress. Static text. */
const char *front_prepare(const struct front *front, struct err *err);

#endif
