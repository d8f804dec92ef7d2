/* Records of what runs survive the process, and domain numbers are never given out twice. */
#include "cmocka_all.h"

#include <stdlib.h>
#include <unistd.h>

#include "admin/lifecycle/record.h"
#include "admin/store/store.h"
#include "base/child.h"
#include "base/cleanup.h"
#include "base/path.h"

static char directory[] = "/tmp/bulkhead-test-record-XXXXXX";

static int
set_up(void **state)
{
	return mkdtemp(directory) == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	return remove_tree(directory, NULL);
}

static void
records_are_kept_whole(void **state)
{
	AUTO_FREE char *path = path_join(directory, "store");
	AUTO_FREE struct running_record *records = NULL;
	AUTO_ERR struct err err = ERR_INIT;
	struct running_record record = {.qid = 7, .start_time_us = 123, .memory_kib = 400};
	struct store *store = store_open(path, &err);
	int64_t first_xid;
	size_t count;

	assert_non_null(store);
	assert_int_equal(record_insert(store, &record, &err), 0);
	first_xid = record.xid;
	assert_true(first_xid > 0);
	record.started = true;
	record.processes[RECORD_QREXEC] = (struct process_id){.pid = 42, .start_time = 99};
	assert_int_equal(record_update(store, &record, &err), 0);
	store_close(store);

	store = store_open(path, &err);
	assert_int_equal(record_load_all(store, &records, &count, &err), 0);
	assert_int_equal(count, 1);
	assert_int_equal(records[0].qid, 7);
	assert_int_equal(records[0].xid, first_xid);
	assert_true(records[0].started);
	assert_int_equal(records[0].processes[RECORD_QREXEC].pid, 42);
	assert_int_equal(records[0].processes[RECORD_QREXEC].start_time, 99);
	assert_int_equal(records[0].processes[RECORD_MACHINE].pid, 0);

	assert_int_equal(record_delete(store, 7, &err), 0);
	assert_int_equal(record_insert(store, &record, &err), 0);
	assert_true(record.xid > first_xid);
	store_close(store);
}

/* A full disk keeps the row of an earlier stay: the next one takes its place. */
static void
a_row_left_behind_stands_in_nobodys_way(void **state)
{
	AUTO_FREE char *path = path_join(directory, "left");
	AUTO_FREE struct running_record *records = NULL;
	AUTO_ERR struct err err = ERR_INIT;
	struct running_record first = {.qid = 7, .started = true}, second = {.qid = 7};
	struct store *store = store_open(path, &err);
	size_t count;

	assert_int_equal(record_insert(store, &first, &err), 0);
	assert_int_equal(record_insert(store, &second, &err), 0);
	assert_true(second.xid > first.xid);
	assert_int_equal(record_load_all(store, &records, &count, &err), 0);
	assert_int_equal(count, 1);
	assert_int_equal(records[0].xid, second.xid);
	assert_false(records[0].started);
	store_close(store);
}

static void
a_process_is_named_by_its_start(void **state)
{
	struct process_id id = {.pid = getpid()};

	assert_false(process_is_alive(&id));
	assert_int_equal(process_start_time(getpid(), &id.start_time), 0);
	assert_true(process_is_alive(&id));
	id.start_time++;
	assert_false(process_is_alive(&id));
	assert_false(process_is_alive(&(struct process_id){0}));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_kept_whole),
		cmocka_unit_test(a_row_left_behind_stands_in_nobodys_way),
		cmocka_unit_test(a_process_is_named_by_its_start),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
