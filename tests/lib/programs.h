/* Programs beside a test or a bench, which end with it, and a display for them. */
#ifndef BULKHEAD_TESTS_LIB_PROGRAMS_H
#define BULKHEAD_TESTS_LIB_PROGRAMS_H

#include <stddef.h>
#include <sys/types.h>

#include "base/child.h"

/* Its number; whoever calls is ended when it can not be started. */
pid_t program_start(const char *const *argv, const struct child_fd *fds, size_t count);

/* Sends the signal and waits for the end; nothing for a number that is none. */
void program_end(pid_t pid, int signal_number);

/*
 * An X server of our own, without a picture on any screen, of that size ("800x600x24"). Returns
 * when it takes connections, and DISPLAY names it.
 */
pid_t x_server_start(const char *screen);

#endif
