/*
 * Memory for qubes that start: a start goes on when the host has it, waits while disposables may
 * give some back, and is refused else (docs/disposables.md). Private to this folder.
 */
#ifndef BULKHEAD_ADMIN_LIFECYCLE_MEMORY_H
#define BULKHEAD_ADMIN_LIFECYCLE_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

struct lifecycle;
struct run;

/* On dom0, in MiB: what all running qubes together may have; without it what the host has. */
#define MEMORY_LIMIT_FEATURE "qubes-memory-max"

/* On dom0, in seconds: how long starts wait while no qube ends and gives memory back. */
#define MEMORY_PATIENCE_FEATURE "qubes-memory-patience"
#define MEMORY_PATIENCE_S 60

/*
 * Whether the qube's memory can be had now. If not, the run waits (run->waiting) or was given up.
 */
bool memory_take(struct run *run);
/* A machine has ended: who waits goes on waiting. */
void memory_given_back(struct lifecycle *l);
void memory_destroy(struct lifecycle *l);

/* Whether another machine would leave enough for all that is to come. */
bool memory_is_spare(const struct lifecycle *l, uint64_t memory_mib);

#endif
