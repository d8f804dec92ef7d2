/*
 * Starting child processes: nothing is inherited but what is listed. Descriptors above 2 that
 * are not listed are closed, signals are reset and unblocked, the child gets its own session.
 */
#ifndef BULKHEAD_BASE_CHILD_H
#define BULKHEAD_BASE_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

struct child_fd {
	int source; /* ours; not closed by child_start() */
	int target; /* the number the child sees */
};

struct child_config {
	const char *const *argv;        /* NULL-terminated; argv[0] is searched in PATH */
	const char *const *environment; /* NULL-terminated; NULL: ours is inherited */
	const char *directory;          /* working directory, or NULL for ours */
	const struct child_fd *fds;     /* 0, 1 and 2 not listed become /dev/null */
	size_t fd_count;
	uid_t uid; /* (uid_t)-1: unchanged; else all ids and groups are set */
	gid_t gid;
	bool keep_session;    /* do not call setsid() */
	bool die_with_parent; /* SIGKILL when the parent ends */
	bool private_mounts;  /* own mount namespace, where allowed */
	bool small_pages;     /* memory that is touched counts, not 2 MiB around it */
};

#define CHILD_CONFIG_INIT                                                                          \
	{                                                                                          \
		.uid = (uid_t)-1, .gid = (gid_t)-1                                                 \
	}

/* Returns the pid, or -1 with the error, which also tells a failure of exec in the child. */
pid_t child_start(const struct child_config *config, struct err *err);

/* Waits until a child has ended, however it does. */
void child_reap(pid_t pid);
/* Kills it first. */
void child_end(pid_t pid);

/* The start time of a process in clock ticks since boot, which with the pid names it for good.
 * 0 or a negative errno. */
int process_start_time(pid_t pid, unsigned long long *ret_ticks);

/* Whether there is no such process, or only what is left of one that nobody has reaped. */
bool process_has_ended(pid_t pid);

/*
 * Runs a program to its end, capturing at most max_bytes of stdout and stderr together (the
 * rest is dropped); for tools and tests, not for daemons. Returns the exit status, 128 + signal,
 * or -1 with the error. ret_output may be NULL; the caller frees it.
 */
int child_run(
	const struct child_config *config, size_t max_bytes, char **ret_output, struct err *err);

#endif
