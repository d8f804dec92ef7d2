/* The lines of the log of decisions, oldest first, and those still to come; blocking. */
#ifndef BULKHEAD_QREXEC_POLICY_TOOLS_LOG_READER_H
#define BULKHEAD_QREXEC_POLICY_TOOLS_LOG_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* `text` is the caller's to change until it returns. False ends the reading. */
typedef bool (*log_line_callback)(char *untrusted_text, void *data);

/*
 * Reads the file with the ending of the older log, then the file itself; with `follow` goes on
 * with what is added, also to a new file that takes its place. `wait` (may be NULL) is called
 * whenever all there is has been read. A log that is not there has no lines. 0 or -1 with the
 * error.
 */
int log_read(const char *path, bool follow, log_line_callback callback, void (*wait)(void *data),
	void *data, struct err *err);

#endif
