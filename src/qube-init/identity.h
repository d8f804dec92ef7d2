/*
 * What a clone of a booted qube is told before anything else runs in it
 * (docs/protocols/identity.md): who it is, what time it is, and fresh randomness. Comes from the
 * host, and is trusted; checked all the same, because it ends up in files.
 */
#ifndef BULKHEAD_QUBE_INIT_IDENTITY_H
#define BULKHEAD_QUBE_INIT_IDENTITY_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/text.h"

#define IDENTITY_PORT "org.bulkhead.identity"
#define IDENTITY_TEXT_MAX 8192
#define IDENTITY_ENTROPY_BYTES 64
#define IDENTITY_COMMAND_LINE_MAX 4095

struct identity {
	char command_line[IDENTITY_COMMAND_LINE_MAX + 1];
	uint8_t entropy[IDENTITY_ENTROPY_BYTES];
	uint64_t time_ns; /* since the epoch */
	char boot_id[UUID_LENGTH + 1];
};

/* The text after the length. 0 or -1 with the error: each key once, none unknown. */
int identity_parse(const char *text, size_t size, struct identity *ret_identity, struct err *err);

#endif
