/*
 * What is on a disk, from its first bytes, as far as the boot must know: whether it was never
 * used, holds an ext file system that needs no check, and whether that can grow. Reads only.
 */
#ifndef BULKHEAD_QUBE_INIT_EXT4_H
#define BULKHEAD_QUBE_INIT_EXT4_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* A disk is never used while this many bytes at its start are zero (spec guest.md 4.5). */
#define EXT4_EMPTY_BYTES (INT64_C(10) * 1024 * 1024)

/* What a file system may be smaller than its disk before growing it is worth while. */
#define EXT4_GROW_SLACK_BYTES (UINT64_C(5) * 1024 * 1024)

enum disk_content {
	DISK_CONTENT_EMPTY,
	DISK_CONTENT_CLEAN, /* an ext file system, unmounted and without errors */
	DISK_CONTENT_DIRTY, /* one that a check should look at */
	DISK_CONTENT_OTHER,
};

struct disk_facts {
	enum disk_content content;
	uint64_t disk_bytes;
	uint64_t filesystem_bytes; /* 0 without one */
};

/* Of a device or an image file. 0, or -1 with the error. */
int disk_examine(const char *path, struct disk_facts *ret_facts, struct err *err);

/* Whether the file system leaves more than the slack of its disk unused. */
bool disk_can_grow(const struct disk_facts *facts);

#endif
