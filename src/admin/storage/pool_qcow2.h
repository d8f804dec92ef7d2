/* What the two halves of the qcow2 driver share: names, and folding. Private to the driver. */
#ifndef BULKHEAD_ADMIN_STORAGE_POOL_QCOW2_H
#define BULKHEAD_ADMIN_STORAGE_POOL_QCOW2_H

#include "admin/storage/job.h"
#include "admin/storage/pool.h"

/* All relative to the pool's directory, and owned by the caller. */
char *qcow2_file_name(struct state_name state);
char *qcow2_directory_name(const char *vid);
/* What stands in the header of `state` for its base. */
char *qcow2_backing_name(struct state_name state, struct state_name base);

/* File and directory survive a power cut. */
void qcow2_add_sync(struct pool *p, struct job *job, const char *file);

/* Rows of the driver (pool.h). */
int qcow2_virtual_size(
	struct pool *p, struct state_name state, uint64_t *ret_bytes, struct err *err);
struct job *qcow2_fill(struct pool *p, struct state_name state, struct state_name over,
	struct state_name base, struct err *err);
struct job *qcow2_set_base(
	struct pool *p, struct state_name state, struct state_name base, struct err *err);
struct job *qcow2_fold(
	struct pool *p, struct state_name upper, struct state_name lower, struct err *err);

/*
 * From the list that `qemu-img map --output=json` prints of an image the commands for qemu-io that
 * read all that the image itself has, below `limit`. For job_feed_next().
 */
int qcow2_make_reads(int from_fd, int to_fd, uint64_t limit, struct err *err);

#endif
