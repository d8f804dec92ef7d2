/* Where received files go: ~/QubesIncoming/SOURCE, made if it is missing, never through a link. */
#ifndef BULKHEAD_FILECOPY_DESTINATION_H
#define BULKHEAD_FILECOPY_DESTINATION_H

#include <stdbool.h>

#include "base/err.h"

#define INCOMING_DIRECTORY "QubesIncoming"

struct destination {
	int fd;     /* of the directory itself */
	int parent; /* of the one above it, or -1 */
	const char *name;
	bool created;
};

/* Whether the text can be a directory's name: of one component, and not "." or "..". */
bool destination_source_valid(const char *untrusted_source);

/* Opens the directory of a source (borrowed) below the home directory. 0, or -1 with the error. */
int destination_open(struct destination *d, const char *home, const char *source, struct err *err);
/* Opens a directory by its path. */
int destination_open_path(struct destination *d, const char *path, struct err *err);

/* Removes the directory if it was made here and is still empty. */
void destination_withdraw(struct destination *d);
void destination_close(struct destination *d);

#endif
