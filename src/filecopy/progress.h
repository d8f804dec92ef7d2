/*
 * How far a transfer is, for a person on a terminal or for a program with a window: the way that
 * the environment variables FILECOPY_TOTAL_BYTES and PROGRESS_TYPE ask for.
 */
#ifndef BULKHEAD_FILECOPY_PROGRESS_H
#define BULKHEAD_FILECOPY_PROGRESS_H

#include <stddef.h>
#include <stdint.h>

enum progress_kind {
	PROGRESS_NONE,
	PROGRESS_CONSOLE, /* a line on stderr, rewritten */
	PROGRESS_GUI,     /* bytes, one number a line, to the descriptor SAVED_FD_1 */
};

struct progress {
	enum progress_kind kind;
	int fd;
	uint64_t total_bytes; /* 0: not known; may be wrong, files change */
	uint64_t started_ms, shown_ms;
};

/* From the environment. */
void progress_init(struct progress *p);

/* Tells how far it is now, not more often than a person can read. */
void progress_show(struct progress *p, uint64_t bytes, uint64_t files);
/* The last time, always. */
void progress_finish(struct progress *p, uint64_t bytes, uint64_t files);

/* The line for a terminal; for the tests. */
void progress_line(char *ret_line, size_t size, uint64_t bytes, uint64_t total, uint64_t files,
	uint64_t elapsed_ms);

#endif
