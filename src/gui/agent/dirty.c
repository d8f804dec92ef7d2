/* What of a window has changed; see dirty.h. */
#include "gui/agent/dirty.h"

static int64_t
clamp(int64_t value, int64_t max)
{
	if (value < 0)
		return 0;
	return value > max ? max : value;
}

static bool
contains(const struct gui_rectangle *outer, const struct gui_rectangle *inner)
{
	return inner->x >= outer->x && inner->y >= outer->y &&
	       (int64_t)inner->x + inner->width <= (int64_t)outer->x + outer->width &&
	       (int64_t)inner->y + inner->height <= (int64_t)outer->y + outer->height;
}

static struct gui_rectangle
around(const struct gui_rectangle *a, const struct gui_rectangle *b)
{
	int64_t left = a->x < b->x ? a->x : b->x, top = a->y < b->y ? a->y : b->y;
	int64_t right_a = (int64_t)a->x + a->width, right_b = (int64_t)b->x + b->width;
	int64_t bottom_a = (int64_t)a->y + a->height, bottom_b = (int64_t)b->y + b->height;

	return (struct gui_rectangle){
		.x = (int32_t)left,
		.y = (int32_t)top,
		.width = (uint32_t)((right_a > right_b ? right_a : right_b) - left),
		.height = (uint32_t)((bottom_a > bottom_b ? bottom_a : bottom_b) - top),
	};
}

static void
add_clipped(struct dirty *d, const struct gui_rectangle *r)
{
	for (uint32_t i = 0; i < d->count; i++) {
		if (contains(&d->rectangles[i], r))
			return;
	}
	if (d->count < GUI_POOL_MAX_RECTANGLES) {
		d->rectangles[d->count++] = *r;
		return;
	}
	for (uint32_t i = 1; i < d->count; i++)
		d->rectangles[0] = around(&d->rectangles[0], &d->rectangles[i]);
	d->rectangles[0] = around(&d->rectangles[0], r);
	d->count = 1;
}

void
dirty_add(struct dirty *d, struct gui_rectangle r, uint32_t width, uint32_t height)
{
	int64_t left = clamp(r.x, width), right = clamp((int64_t)r.x + r.width, width);
	int64_t top = clamp(r.y, height), bottom = clamp((int64_t)r.y + r.height, height);
	struct gui_rectangle clipped = {
		.x = (int32_t)left,
		.y = (int32_t)top,
		.width = (uint32_t)(right - left),
		.height = (uint32_t)(bottom - top),
	};

	if (clipped.width > 0 && clipped.height > 0)
		add_clipped(d, &clipped);
}

void
dirty_add_all(struct dirty *d, const struct dirty *other, uint32_t width, uint32_t height)
{
	for (uint32_t i = 0; i < other->count; i++)
		dirty_add(d, other->rectangles[i], width, height);
}
