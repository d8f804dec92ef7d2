/*
 * A look at what is to be sent, before the other side is asked: how much it is, and whether a
 * receiver will take all names and links.
 */
#ifndef BULKHEAD_FILECOPY_CHECK_H
#define BULKHEAD_FILECOPY_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct check_result {
	bool unsafe_names; /* only a receiver that allows all names takes them */
	uint64_t bytes, files;
};

/*
 * `flags` as the receiver's (names.h), for directories and links. 0, or -1 with the error, which
 * names the first object that no receiver takes.
 */
int check_paths(char *const *paths, unsigned int flags, bool ignore_links,
	struct check_result *ret_result, struct err *err);

#endif
