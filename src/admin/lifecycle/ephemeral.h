/*
 * Disposables that leave nothing on the disk (property `ephemeral`, docs/disposables.md). Private
 * to this folder.
 */
#ifndef BULKHEAD_ADMIN_LIFECYCLE_EPHEMERAL_H
#define BULKHEAD_ADMIN_LIFECYCLE_EPHEMERAL_H

#include <stdbool.h>

#include "admin/storage/image.h"
#include "base/err.h"

struct qube;

/* Whether the next start of the qube is to leave nothing. */
bool qube_is_ephemeral(const struct qube *q);

/*
 * Puts what the machine will write to into memory: takes the place of the images that it would
 * write to, which are new and empty and stay so. Refused where memory can get to a disk in clear.
 * Each may grow to the size of the qube's memory. 0 or -1 with the error.
 */
int ephemeral_take_disks(const struct qube *q, struct disk_images *disks, struct err *err);

/* Whether this start of the qube was so: noted beside its machine, so that it outlives us. */
int ephemeral_note(const char *run_directory, struct err *err);
bool ephemeral_is_noted(const char *run_directory);

#endif
