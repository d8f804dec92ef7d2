/* Carrying a conversion out, and taking it back. */
#ifndef BULKHEAD_QREXEC_POLICY_TOOLS_CONVERT_FILES_H
#define BULKHEAD_QREXEC_POLICY_TOOLS_CONVERT_FILES_H

#include "qrexec/policy/files.h"
#include "qrexec/policy/tools/convert.h"

#define CONVERT_KEPT_SUFFIX ".bak"
#define CONVERT_LEGACY_SUFFIX ".rpmsave"

/* What was done; begins with zeros. */
struct convert_done {
	size_t written;              /* of the conversion's files */
	struct policy_names renamed; /* of the old files; owned */
};

/*
 * Writes the new files, with what was there beside them, and then renames the old ones: in between
 * both count, which say the same. 0 or -1 with the error; `done` has what is to be undone.
 */
int convert_apply(const struct policy_directories *directories, const struct conversion *c,
	struct convert_done *done, struct err *err);

/* All as it was; `done` is finished. 0, or -1 with the first error. */
int convert_undo(const struct policy_directories *directories, const struct conversion *c,
	struct convert_done *done, struct err *err);

#endif
