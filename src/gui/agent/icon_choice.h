/* Which of a window's icons goes to the host, and its bytes there (spec gui.md 6.8). Pure. */
#ifndef BULKHEAD_GUI_AGENT_ICON_CHOICE_H
#define BULKHEAD_GUI_AGENT_ICON_CHOICE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define ICON_EDGE_MAX 1024

struct icon_picture {
	uint32_t width, height;
	const uint32_t *pixels; /* 0xAARRGGBB; within the words that were given */
};

/*
 * The best of the pictures in _NET_WM_ICON: width, height, pixels, again and again. A square of a
 * usual size, else the largest that is not too large. 0, or -ENOENT.
 */
int icon_choose(const uint32_t *words, size_t count, struct icon_picture *ret_picture);

/* The record: the window's number, the size, pixels R, G, B, A. 0 or -ENOBUFS. */
int icon_put_record(struct buf *b, uint32_t window, const struct icon_picture *picture);

#endif
