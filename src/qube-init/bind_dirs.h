/*
 * The configuration of kept paths: files of shell syntax in which lines of the form
 *
 *     binds+=( '/etc/example' "/var/lib/example" )
 *
 * are all that is allowed here, beside comments. Trusted files; not executed.
 */
#ifndef BULKHEAD_QUBE_INIT_BIND_DIRS_H
#define BULKHEAD_QUBE_INIT_BIND_DIRS_H

#include <stddef.h>

#include "base/err.h"

#define BIND_PATHS_MAX 256

struct bind_paths {
	char *paths[BIND_PATHS_MAX]; /* owned, absolute */
	size_t count;
};

/* Adds the paths of one file's text. `binds=( ... )` first drops what was there. */
int bind_paths_parse(struct bind_paths *paths, const char *text, struct err *err);
void bind_paths_finish(struct bind_paths *paths);

#endif
