// System calls that glibc has functions for and musl has not: the programs that a person waits for
// are built with either (HACKING.md, "Programs that start fast and stay small").
#ifndef BULKHEAD_BASE_SYSTEM_CALLS_H
#define BULKHEAD_BASE_SYSTEM_CALLS_H

#include <signal.h>
#include <stdio.h>
#include <sys/types.h>
#include <unistd.h>

#ifdef __GLIBC__

#include <sys/pidfd.h>

#else

#include <linux/close_range.h>
#include <linux/fs.h>
#include <sys/syscall.h>

static inline int
pidfd_open(pid_t pid, unsigned flags)
{
	return (int)syscall(SYS_pidfd_open, pid, flags);
}

static inline int
pidfd_send_signal(int fd, int signal, siginfo_t *information, unsigned flags)
{
	return (int)syscall(SYS_pidfd_send_signal, fd, signal, information, flags);
}

static inline int
close_range(unsigned first, unsigned last, int flags)
{
	return (int)syscall(SYS_close_range, first, last, flags);
}

static inline int
renameat2(int old_directory, const char *old_name, int new_directory, const char *new_name,
	unsigned flags)
{
	return (int)syscall(SYS_renameat2, old_directory, old_name, new_directory, new_name, flags);
}

#endif

#endif
