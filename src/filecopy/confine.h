/*
 * What the receiver gives away before it reads the first byte of a stranger: every file outside
 * one directory, every privilege, most system calls.
 */
#ifndef BULKHEAD_FILECOPY_CONFINE_H
#define BULKHEAD_FILECOPY_CONFINE_H

#include "base/err.h"

/*
 * Confines the calling process, which has one thread, to the directory: where the kernel allows
 * it, it becomes the root of an own mount namespace (nosuid, nodev, noexec); where the kernel has
 * Landlock, no object outside it can be reached, also not one that was moved out of it meanwhile;
 * one of the two is required. Then come no-new-privileges, no capabilities and the filter of
 * system calls. The descriptor, replaced by one of the new root, keeps its number; no other of a
 * directory may be open. 0, or -1 with the error.
 */
int filecopy_confine(int directory_fd, struct err *err);

#endif
