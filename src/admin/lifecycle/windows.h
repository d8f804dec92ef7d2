/*
 * A running qube's window memory: made for one stay, plugged into the machine, handed read-only to
 * the qube's gui-daemon (gui/protocol/window_memory.h). A qube without it shows no windows, and
 * starts nothing that would. Private to this folder.
 */
#ifndef BULKHEAD_ADMIN_LIFECYCLE_WINDOWS_H
#define BULKHEAD_ADMIN_LIFECYCLE_WINDOWS_H

#include <stdbool.h>

struct qube;
struct run;
struct windows;

/* Whether it has the feature `gui` (inherited from its template; on if nothing is said), and a
 * guivm. */
bool qube_wants_windows(const struct qube *q);

/*
 * Where the qube wants windows. The socket is there on return. A failure is logged: the qube runs
 * without windows.
 */
void run_windows_start(struct run *run);
/* Takes up the memory of a machine that an earlier daemon started. */
void run_windows_adopt(struct run *run);
/* Nobody is given the memory any more. NULL is fine. */
void windows_destroy(struct windows *w);

#endif
