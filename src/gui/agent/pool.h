/*
 * Places in the window memory: which bytes of it belong to which buffer. Plain arithmetic; the
 * memory itself is never looked at.
 */
#ifndef BULKHEAD_GUI_AGENT_POOL_H
#define BULKHEAD_GUI_AGENT_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "gui/protocol/protocol.h"

struct pool_range {
	uint64_t offset, size_bytes; /* whole pages */
};

struct pool {
	uint64_t size_bytes;
	struct pool_range used[GUI_POOL_MAX_BUFFERS]; /* sorted by offset */
	size_t count;
};

void pool_init(struct pool *p, uint64_t size_bytes);

/* The first place with room, never the first page; 0 if there is none. */
uint64_t pool_allocate(struct pool *p, uint64_t size_bytes);

/* Gives back what pool_allocate() returned. */
void pool_free(struct pool *p, uint64_t offset);

#endif
