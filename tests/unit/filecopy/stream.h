/* Builds streams of qubes.Filecopy, right and wrong ones, for the tests. */
#ifndef BULKHEAD_TESTS_FILECOPY_STREAM_H
#define BULKHEAD_TESTS_FILECOPY_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "filecopy/wire.h"

#define STREAM_MAX (64 * 1024 * 1024)

/* One entry: 'f' file, 'd' directory, 'l' link, 'h' header alone, 'E' end, 'r' raw bytes. */
struct entry {
	char kind;
	const char *name; /* for 'r' the bytes */
	const char *data; /* content or target */
	uint32_t mode;    /* 0: 0644 or 0755 and the kind's type; a type in it counts */
	size_t name_size; /* on the wire; 0: with its NUL */
	uint64_t size;    /* what the header says; 0: as long as the data */
	uint32_t mtime, mtime_nsec;
};

void stream_put(struct buf *stream, const struct entry *entry);

/* A file in memory with these bytes, to be read from its start. */
int stream_open(const void *bytes, size_t size);

#endif
