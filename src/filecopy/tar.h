/*
 * Reading tar archives (ustar, with the long names of GNU and pax): headers one by one. The bytes
 * are a backup's, which somebody else may have written. Nothing here does I/O.
 */
#ifndef BULKHEAD_FILECOPY_TAR_H
#define BULKHEAD_FILECOPY_TAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/err.h"
#include "filecopy/wire.h"

#define TAR_BLOCK_BYTES 512
/* Of the records before a member: long names and pax headers. */
#define TAR_EXTENSION_MAX 65536

enum tar_kind {
	TAR_FILE,
	TAR_DIRECTORY,
	TAR_LINK,
	TAR_LONG_NAME,   /* the body is the next member's name */
	TAR_LONG_TARGET, /* the body is the next member's target */
	TAR_PAX,         /* the body is tar_take_pax()'s */
	TAR_PAX_GLOBAL,
	TAR_END,
};

/* A member, built up from its header and the records before it. Zero it for each. */
struct tar_member {
	enum tar_kind kind;
	uint64_t size; /* of the body of this record */
	uint32_t mode; /* permissions, without the type */
	struct timespec mtime, atime;
	bool has_name, has_target, has_size, has_mtime, has_atime; /* from records before it */
	uint64_t pax_size;
	char name[FILECOPY_NAME_MAX + 1]; /* not yet checked; without a slash at its end */
	char target[FILECOPY_TARGET_MAX + 1];
};

/* Reads a block into the member. 0, or -1 with the error. */
int tar_take_header(
	struct tar_member *member, const uint8_t untrusted_block[TAR_BLOCK_BYTES], struct err *err);

/* The body of a record before a member, by its kind; a NUL follows the bytes. */
int tar_take_extension(struct tar_member *member, enum tar_kind kind, char *untrusted_body,
	size_t size, struct err *err);

/* How many bytes fill the last block of a body. */
size_t tar_padding(uint64_t size);

#endif
