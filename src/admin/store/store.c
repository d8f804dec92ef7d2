/*
 * The SQLite file: opening with all its refusals, transactions, statements. Runs in bulkheadd;
 * trusts nothing it finds in the file before it has been checked.
 */
#include "admin/store/store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "admin/store/schema.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/list.h"
#include "base/text.h"

struct store_query {
	struct list link; /* store.queries */
	struct store *store;
	const char *sql; /* the key: a constant's address */
	sqlite3_stmt *statement;
	int failure; /* first SQLite error of preparing or binding, or SQLITE_OK */
	bool busy;
};

struct store {
	sqlite3 *db;
	char *path;
	int lock_fd;
	struct list queries; /* store_query.link */
	unsigned int depth;  /* open store_begin() calls */
	bool rolled_back;    /* one of the inner levels has given up */
};

static int
fail_corrupt(struct store *s, const char *why, struct err *err)
{
	return err_set(err, EBADMSG,
		"store '%s' is corrupt (%s): keep the file aside and restore a copy", s->path, why);
}

static int
fail_sqlite(struct store *s, struct err *err, const char *what)
{
	int status = sqlite3_errcode(s->db) & 0xff;
	int code = EIO;

	if (status == SQLITE_CORRUPT || status == SQLITE_NOTADB)
		return fail_corrupt(s, sqlite3_errmsg(s->db), err);
	if (status == SQLITE_FULL)
		code = ENOSPC;
	else if (status == SQLITE_NOMEM)
		code = ENOMEM;
	else if (status == SQLITE_CONSTRAINT)
		code = EEXIST;
	return err_set(
		err, code, "store '%s': cannot %s: %s", s->path, what, sqlite3_errmsg(s->db));
}

