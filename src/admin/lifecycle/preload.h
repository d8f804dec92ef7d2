/*
 * What keeps disposables ready asks of the lifecycle (docs/disposables.md): machines that nobody
 * waits for. They start only where nothing else is to be done, and are the first to give way when
 * memory is short. Which they are, and for whom, is decided in admin/api/preload.h.
 */
#ifndef BULKHEAD_ADMIN_LIFECYCLE_PRELOAD_H
#define BULKHEAD_ADMIN_LIFECYCLE_PRELOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "admin/lifecycle/lifecycle.h"

/* As lifecycle_start(), of one that waits for no memory and makes nobody wait. */
void lifecycle_start_spare(struct lifecycle *l, struct qube *q, lifecycle_done done, void *data);
/* A running qube becomes one that is in use, or (after a restart of the daemon) a spare one. */
void lifecycle_set_spare(struct lifecycle *l, const struct qube *q, bool is_spare);

/* Whether no qube is on its way up or down. */
bool lifecycle_is_idle(const struct lifecycle *l);
/* Whether a qube is on its way up, that one left aside. */
bool lifecycle_is_starting(const struct lifecycle *l, const struct qube *except);
/* Whether one more machine, and as much again as starts need, leaves enough to all others. */
bool lifecycle_has_spare_memory(const struct lifecycle *l, uint64_t memory_mib);
/*
 * Whether something is being frozen, or will be soon for this template, so that its disposables
 * then need not boot.
 */
bool lifecycle_awaits_frozen(struct lifecycle *l, const struct qube *template);

/*
 * All that goes into the machine of this disposable, identity left out, if it started now; text to
 * be compared. NULL with the error; the caller frees it.
 */
char *lifecycle_describe_start(struct lifecycle *l, const struct qube *q, struct err *err);
/* Whether what makes a disposable traceless is still so: a start would not be refused for it. */
bool lifecycle_is_traceless_still(const struct lifecycle *l, const struct qube *q);

/*
 * A text that goes with the machine, and is there for the next daemon; NULL takes it away. 0 or -1
 * with the error.
 */
int lifecycle_note_spare(
	struct lifecycle *l, const struct qube *q, const char *text, struct err *err);
/* It, or NULL; the caller frees it. */
char *lifecycle_spare_note(const struct lifecycle *l, const struct qube *q);

#endif
