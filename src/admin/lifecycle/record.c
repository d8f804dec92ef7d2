/* Rows of what runs; see record.h. */
#include "admin/lifecycle/record.h"

#include <errno.h>
#include <stdlib.h>

#include "admin/store/store.h"
#include "base/child.h"
#include "base/cleanup.h"

static void
bind_values(struct store_query *query, const struct running_record *record)
{
	query_bind_int(query, 2, record->started);
	query_bind_int(query, 3, (int64_t)record->start_time_us);
	query_bind_int(query, 4, (int64_t)record->memory_kib);
	for (int i = 0; i < RECORD_PROCESS_MAX; i++) {
		query_bind_int(query, 5 + 2 * i, record->processes[i].pid);
		query_bind_int(query, 6 + 2 * i, (int64_t)record->processes[i].start_time);
	}
}

/* One that an earlier end could not delete, for a full disk, is of no meaning any more. */
int
record_insert(struct store *store, struct running_record *record, struct err *err)
{
	AUTO_QUERY struct store_query *query = store_query(store,
		"INSERT OR REPLACE INTO running (qid, started, start_time_us, memory_kib,"
		" machine_pid, machine_start, link_pid, link_start, qrexec_pid, qrexec_start)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)");

	query_bind_int(query, 1, record->qid);
	bind_values(query, record);
	if (query_run(query, err) < 0)
		return -1;
	record->xid = store_last_id(store);
	return 0;
}

int
record_update(struct store *store, const struct running_record *record, struct err *err)
{
	AUTO_QUERY struct store_query *query = store_query(store,
		"UPDATE running SET started = ?2, start_time_us = ?3, memory_kib = ?4,"
		" machine_pid = ?5, machine_start = ?6, link_pid = ?7, link_start = ?8,"
		" qrexec_pid = ?9, qrexec_start = ?10 WHERE qid = ?1");

	query_bind_int(query, 1, record->qid);
	bind_values(query, record);
	return query_run(query, err);
}

int
record_delete(struct store *store, int qid, struct err *err)
{
	AUTO_QUERY struct store_query *query =
		store_query(store, "DELETE FROM running WHERE qid = ?1");

	query_bind_int(query, 1, qid);
	return query_run(query, err);
}

static struct running_record
read_row(struct store_query *query)
{
	struct running_record record = {
		.qid = (int)query_int(query, 0),
		.xid = query_int(query, 1),
		.started = query_int(query, 2) != 0,
		.start_time_us = (uint64_t)query_int(query, 3),
		.memory_kib = (uint64_t)query_int(query, 4),
	};

	for (int i = 0; i < RECORD_PROCESS_MAX; i++) {
		record.processes[i].pid = (pid_t)query_int(query, 5 + 2 * i);
		record.processes[i].start_time = (unsigned long long)query_int(query, 6 + 2 * i);
	}
	return record;
}

int
record_load_all(struct store *store, struct running_record **ret_records, size_t *ret_count,
	struct err *err)
{
	AUTO_QUERY struct store_query *query = store_query(store,
		"SELECT qid, xid, started, start_time_us, memory_kib,"
		" machine_pid, machine_start, link_pid, link_start, qrexec_pid, qrexec_start"
		" FROM running ORDER BY xid");
	AUTO_FREE struct running_record *records = NULL;
	size_t count = 0;
	int result;

	while ((result = query_step(query, err)) == 1) {
		struct running_record *more = reallocarray(records, count + 1, sizeof(*records));

		if (more == NULL)
			return err_set(err, ENOMEM, "out of memory");
		records = more;
		records[count++] = read_row(query);
	}
	if (result < 0)
		return -1;
	*ret_records = steal_ptr(records);
	*ret_count = count;
	return 0;
}

bool
process_is_alive(const struct process_id *id)
{
	unsigned long long start_time;

	return id->pid > 0 && process_start_time(id->pid, &start_time) == 0 &&
	       start_time == id->start_time;
}
