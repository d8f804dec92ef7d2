/*
 * What of a window has changed: a few rectangles, or one around all of them when they are too
 * many.
 */
#ifndef BULKHEAD_GUI_AGENT_DIRTY_H
#define BULKHEAD_GUI_AGENT_DIRTY_H

#include <stdbool.h>
#include <stdint.h>

#include "gui/protocol/protocol.h"

struct dirty {
	struct gui_rectangle rectangles[GUI_POOL_MAX_RECTANGLES];
	uint32_t count; /* 0: nothing */
};

/* Clips to width and height, so that what is held always lies within. */
void dirty_add(struct dirty *d, struct gui_rectangle r, uint32_t width, uint32_t height);
void dirty_add_all(struct dirty *d, const struct dirty *other, uint32_t width, uint32_t height);

static inline void
dirty_clear(struct dirty *d)
{
	d->count = 0;
}

#endif
