/* Places in the window memory; see pool.h. */
#include "gui/agent/pool.h"

#include <assert.h>
#include <string.h>

void
pool_init(struct pool *p, uint64_t size_bytes)
{
	*p = (struct pool){.size_bytes = size_bytes};
}

static void
insert(struct pool *p, size_t index, uint64_t offset, uint64_t size_bytes)
{
	memmove(&p->used[index + 1], &p->used[index], (p->count - index) * sizeof(p->used[0]));
	p->used[index] = (struct pool_range){offset, size_bytes};
	p->count++;
}

uint64_t
pool_allocate(struct pool *p, uint64_t size_bytes)
{
	uint64_t start = GUI_PAGE_BYTES;

	if (size_bytes == 0 || size_bytes > p->size_bytes || p->count == GUI_POOL_MAX_BUFFERS)
		return 0;
	size_bytes = (size_bytes + GUI_PAGE_BYTES - 1) / GUI_PAGE_BYTES * GUI_PAGE_BYTES;
	for (size_t i = 0; i <= p->count; i++) {
		uint64_t end = i < p->count ? p->used[i].offset : p->size_bytes;

		if (end >= start && end - start >= size_bytes) {
			insert(p, i, start, size_bytes);
			return start;
		}
		if (i < p->count)
			start = p->used[i].offset + p->used[i].size_bytes;
	}
	return 0;
}

void
pool_free(struct pool *p, uint64_t offset)
{
	for (size_t i = 0; i < p->count; i++) {
		if (p->used[i].offset != offset)
			continue;
		p->count--;
		memmove(&p->used[i], &p->used[i + 1], (p->count - i) * sizeof(p->used[0]));
		return;
	}
	assert(!"a place that is in use");
}
