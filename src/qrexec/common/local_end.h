/*
 * A local descriptor of a call: pipe, socket, file or terminal, ours or one that other processes
 * share. Shared ones must keep their mode, and yet nothing here may block.
 */
#ifndef BULKHEAD_QREXEC_LOCAL_END_H
#define BULKHEAD_QREXEC_LOCAL_END_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum local_end_kind {
	LOCAL_END_SOCKET,
	LOCAL_END_NONBLOCKING, /* a pipe or device in non-blocking mode */
	LOCAL_END_FILE,        /* never blocks for long */
	LOCAL_END_BLOCKING,    /* a shared pipe or device: poll() before each call */
};

struct local_end {
	int fd; /* -1: none, or ended */
	enum local_end_kind kind;
	bool is_pipe;
	bool ready; /* poll() has said so and nothing was done since */
	bool grown;
};

void local_end_init(struct local_end *end, int fd);

/* Reads or writes once without waiting; count or negative errno. A reset is an end: 0 when
 * reading, -EPIPE when writing. */
ssize_t local_end_read(struct local_end *end, void *data, size_t size);
ssize_t local_end_write(struct local_end *end, const void *data, size_t size);

/* Much data passes here: makes the pipe large, once, if it is one. */
void local_end_grow(struct local_end *end);

#endif
