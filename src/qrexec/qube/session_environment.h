/* The environment that a login gives, handed from the process that logs in to the one inside. */
#ifndef BULKHEAD_QREXEC_SESSION_ENVIRONMENT_H
#define BULKHEAD_QREXEC_SESSION_ENVIRONMENT_H

#include <pwd.h>

/*
 * `given` (NULL-terminated, from PAM) with HOME, SHELL, USER, LOGNAME, and a PATH if there is
 * none. One block, the caller frees it.
 */
char **session_environment_create(const struct passwd *user, const char *const *given);

/* Writes it to a pipe, which must be empty; 0 or negative errno. */
int session_environment_write(int fd, char *const *environment);

/* Reads it to the end of file. The block is the caller's; NULL when it cannot be read. */
char **session_environment_read(int fd);

#endif
