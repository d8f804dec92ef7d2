/*
 * The one SQLite file that holds everything durable about qubes. One process has it open at a
 * time; every change is a transaction; a crash at any instruction leaves the last committed one.
 *
 * WAL with synchronous=FULL: an answer that says "done" survives a power cut, and the journal
 * rows that storage writes before it touches an image are on the disk before the image is.
 */
#ifndef BULKHEAD_ADMIN_STORE_STORE_H
#define BULKHEAD_ADMIN_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Where the daemon keeps it, below root_path(). */
#define STORE_PATH "/var/lib/qubes/bulkhead.sqlite"

struct store;
struct store_query;

/*
 * Opens or creates the store, checks it and brings its schema up to date. Refuses, with the file
 * left as it is: a store open in another process, one written by a newer program, a corrupt one,
 * and a file that is something else. NULL with the error.
 */
struct store *store_open(const char *path, struct err *err);
/* Ends an open transaction by rolling it back. NULL is fine. */
void store_close(struct store *s);

/*
 * Transactions. They nest: only the outermost commit writes, and a rollback inside makes the
 * outermost commit fail and undo everything. After a failed store_commit() nothing is changed
 * and no transaction is open (of the outermost level).
 */
int store_begin(struct store *s, struct err *err);
int store_commit(struct store *s, struct err *err);
void store_rollback(struct store *s);

/*
 * A prepared statement. `sql` must be a string constant: its address is the key of the cache.
 * Never NULL; a statement that can not be prepared or bound fails at query_step(), so that
 * callers check once. Only one use of a statement at a time: end it by stepping to its end, or
 * by query_finish(), which AUTO_QUERY calls.
 */
struct store_query *store_query(struct store *s, const char *sql);

/* Parameters count from 1. Text is copied; NULL binds the SQL NULL. */
void query_bind_text(struct store_query *q, int index, const char *text);
void query_bind_int(struct store_query *q, int index, int64_t value);
void query_bind_null(struct store_query *q, int index);

/* 1 with a row, 0 at the end (the query is then finished), -1 with the error (likewise). */
int query_step(struct store_query *q, struct err *err);
/* For statements that give no rows: steps to the end. 0 or -1 with the error. */
int query_run(struct store_query *q, struct err *err);
/* NULL and a second call are fine. */
void query_finish(struct store_query *q);

static inline void
cleanup_query(struct store_query **q)
{
	query_finish(*q);
}

#define AUTO_QUERY __attribute__((cleanup(cleanup_query)))

/* Columns count from 0. Text is NULL for the SQL NULL and borrowed until the next step. */
const char *query_text(struct store_query *q, int column);
int64_t query_int(struct store_query *q, int column);
bool query_is_null(struct store_query *q, int column);

/* The number of rows changed by the last finished statement, and the last row id given out. */
int64_t store_changes(const struct store *s);
int64_t store_last_id(const struct store *s);

#endif
