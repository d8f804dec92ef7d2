/* Where a user's files are. */
#ifndef BULKHEAD_FILECOPY_HOME_H
#define BULKHEAD_FILECOPY_HOME_H

/* $HOME, or the account's home directory. NULL without one. Static storage. */
const char *home_directory(void);

/* A path below $XDG_DATA_HOME or ~/.local/share; the caller frees it. NULL without a home. */
char *home_path(const char *below);

#endif
