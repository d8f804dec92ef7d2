/*
 * Processes of a qube that no record names: a crash of the daemon between starting one and
 * writing that down leaves them. All host processes of a qube work in its run directory, which
 * nobody else does, and that is how they are known.
 */
#ifndef BULKHEAD_ADMIN_LIFECYCLE_ORPHANS_H
#define BULKHEAD_ADMIN_LIFECYCLE_ORPHANS_H

/*
 * Kills every process that works in the directory and waits until they are gone, a few seconds
 * at most. Logs each. For the time before the daemon serves. Returns how many there were.
 */
unsigned int orphans_end(const char *run_directory, const char *qube_name);

#endif
