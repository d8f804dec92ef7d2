/*
 * Slow work on files, done by Debian's programs (qemu-img, cp, mv, rm, sync) in child processes,
 * one after the other, without holding up the loop. Private to storage.
 */
#ifndef BULKHEAD_ADMIN_STORAGE_JOB_H
#define BULKHEAD_ADMIN_STORAGE_JOB_H

#include <stdint.h>

#include "base/err.h"

struct loop;
struct job;

/* `directory` is where the programs run, so that names stay short; copied. */
struct job *job_create(struct loop *loop, const char *directory);

/*
 * Adds a program; the arguments end with NULL and are copied. When it has ended well and
 * `crash_point_name` (a constant) is not NULL, that crash point is passed.
 */
void job_add(struct job *job, const char *crash_point_name, const char *program, ...)
	__attribute__((sentinel));

/* Its programs get the processor and the disk when nobody else wants them. */
void job_run_in_background(struct job *job);

/*
 * The program added last tells on stdout how far it is ("(12.34/100%)"), or what the one that is
 * added next reads: `change` makes one from the other, quickly. `limit` is passed on to it.
 */
typedef int (*job_change)(int from_fd, int to_fd, uint64_t limit, struct err *err);
void job_watch_last(struct job *job);
void job_feed_next(struct job *job, job_change change, uint64_t limit);

/* When the program added last has ended well, `told` sees the arguments that it had. */
typedef void (*job_told)(const char *directory, const char *const *argv);
void job_tell_of_last(struct job *job, job_told told);

/* The program added last reads this on stdin; taken over. */
void job_feed_last(struct job *job, int fd);

/* How far the program at work is, of 100; -1: it does not say. */
int job_percent(struct job *job);

/* Programs added from here on are not to be interrupted: job_cancel() lets them end. */
void job_keep_rest(struct job *job);

/*
 * Runs the programs until one fails. The answer, never from within the call, has the failed
 * program's last line on stderr in its message; ENOSPC and EDQUOT are told by code, ECANCELED
 * after job_cancel(). The job may be destroyed inside.
 */
typedef void (*job_done)(void *data, struct err *err);
void job_start(struct job *job, job_done done, void *data);

/* Ends the program at work, if it may be; the answer comes when it is gone. */
void job_cancel(struct job *job);

/* Kills what still runs, without an answer. NULL is fine. */
void job_destroy(struct job *job);

/* The same sequence at once, for recovery, where nothing else runs. 0 or -1 with the error. */
int job_run(struct job *job, struct err *err);

#endif
