/*
 * The trash of the freedesktop specification: of the home directory, or, for files of another file
 * system, of that one's top. Everything happens by rename, so nothing is ever copied or half there.
 */
#ifndef BULKHEAD_FILECOPY_TRASH_H
#define BULKHEAD_FILECOPY_TRASH_H

#include "base/err.h"

/*
 * Moves the object at an absolute path (its last component is not followed) into the trash; gives
 * where it is now, which the caller frees. 0, or -1 with the error: then it is where it was.
 */
int trash_put(const char *path, char **ret_trashed, struct err *err);

/* Back from the trash to a path where nothing is. 0, or -1 with the error. */
int trash_restore(const char *trashed, const char *path, struct err *err);

/* Removes an object of the trash for good. */
int trash_delete(const char *trashed, struct err *err);

#endif
