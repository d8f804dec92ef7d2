/* The store: what it refuses, what it keeps, what it undoes. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "admin/store/schema.h"
#include "admin/store/store.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"
#include "cmocka_all.h"

static char directory[] = "/tmp/bulkhead-store-XXXXXX";
static char *path;

static int
make_directory(void **state)
{
	(void)state;
	if (mkdtemp(directory) == NULL)
		return -1;
	path = path_join(directory, "store.sqlite");
	return 0;
}

static int
remove_directory(void **state)
{
	(void)state;
	free(path);
	return remove_tree(directory, NULL);
}

static int
clean(void **state)
{
	(void)state;
	(void)remove_tree(directory, NULL);
	return mkdir(directory, 0700);
}

static struct store *
open_well(void)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct store *s = store_open(path, &err);

	if (s == NULL)
		fail_msg("%s", err_message(&err));
	return s;
}

static void
assert_refuses(int code, const char *part)
{
	AUTO_ERR struct err err = ERR_INIT;

	assert_null(store_open(path, &err));
	assert_int_equal(err.code, code);
	if (strstr(err_message(&err), part) == NULL)
		fail_msg("'%s' does not say '%s'", err_message(&err), part);
}

static void
add_label(struct store *s, int position, const char *name)
{
	struct store_query *q =
		store_query(s, "INSERT INTO label (position, name, color) VALUES (?, ?, 0)");

	query_bind_int(q, 1, position);
	query_bind_text(q, 2, name);
	assert_int_equal(query_run(q, NULL), 0);
}

static int64_t
count_labels(struct store *s)
{
	AUTO_QUERY struct store_query *q = store_query(s, "SELECT count(*) FROM label");

	assert_int_equal(query_step(q, NULL), 1);
	return query_int(q, 0);
}

static void
execute(const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void
test_new_and_again(void **state)
{
	struct store *s = open_well();
	struct stat st;

	(void)state;
	add_label(s, 1, "red");
	store_close(s);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	s = open_well();
	assert_int_equal(count_labels(s), 1);
	store_close(s);
	store_close(NULL);
}

static void
test_lock(void **state)
{
	struct store *s = open_well();
	AUTO_FREE char *who = text_format("in use by another daemon (process %d)", (int)getpid());

	(void)state;
	assert_refuses(EBUSY, who);
	store_close(s);
	store_close(open_well());
}

/* Older stores are brought forward, newer ones are left alone. */
static void
test_versions(void **state)
{
	AUTO_FREE char *newer = text_format("PRAGMA user_version = %zu", store_schema_version + 1);
	struct store *s;

	(void)state;
	AUTO_FREE char *first = text_format(
		"PRAGMA application_id = %d; PRAGMA user_version = 1", STORE_APPLICATION_ID);
	execute(store_schema_steps[0]);
	execute(first);
	execute("INSERT INTO label VALUES (1, 'red', 2)");
	s = open_well();
	assert_int_equal(count_labels(s), 1);
	{
		AUTO_QUERY struct store_query *q = store_query(s, "PRAGMA user_version");
		assert_int_equal(query_step(q, NULL), 1);
		assert_int_equal(query_int(q, 0), store_schema_version);
	}
	store_close(s);

	execute(newer);
	assert_refuses(ENOTSUP, "written by a newer version");
}

static char *
read_back(size_t *ret_size)
{
	char *text;

	assert_int_equal(read_file(path, 16 << 20, &text, ret_size, NULL), 0);
	return text;
}

static void
assert_left_alone(int code, const char *part)
{
	size_t before_size, after_size;
	AUTO_FREE char *before = read_back(&before_size);

	assert_refuses(code, part);
	AUTO_FREE char *after = read_back(&after_size);
	assert_int_equal(after_size, before_size);
	assert_memory_equal(after, before, before_size);
}

static void
test_not_a_store(void **state)
{
	AUTO_FREE char *noise = xcalloc(1, 8192);

	(void)state;
	memset(noise, 'n', 8192);
	assert_int_equal(write_file(path, noise, 8192, 0600, NULL), 0);
	assert_left_alone(EBADMSG, "is corrupt");
	assert_int_equal(write_file(path, "x", 1, 0600, NULL), 0);
	assert_left_alone(EBADMSG, "is corrupt");
	assert_int_equal(unlink(path), 0);
	execute("CREATE TABLE other (a)");
	assert_left_alone(EINVAL, "another program");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_refuses(ELOOP, "cannot open");
}

/* Every page of a good store damaged in turn: refused, or the damage was not in use. */
static void
test_corruption(void **state)
{
	struct store *s = open_well();
	size_t size, refused = 0;

	(void)state;
	for (int i = 1; i <= 200; i++) {
		AUTO_FREE char *name = text_format("label-number-%d", i);
		add_label(s, i, name);
	}
	store_close(s);
	AUTO_FREE char *good = read_back(&size);
	for (size_t page = 0; page < size / 4096; page++) {
		AUTO_ERR struct err err = ERR_INIT;
		AUTO_FREE char *bad = xcalloc(1, size);

		memcpy(bad, good, size);
		memset(bad + page * 4096 + (page == 0 ? 100 : 0), 0x5a, 600);
		assert_int_equal(write_file(path, bad, size, 0600, NULL), 0);
		s = store_open(path, &err);
		if (s == NULL) {
			size_t after_size;
			AUTO_FREE char *after = read_back(&after_size);

			refused++;
			assert_int_equal(err.code, EBADMSG);
			assert_int_equal(after_size, size);
			assert_memory_equal(after, bad, size);
		}
		store_close(s);
	}
	assert_true(refused >= 5);
	/* Cut short. */
	assert_int_equal(write_file(path, good, size / 2, 0600, NULL), 0);
	assert_left_alone(EBADMSG, "is corrupt");
}

