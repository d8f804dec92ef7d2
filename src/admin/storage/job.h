/*
 * Slow work on files, done by Debian's programs (qemu-img, cp, mv, rm, sync) in child processes,
 * one after the other, without holding up the loop. Private to storage.
 */
#ifndef BULKHEAD_ADMIN_STORAGE_JOB_H
#define BULKHEAD_ADMIN_STORAGE_JOB_H

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
