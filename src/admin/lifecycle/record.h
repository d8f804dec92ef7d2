/*
 * What runs, as the store knows it: one row a running qube, with what is needed to take its
 * processes up again after a restart of the daemon. A row exists from before the first process
 * of a start until after the last clean-up of a stop.
 */
#ifndef BULKHEAD_ADMIN_LIFECYCLE_RECORD_H
#define BULKHEAD_ADMIN_LIFECYCLE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct store;

/* A process, named for good by its start time (base/child.h); pid 0: none known. */
struct process_id {
	pid_t pid;
	unsigned long long start_time;
};

enum record_process {
	RECORD_MACHINE,
	RECORD_LINK,
	RECORD_QREXEC,
	RECORD_PROCESS_MAX,
};

struct running_record {
	int qid;
	int64_t xid;
	bool started; /* the start was completed; else it is under way */
	uint64_t start_time_us;
	uint64_t memory_kib;
	struct process_id processes[RECORD_PROCESS_MAX];
};

/* Inserts a row and gives it a domain number that was not used before. */
int record_insert(struct store *store, struct running_record *record, struct err *err);
/* Writes the row anew. */
int record_update(struct store *store, const struct running_record *record, struct err *err);
int record_delete(struct store *store, int qid, struct err *err);

/* All rows; the caller frees the array. */
int record_load_all(struct store *store, struct running_record **ret_records, size_t *ret_count,
	struct err *err);

/* Whether that very process is there. */
bool process_is_alive(const struct process_id *id);

#endif
