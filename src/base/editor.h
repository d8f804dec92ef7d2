/* The user's editor, for tools. */
#ifndef BULKHEAD_BASE_EDITOR_H
#define BULKHEAD_BASE_EDITOR_H

#include <stddef.h>

#include "base/err.h"

/*
 * Has a file edited with $VISUAL, $EDITOR or vi, on the terminal we are on, and waits. 0, or -1
 * with the error, also when the editor itself fails.
 */
int editor_run(const char *path, struct err *err);

/*
 * A fresh temporary file with the content, for the user alone, named "/tmp/NAME-XXXXXX" and then
 * the ending, which tells editors what it is. The path, which the caller frees, or NULL with the
 * error.
 */
char *editor_temporary(
	const char *name, const char *ending, const void *bytes, size_t size, struct err *err);

#endif
