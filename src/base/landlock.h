/*
 * Which files a process can still reach, where the kernel has Landlock: beside sandbox.h, which
 * says what it can do with them. Sockets that have a path can be connected to all the same.
 */
#ifndef BULKHEAD_BASE_LANDLOCK_H
#define BULKHEAD_BASE_LANDLOCK_H

#include <linux/landlock.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Moving between directories, since version 2 of the interface; older headers lack the name. */
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif

struct landlock_place {
	const char
		*path; /* a directory with all below it, or a file; one that is not there is none */
	bool is_writable; /* also for making, moving and removing what is below */
};

/*
 * From here on the process, and all that it starts, opens nothing outside of the places, also
 * by a link within. Descriptors that are open stay. 0; 1 where the kernel cannot do it (a line
 * of the log at debug); -1 with the error.
 */
int landlock_enter(const struct landlock_place *places, size_t count, struct err *err);

/* What is allowed below an open directory, or with a file: LANDLOCK_ACCESS_FS_... */
struct landlock_rule {
	int fd;
	uint64_t access;
};

/* 0 where the kernel has what is used here, else a negative errno. */
int landlock_available(void);
/* The same as landlock_enter(), step for step, with rights of one's own. 0 or a negative errno. */
int landlock_restrict(const struct landlock_rule *rules, size_t count);

#endif
