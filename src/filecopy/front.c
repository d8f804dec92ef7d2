/* What the front ends of file copy share (front.h). */
#include "filecopy/front.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "filecopy/check.h"
#include "filecopy/names.h"

const char *
front_prepare(const struct front *front, struct err *err)
{
	struct check_result found;
	AUTO_FREE char *total = NULL;

	if (check_paths(front->paths, FILECOPY_QUBE_FLAGS, front->ignore_links, &found, err) < 0)
		return NULL;
	total = text_format("%" PRIu64, found.bytes);
	/* A program with a window says how it wants to hear of the progress. */
	if (setenv("FILECOPY_TOTAL_BYTES", total, 1) < 0 ||
		setenv("PROGRESS_TYPE", front->show_progress ? "console" : "none",
			!front->show_progress) < 0) {
		err_set_errno(err, errno, "cannot set the environment");
		return NULL;
	}
	return found.unsafe_names ? "qubes.Filecopy+allow-all-names" : "qubes.Filecopy";
}
