/*
 * Policy as it would be with one file changed: a loader that gives the changed text where that
 * file is meant, by whatever path, and asks the real directories for everything else. For trying
 * a change before it is made.
 */
#ifndef BULKHEAD_QREXEC_POLICY_OVERLAY_H
#define BULKHEAD_QREXEC_POLICY_OVERLAY_H

#include "qrexec/policy/files.h"
#include "qrexec/policy/policy.h"

struct policy_overlay {
	const struct policy_directories *directories; /* borrowed */
	const char *directory;                        /* real path of the one the file is in */
	const char *name;                             /* of the file there */
	const char *bytes;                            /* NULL: the file is gone */
	size_t size;
	struct policy_loader inner; /* filled by policy_compile_changed() */
};

/* The policy of these directories; with an overlay, changed. As policy_compile(). */
struct policy *policy_compile_changed(
	const struct policy_directories *directories, const struct policy_overlay *change);

/* The real path of a directory, which the caller frees; the path itself when there is none. */
char *policy_real_directory(const char *path);

#endif
