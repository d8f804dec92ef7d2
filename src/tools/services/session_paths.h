/* Where a person's own files of the desktop are (the base directory specification). */
#ifndef BULKHEAD_TOOLS_SERVICES_SESSION_PATHS_H
#define BULKHEAD_TOOLS_SERVICES_SESSION_PATHS_H

#include "base/err.h"

/* $XDG_DATA_HOME/NAME, or what stands for it; the caller frees it. NULL with the error. */
char *session_data_path(const char *name, struct err *err);

#endif
