/*
 * The trash of the freedesktop specification: of the home directory, or, for files of another file
 * system, of that one's top. Everything happens by rename, so nothing is ever copied or half there.
 */
#ifndef BULKHEAD_FILECOPY_TRASH_H
#define BULKHEAD_FILECOPY_TRASH_H

#include "base/err.h"
#include "filecopy/tree.h"

/*
 * Moves the object at an absolute path (its last component is not followed) into the trash; gives
 * where it is now, which the caller frees. 0, or -1 with the error: then it is where it was.
 */
int trash_put(const char *path, char **ret_trashed, struct err *err);

/*
 * Back from the trash to a path where nothing is: what was put there and is as it was then, by its
 * sum. When the trash was emptied, the name in it may since be another object's, which stays.
 * 0, or -1 with the error.
 */
int trash_restore(
	const char *trashed, const struct tree_sum *sum, const char *path, struct err *err);

/* Removes it for good. One that is gone, or is not that one any more, is left alone: no error. */
int trash_delete(const char *trashed, const struct tree_sum *sum, struct err *err);

#endif
