/*
 * What a process gives away before it reads the first byte from a qube: new privileges,
 * capabilities, most system calls. Fails closed: a caller that cannot be confined must not run.
 */
#ifndef BULKHEAD_BASE_SANDBOX_H
#define BULKHEAD_BASE_SANDBOX_H

#include <stddef.h>
#include <sys/syscall.h> /* the numbers: SYS_openat, ... */

#include "base/err.h"

/*
 * Allows only the listed system calls on top of what every loop process of ours needs (memory,
 * epoll, timers, read, write, close, futex, exit, signal return); any other fails with EPERM.
 * Also sets no-new-privileges, drops all capabilities
 * and forbids core dumps. 0 or -1 with the error.
 */
int sandbox_enter(const int *extra_calls, size_t count, struct err *err);

#endif