static void
test_transactions(void **state)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct store *s = open_well();

	(void)state;
	assert_int_equal(store_begin(s, NULL), 0);
	add_label(s, 1, "one");
	assert_int_equal(store_begin(s, NULL), 0);
	add_label(s, 2, "two");
	assert_int_equal(store_commit(s, NULL), 0);
	store_rollback(s);
	assert_int_equal(count_labels(s), 0);

	/* What is given up inside can not be kept outside. */
	assert_int_equal(store_begin(s, NULL), 0);
	add_label(s, 1, "one");
	assert_int_equal(store_begin(s, NULL), 0);
	store_rollback(s);
	assert_int_equal(store_commit(s, &err), -1);
	assert_int_equal(err.code, ECANCELED);
	assert_int_equal(count_labels(s), 0);

	assert_int_equal(store_begin(s, NULL), 0);
	add_label(s, 1, "one");
	assert_int_equal(store_commit(s, NULL), 0);
	assert_int_equal(count_labels(s), 1);
	/* Closing with an open transaction undoes it. */
	assert_int_equal(store_begin(s, NULL), 0);
	add_label(s, 2, "two");
	store_close(s);
	s = open_well();
	assert_int_equal(count_labels(s), 1);
	store_close(s);
}

/*
 * A disk that is full in the middle of a change ends the transaction: what comes after the failure
 * must not be stored without what came before.
 */
static void
test_full_disk(void **state)
{
	AUTO_FREE char *long_name = text_format("%04000d", 0);
	struct rlimit before, small = {(rlim_t)1 << 20, RLIM_INFINITY};
	struct store *s = open_well();
	struct store_query *q;
	int result = 0;

	(void)state;
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small.rlim_max = before.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(store_begin(s, NULL), 0);
	for (int i = 1; i < 2000 && result == 0; i++) {
		AUTO_FREE char *name = text_format("%s%d", long_name, i);

		q = store_query(s, "INSERT INTO label (position, name, color) VALUES (?, ?, 1)");
		query_bind_int(q, 1, i);
		query_bind_text(q, 2, name);
		result = query_run(q, NULL);
	}
	assert_int_equal(result, -1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	q = store_query(s, "INSERT INTO label (position, name, color) VALUES (5000, 'late', 1)");
	assert_int_equal(query_run(q, NULL), -1);
	assert_int_equal(store_commit(s, NULL), -1);
	assert_int_equal(count_labels(s), 0);
	/* With room again all is well. */
	assert_int_equal(store_begin(s, NULL), 0);
	add_label(s, 1, "one");
	assert_int_equal(store_commit(s, NULL), 0);
	store_close(s);
	s = open_well();
	assert_int_equal(count_labels(s), 1);
	store_close(s);
}

static void
test_queries(void **state)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct store *s = open_well();
	struct store_query *q;

	(void)state;
	add_label(s, 1, "one");
	q = store_query(s, "INSERT INTO label (position, name, color) VALUES (1, 'x', 0)");
	assert_int_equal(query_run(q, &err), -1);
	assert_int_equal(err.code, EEXIST);
	/* A statement that failed can be used again, as one that was ended early. */
	q = store_query(s, "SELECT name FROM label WHERE position = ?");
	query_bind_int(q, 1, 1);
	assert_int_equal(query_step(q, NULL), 1);
	assert_string_equal(query_text(q, 0), "one");
	query_finish(q);
	query_finish(q);
	q = store_query(s, "SELECT ?, ?");
	query_bind_text(q, 1, NULL);
	query_bind_int(q, 2, INT64_MIN);
	assert_int_equal(query_step(q, NULL), 1);
	assert_true(query_is_null(q, 0));
	assert_null(query_text(q, 0));
	assert_true(query_int(q, 1) == INT64_MIN);
	query_finish(q);
	/* Wrong SQL and too many parameters are told at the step. */
	q = store_query(s, "SELECT nothing FROM nowhere");
	assert_int_equal(query_step(q, &err), -1);
	q = store_query(s, "SELECT 1");
	query_bind_int(q, 7, 1);
	assert_int_equal(query_step(q, &err), -1);
	store_close(s);
}

/* Killed in the middle of a transaction: the last committed state is there. */
static void
test_kill(void **state)
{
	struct store *s;
	pid_t child;

	(void)state;
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		s = store_open(path, NULL);
		if (s == NULL)
			_exit(1);
		add_label(s, 1, "kept");
		if (store_begin(s, NULL) < 0)
			_exit(1);
		add_label(s, 2, "lost");
		(void)raise(SIGKILL);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	s = open_well();
	assert_int_equal(count_labels(s), 1);
	store_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_new_and_again, clean),
		cmocka_unit_test_setup(test_lock, clean),
		cmocka_unit_test_setup(test_versions, clean),
		cmocka_unit_test_setup(test_not_a_store, clean),
		cmocka_unit_test_setup(test_corruption, clean),
		cmocka_unit_test_setup(test_transactions, clean),
		cmocka_unit_test_setup(test_full_disk, clean),
		cmocka_unit_test_setup(test_queries, clean),
		cmocka_unit_test_setup(test_kill, clean),
	};

	return cmocka_run_group_tests_name("store", tests, make_directory, remove_directory);
}
