/*
 * A process of ours on the host that serves one running qube: started or taken up again, watched,
 * ended. It outlives this daemon. Its stderr goes to a log file of the qube.
 */
#ifndef BULKHEAD_ADMIN_LIFECYCLE_HOST_PROCESS_H
#define BULKHEAD_ADMIN_LIFECYCLE_HOST_PROCESS_H

#include <stddef.h>
#include <sys/types.h>

#include "admin/lifecycle/record.h"
#include "base/child.h"
#include "base/err.h"

struct host_process;
struct loop;

/* Time between SIGTERM and SIGKILL. */
#define HOST_PROCESS_PATIENCE_MS 3000

struct host_process_handler {
	/* The process wrote its line to the ready descriptor. At most once. */
	void (*handle_ready)(struct host_process *p, void *data);
	/* The process is gone; the last call. The owner destroys the object. */
	void (*handle_end)(struct host_process *p, void *data);
};

struct host_process_config {
	const char *name; /* for the log: "vchan-linkd" */
	const char *const *argv;
	const char *directory; /* where it works; shows whose it is (orphans.h) */
	const char *log_path;
	/* Passed on beside stderr; the ready descriptor is added by host_process_start(). */
	const struct child_fd *fds;
	size_t fd_count;
	int ready_target; /* number that the child sees, or -1: it does not tell */
	uid_t uid;        /* (uid_t)-1: ours */
	gid_t gid;
};

struct host_process *host_process_start(struct loop *loop, const struct host_process_config *config,
	const struct host_process_handler *handler, void *data, struct err *err);

/* Takes up one that an earlier daemon started; NULL when it is gone. */
struct host_process *host_process_adopt(struct loop *loop, const char *name,
	const struct process_id *id, const struct host_process_handler *handler, void *data);

struct process_id host_process_id(const struct host_process *p);

/* SIGTERM now, SIGKILL if that does not do. handle_end tells. */
void host_process_stop(struct host_process *p);

/* Lets the process go on unwatched. NULL is fine. */
void host_process_destroy(struct host_process *p);

#endif
