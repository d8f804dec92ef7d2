/*
 * What happens to a qube's machine: the only way to start, stop and pause one. Each request is
 * answered once, later, by its callback (never from within the call). The state machine keeps
 * the model's power state, the store's record of what runs, and the host processes of the qube.
 */
#ifndef BULKHEAD_ADMIN_LIFECYCLE_LIFECYCLE_H
#define BULKHEAD_ADMIN_LIFECYCLE_LIFECYCLE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct app;
struct hypervisor;
struct lifecycle;
struct loop;
struct qube;
struct storage;
struct store;

/* Where the files of running qubes are, one directory a qube, below root_path(). */
#define LIFECYCLE_RUN_DIRECTORY "/run/bulkhead/qubes"
#define LIFECYCLE_LOG_DIRECTORY "/var/log/qubes"

/* All borrowed; they outlive the lifecycle. */
struct lifecycle_config {
	struct loop *loop;
	struct store *store;
	struct app *app;
	struct storage *storage;
	struct hypervisor *hypervisor; /* NULL: nothing can be started here */
	const char *no_hypervisor;     /* then the reason */
};

/* `err` is NULL on success; its kind is the Admin API's exception class. Borrowed. */
typedef void (*lifecycle_done)(void *data, const struct err *err);

struct lifecycle *lifecycle_create(const struct lifecycle_config *config, struct err *err);
/* Leaves all machines running; pending requests are dropped without an answer. NULL is fine. */
void lifecycle_destroy(struct lifecycle *l);

/*
 * Takes up the machines that an earlier daemon left running and cleans up after those that are
 * gone. Runs storage_recover() on the way. `done` comes when all of it is known; nothing is
 * served before.
 */
int lifecycle_recover(struct lifecycle *l, lifecycle_done done, void *data, struct err *err);

/* Success at once when the qube is not Halted (spec admin-api.md 11.4). */
void lifecycle_start(struct lifecycle *l, struct qube *q, lifecycle_done done, void *data);

/* Asks the qube to shut down; with `wait`, answers when it is Halted or its time is over. */
void lifecycle_shutdown(struct lifecycle *l, struct qube *q, bool force, bool wait,
	lifecycle_done done, void *data);

/* Ends the machine and answers when everything of it is cleaned up. */
void lifecycle_kill(struct lifecycle *l, struct qube *q, lifecycle_done done, void *data);

/*
 * Shows a running qube a disk that storage_resize() has grown, and has it grow the file system.
 * With an error (StoragePoolException) the disk keeps its new size.
 */
void lifecycle_resize_disk(struct lifecycle *l, struct qube *q, const char *volume,
	uint64_t size_bytes, lifecycle_done done, void *data);

/*
 * Keeps what a running qube has on a disk at this moment under a name (storage.h), as after a power
 * cut; what the qube has written so far is flushed first, if it does so in time.
 */
void lifecycle_snapshot_disk(struct lifecycle *l, struct qube *q, const char *volume,
	const char *pool, const char *vid, const char *name, lifecycle_done done, void *data);

/* Time of the processor that a running qube's machine has used, in nanoseconds; 0 when off. */
uint64_t lifecycle_cpu_time_ns(const struct lifecycle *l, const struct qube *q);

/* Whether what a running qube writes is in memory alone, and ends with its machine. */
bool lifecycle_leaves_nothing(const struct lifecycle *l, const struct qube *q);

/* Whether the process is the qrexec-daemon of a running qube. */
bool lifecycle_is_call_daemon(const struct lifecycle *l, pid_t pid);

void lifecycle_pause(struct lifecycle *l, struct qube *q, lifecycle_done done, void *data);
void lifecycle_unpause(struct lifecycle *l, struct qube *q, lifecycle_done done, void *data);

#endif
