/* Paths of a person (session_paths.h). */
#include "tools/services/session_paths.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/path.h"

char *
session_data_path(const char *name, struct err *err)
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	AUTO_FREE char *below = NULL;

	if (data != NULL && data[0] == '/')
		return path_join(data, name);
	if (home == NULL || home[0] != '/') {
		err_set(err, ENOENT, "no home directory");
		return NULL;
	}
	below = path_join(".local/share", name);
	return path_join(home, below);
}