static int
execute(struct store *s, const char *sql, const char *what, struct err *err)
{
	if (sqlite3_exec(s->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return fail_sqlite(s, err, what);
	return 0;
}

/* One number from a PRAGMA; 0 or -1. */
static int
read_pragma(struct store *s, const char *sql, int64_t *ret_value)
{
	sqlite3_stmt *statement = NULL;
	int result = -1;

	if (sqlite3_prepare_v2(s->db, sql, -1, &statement, NULL) == SQLITE_OK &&
		sqlite3_step(statement) == SQLITE_ROW) {
		*ret_value = sqlite3_column_int64(statement, 0);
		result = 0;
	}
	sqlite3_finalize(statement);
	return result;
}

/*
 * A lock file of its own, because SQLite's locks say neither who holds them nor keep a second
 * daemon from reading. The lock goes with the process, however it ends.
 */
static int
take_lock(struct store *s, struct err *err)
{
	AUTO_FREE char *path = text_format("%s.lock", s->path);
	char holder[32] = {0};

	s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->lock_fd < 0)
		return err_set_errno(err, errno, "lock file '%s': cannot open", path);

	if (flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return err_set_errno(err, errno, "lock file '%s': cannot lock", path);
		if (pread(s->lock_fd, holder, sizeof(holder) - 1, 0) < 0)
			holder[0] = '\0';
		holder[strspn(holder, "0123456789")] = '\0';
		return err_set(err, EBUSY, "store '%s' is in use by another daemon (process %s)",
			s->path, holder[0] != '\0' ? holder : "unknown");
	}

	AUTO_FREE char *pid = text_format("%d\n", (int)getpid());
	if (ftruncate(s->lock_fd, 0) < 0 ||
		pwrite(s->lock_fd, pid, strlen(pid), 0) != (ssize_t)strlen(pid))
		return err_set_errno(err, errno, "lock file '%s': cannot write", path);
	return 0;
}

/* SQLite takes a very short file for an empty one, and would write over it. */
static bool
has_header(int fd)
{
	static const char magic[] = "SQLite format 3";
	char header[sizeof(magic)];

	return pread(fd, header, sizeof(header), 0) == (ssize_t)sizeof(header) &&
	       memcmp(header, magic, sizeof(magic)) == 0;
}

/* SQLite gives its side files the mode of the main file, so that one is made first. */
static int
open_file(struct store *s, bool *ret_is_new, struct err *err)
{
	struct stat st;
	AUTO_FD int fd = open(s->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set_errno(err, errno, "store '%s': cannot open", s->path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, EINVAL, "store '%s' is not a regular file", s->path);
	*ret_is_new = st.st_size == 0;
	if (!*ret_is_new && !has_header(fd))
		return fail_corrupt(s, "it is not a database", err);

	if (sqlite3_open_v2(s->path, &s->db,
		    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW,
		    NULL) != SQLITE_OK)
		return fail_sqlite(s, err, "open");
	return 0;
}

/* Until the file has proved sound nothing may be written to it, not even at closing. */
static void
keep_file_as_it_is(struct store *s, bool keep)
{
	(void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep ? 1 : 0, NULL);
}

static int
check_integrity(struct store *s, struct err *err)
{
	sqlite3_stmt *statement = NULL;
	int result = 0;

	if (sqlite3_prepare_v2(s->db, "PRAGMA quick_check(1)", -1, &statement, NULL) != SQLITE_OK ||
		sqlite3_step(statement) != SQLITE_ROW) {
		result = fail_corrupt(s, sqlite3_errmsg(s->db), err);
	} else {
		const char *verdict = (const char *)sqlite3_column_text(statement, 0);
		if (verdict == NULL || strcmp(verdict, "ok") != 0)
			result = fail_corrupt(s, verdict != NULL ? verdict : "no verdict", err);
	}
	sqlite3_finalize(statement);
	return result;
}

static int
check_existing(struct store *s, int64_t *ret_version, struct err *err)
{
	int64_t application_id, version;

	if (read_pragma(s, "PRAGMA application_id", &application_id) < 0 ||
		read_pragma(s, "PRAGMA user_version", &version) < 0)
		return fail_corrupt(s, sqlite3_errmsg(s->db), err);
	/* A crash before the first step leaves an empty database: not ours yet, nobody else's. */
	if (application_id == 0 && version == 0) {
		int64_t tables;
		if (read_pragma(s, "SELECT count(*) FROM sqlite_schema", &tables) < 0)
			return fail_corrupt(s, sqlite3_errmsg(s->db), err);
		if (tables == 0) {
			*ret_version = 0;
			return 0;
		}
	}
	if (application_id != STORE_APPLICATION_ID)
		return err_set(err, EINVAL,
			"store '%s' is a database of another program; it was left as it is",
			s->path);
	if (version < 0 || (uint64_t)version > store_schema_version)
		return err_set(err, ENOTSUP,
			"store '%s' has schema %lld, this program knows up to %zu: "
			"it was written by a newer version; use that one",
			s->path, (long long)version, store_schema_version);
	*ret_version = version;
	return check_integrity(s, err);
}

static int
migrate(struct store *s, int64_t version, struct err *err)
{
	for (size_t i = (size_t)version; i < store_schema_version; i++) {
		AUTO_FREE char *mark =
			text_format("PRAGMA application_id = %d; PRAGMA user_version = %zu;",
				STORE_APPLICATION_ID, i + 1);

		if (execute(s, "BEGIN IMMEDIATE", "begin a migration", err) < 0)
			return -1;
		if (execute(s, store_schema_steps[i], "migrate", err) < 0 ||
			execute(s, mark, "migrate", err) < 0 ||
			execute(s, "COMMIT", "migrate", err) < 0) {
			(void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
			return err_wrap(err, "schema step %zu", i + 1);
		}
	}
	return 0;
}

/*
 * A small cache and no memory map: the store is small and read once at the start. Exclusive
 * mode needs no shared memory file and keeps other programs from writing behind our back.
 */
static int
configure(struct store *s, struct err *err)
{
	if (execute(s,
		    "PRAGMA locking_mode = EXCLUSIVE;"
		    "PRAGMA cache_size = -512;"
		    "PRAGMA mmap_size = 0;"
		    "PRAGMA temp_store = MEMORY;"
		    "PRAGMA foreign_keys = ON;"
		    "PRAGMA trusted_schema = OFF;",
		    "configure", err) < 0)
		return -1;
	(void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	return 0;
}

static int
open_store(struct store *s, struct err *err)
{
	bool is_new = false;
	int64_t version = 0;

	if (take_lock(s, err) < 0 || open_file(s, &is_new, err) < 0)
		return -1;
	keep_file_as_it_is(s, true);
	if (configure(s, err) < 0 || (!is_new && check_existing(s, &version, err) < 0))
		return -1;
	if (execute(s, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;", "use a journal",
		    err) < 0 ||
		migrate(s, version, err) < 0)
		return -1;
	keep_file_as_it_is(s, false);
	return 0;
}

struct store *
store_open(const char *path, struct err *err)
{
	struct store *s = xcalloc(1, sizeof(*s));

	s->path = text_copy(path);
	s->lock_fd = -1;
	list_init(&s->queries);
	if (open_store(s, err) < 0) {
		store_close(s);
		return NULL;
	}
	return s;
}

void
store_close(struct store *s)
{
	struct store_query *q, *next;

	if (s == NULL)
		return;
	list_for_each_safe (q, next, &s->queries, link) {
		sqlite3_finalize(q->statement);
		free(q);
	}
	if (s->depth > 0)
		(void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	(void)sqlite3_close(s->db);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	free(s->path);
	free(s);
}

int
store_begin(struct store *s, struct err *err)
{
	if (s->depth == 0) {
		if (execute(s, "BEGIN IMMEDIATE", "begin", err) < 0)
			return -1;
		s->rolled_back = false;
	}
	s->depth++;
	return 0;
}

int
store_commit(struct store *s, struct err *err)
{
	assert(s->depth > 0);
	if (--s->depth > 0)
		return 0;
	if (s->rolled_back) {
		(void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
		return err_set(err, ECANCELED, "store '%s': a part of the change failed", s->path);
	}
	if (execute(s, "COMMIT", "commit", err) < 0) {
		(void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
		return -1;
	}
	return 0;
}

void
store_rollback(struct store *s)
{
	assert(s->depth > 0);
	s->rolled_back = true;
	if (--s->depth == 0)
		(void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

static struct store_query *
find_query(struct store *s, const char *sql)
{
	struct store_query *q;

	list_for_each (q, &s->queries, link) {
		if (q->sql == sql)
			return q;
	}
	return NULL;
}

struct store_query *
store_query(struct store *s, const char *sql)
{
	struct store_query *q = find_query(s, sql);

	if (q == NULL) {
		q = xcalloc(1, sizeof(*q));
		q->store = s;
		q->sql = sql;
		list_append(&s->queries, &q->link);
	}
	assert(!q->busy);
	q->busy = true;
	q->failure = SQLITE_OK;
	if (q->statement == NULL)
		q->failure = sqlite3_prepare_v3(
			s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &q->statement, NULL);
	return q;
}

static void
note_binding(struct store_query *q, int status)
{
	if (q->failure == SQLITE_OK)
		q->failure = status;
}

void
query_bind_text(struct store_query *q, int index, const char *text)
{
	if (text == NULL)
		query_bind_null(q, index);
	else if (q->statement != NULL)
		note_binding(q, sqlite3_bind_text(q->statement, index, text, -1, SQLITE_TRANSIENT));
}

void
query_bind_int(struct store_query *q, int index, int64_t value)
{
	if (q->statement != NULL)
		note_binding(q, sqlite3_bind_int64(q->statement, index, value));
}

void
query_bind_null(struct store_query *q, int index)
{
	if (q->statement != NULL)
		note_binding(q, sqlite3_bind_null(q->statement, index));
}

/*
 * After some failures (a full disk, no memory) SQLite has ended the transaction by itself. What
 * follows would be stored by itself, the rest of a change without its beginning.
 */
static bool
is_undone(const struct store *s)
{
	return s->depth > 0 && sqlite3_get_autocommit(s->db) != 0;
}

int
query_step(struct store_query *q, struct err *err)
{
	int status = q->failure;

	assert(q->busy);
	if (is_undone(q->store)) {
		query_finish(q);
		return err_set(
			err, ECANCELED, "store '%s': a part of the change failed", q->store->path);
	}
	if (status == SQLITE_OK)
		status = sqlite3_step(q->statement);
	if (status == SQLITE_ROW)
		return 1;
	if (status != SQLITE_DONE)
		(void)fail_sqlite(q->store, err, "change or read");
	query_finish(q);
	return status == SQLITE_DONE ? 0 : -1;
}

int
query_run(struct store_query *q, struct err *err)
{
	int result;

	while ((result = query_step(q, err)) > 0)
		;
	return result;
}

void
query_finish(struct store_query *q)
{
	if (q == NULL || !q->busy)
		return;
	if (q->statement != NULL) {
		(void)sqlite3_reset(q->statement);
		(void)sqlite3_clear_bindings(q->statement);
	}
	q->busy = false;
}

const char *
query_text(struct store_query *q, int column)
{
	return (const char *)sqlite3_column_text(q->statement, column);
}

int64_t
query_int(struct store_query *q, int column)
{
	return sqlite3_column_int64(q->statement, column);
}

bool
query_is_null(struct store_query *q, int column)
{
	return sqlite3_column_type(q->statement, column) == SQLITE_NULL;
}

int64_t
store_changes(const struct store *s)
{
	return sqlite3_changes64(s->db);
}

int64_t
store_last_id(const struct store *s)
{
	return sqlite3_last_insert_rowid(s->db);
}
