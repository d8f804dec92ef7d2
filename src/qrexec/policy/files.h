/*
 * Policy text from the real directories, behind the loader interface. Remembers every file and
 * directory it looked at, so that its owner can watch them and notice a change. A file or
 * directory that others than root and ourselves may change is an error: its writer would have
 * the rights of everybody who includes it.
 */
#ifndef BULKHEAD_QREXEC_POLICY_FILES_H
#define BULKHEAD_QREXEC_POLICY_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "qrexec/policy/loader.h"

/* Where policy is, below root_path(). */
#define POLICY_RUNTIME_PATH "/run/qubes/policy.d"
#define POLICY_SYSTEM_PATH "/etc/qubes/policy.d"
#define POLICY_LEGACY_PATH "/etc/qubes-rpc/policy"

struct policy_directories {
	char *path[POLICY_DIRECTORIES]; /* owned */
};

void policy_directories_default(struct policy_directories *ret);
void policy_directories_finish(struct policy_directories *d);

/* One look at the file system: what was there, or that nothing was. */
struct policy_seen {
	char *path;
	char *directory; /* where changes of it would show: to be watched */
	bool exists;
	struct stat status;
};

struct policy_files {
	const struct policy_directories *directories; /* borrowed */
	struct policy_seen *seen;
	size_t seen_count, seen_capacity;
	uint64_t checksum; /* of all names and bytes given to the compiler */
};

void policy_files_init(struct policy_files *f, const struct policy_directories *directories);
void policy_files_finish(struct policy_files *f);

struct policy_loader policy_files_loader(struct policy_files *f);

/* Whether everything looked at is still as it was, as far as stat() can tell. */
bool policy_files_unchanged(const struct policy_files *f);

#endif
