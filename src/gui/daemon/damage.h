/* What of a window has to be drawn: a few rectangles, and beyond that the box around them all. */
#ifndef BULKHEAD_GUI_DAMAGE_H
#define BULKHEAD_GUI_DAMAGE_H

#include <stdbool.h>

#include "gui/daemon/display.h"

#define DAMAGE_MAX 32

struct damage {
	unsigned int count;
	struct area areas[DAMAGE_MAX];
};

/* Areas are never empty and have coordinates from 0 to GUI_MAX_WIDTH. */
void damage_add(struct damage *d, const struct area *a);
void damage_clear(struct damage *d);

/* The common part; false when there is none. All numbers are at most 2^30 in size. */
bool area_intersect(const struct area *a, const struct area *b, struct area *ret);
bool area_equal(const struct area *a, const struct area *b);

#endif
