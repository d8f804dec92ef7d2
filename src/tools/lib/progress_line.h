/* One line on the terminal for what takes long; nothing where stderr is none. */
#ifndef BULKHEAD_TOOLS_LIB_PROGRESS_LINE_H
#define BULKHEAD_TOOLS_LIB_PROGRESS_LINE_H

#include <stdint.h>
#include <sys/types.h>

/* "WHAT 43 %"; a few times a second at most. `all` 0: not known. */
void progress_line_show(const char *what, uint64_t done, uint64_t all);
/* Takes the line away. */
void progress_line_end(void);

/*
 * Shows what the daemon is doing to a volume's images (bulkhead.vm.volume.Work), from another
 * process, until progress_watch_end(); for the time in which we wait for the daemon's answer.
 */
pid_t progress_watch_begin(const char *qube, const char *volume);
void progress_watch_end(pid_t watcher);

#endif
