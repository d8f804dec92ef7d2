/* The policy of a private root: the files that were installed, until somebody changes them. */
#ifndef BULKHEAD_ADMIN_DAEMON_POLICY_FILES_H
#define BULKHEAD_ADMIN_DAEMON_POLICY_FILES_H

/*
 * Where BULKHEAD_ROOT is set and has no policy directory, copies the installed one there, whole or
 * not at all. An instance that has one is left alone, and so is the system's own. Failures are
 * logged: without policy every call is refused.
 */
void policy_files_install(void);

#endif
