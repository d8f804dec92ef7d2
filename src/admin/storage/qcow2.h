/*
 * What a qcow2 header says. A machine's process could have written anything into its images, so
 * before qemu-img or another machine opens one its header must agree with the store: no file
 * that we did not name is ever opened because an image asks for it.
 */
#ifndef BULKHEAD_ADMIN_STORAGE_QCOW2_H
#define BULKHEAD_ADMIN_STORAGE_QCOW2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define QCOW2_NAME_MAX 1023

struct qcow2_header {
	uint64_t size_bytes;
	char backing[QCOW2_NAME_MAX + 1]; /* "" if none */
	bool is_encrypted;                /* by LUKS; nothing can be read without its key */
};

/*
 * Checks the beginning of a file (as many bytes of it as there are, `file_bytes` in all).
 * Refused with EBADMSG: what is no qcow2 version 2 or 3, what is marked corrupt, encrypted in
 * an old way, needs a feature we do not know (an external data file among them), or points outside
 * itself.
 */
#define QCOW2_HEADER_BYTES 4096
int qcow2_parse_header(const uint8_t *untrusted_bytes, size_t count, uint64_t file_bytes,
	struct qcow2_header *ret, struct err *err);

/* Reads and checks the header of an open file. */
int qcow2_read_header(int fd, struct qcow2_header *ret, struct err *err);

#endif
