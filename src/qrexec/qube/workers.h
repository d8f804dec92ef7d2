/*
 * The processes that carry the agent's calls. Each carries one call at a time, so that a crash or
 * a block hurts one call, and waits for the next when it is done: making a process costs more
 * than the rest of a short call.
 */
#ifndef BULKHEAD_QREXEC_WORKERS_H
#define BULKHEAD_QREXEC_WORKERS_H

#include "qrexec/qube/agent.h"

struct workers;
struct worker;

struct workers *workers_create(struct agent *agent);
/* Calls under way go on; idle workers end. */
void workers_destroy(struct workers *workers);

/* The call is over, or its worker has died. */
typedef void (*worker_callback)(struct worker *worker, void *data);

/*
 * Gives the call to an idle worker, or to a new one. `session_fd` is that of the user's session,
 * or -1. NULL when there can be none (logged).
 */
struct worker *workers_carry(struct workers *workers, const struct call *call, int session_fd,
	worker_callback handle_end, void *data);

/* The owner of a call under way is not interested in its end any more. */
void worker_forget(struct worker *worker);

#endif
