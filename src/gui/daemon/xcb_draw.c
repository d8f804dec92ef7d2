/*
 * Pixels from the window memory to the screen. The X server reads them itself from the memory it
 * attached; only a server that could not attach it is sent a copy.
 */
#include <string.h>

#include "gui/daemon/damage.h"
#include "gui/daemon/xcb_private.h"

/* One row of the widest window. */
#define BAND_BYTES 65536

/* Where the child begins, in the coordinates that the core draws in. */
static struct area
child_in_window(const struct display_window *v)
{
	int inset = v->popup ? POPUP_BORDER : 0;

	return (struct area){inset, inset, v->shown.width, v->shown.height};
}

static void
put_shared(const struct display_window *v, const struct display_image *image,
	const struct area *part, int x, int y)
{
	struct display *d = v->d;

	xcb_shm_put_image(d->x, v->content, d->copy_gc, (uint16_t)(image->stride / 4),
		(uint16_t)image->height, (uint16_t)part->x, (uint16_t)part->y,
		(uint16_t)part->width, (uint16_t)part->height, (int16_t)x, (int16_t)y, 24,
		XCB_IMAGE_FORMAT_Z_PIXMAP, 0, d->segment, (uint32_t)image->offset);
}

static void
put_copied(const struct display_window *v, const struct display_image *image,
	const struct area *part, int x, int y)
{
	static uint8_t band[BAND_BYTES];
	struct display *d = v->d;
	size_t row_bytes = (size_t)part->width * 4;
	int rows_per_band = (int)(BAND_BYTES / row_bytes);

	for (int done = 0; done < part->height; done += rows_per_band) {
		int rows = part->height - done;

		if (rows > rows_per_band)
			rows = rows_per_band;
		for (int i = 0; i < rows; i++) {
			uint64_t at = image->offset +
				      (uint64_t)(part->y + done + i) * image->stride +
				      (uint64_t)part->x * 4;

			memcpy(band + (size_t)i * row_bytes, d->pool + at, row_bytes);
		}
		xcb_put_image(d->x, XCB_IMAGE_FORMAT_Z_PIXMAP, v->content, d->copy_gc,
			(uint16_t)part->width, (uint16_t)rows, (int16_t)x, (int16_t)(y + done), 0,
			24, (uint32_t)((size_t)rows * row_bytes), band);
	}
}

void
display_window_draw(
	struct display_window *v, const struct display_image *image, const struct area *part)
{
	struct area child = child_in_window(v), shown;

	if (v->docked) {
		display_tray_draw(v, image);
		return;
	}
	if (!area_intersect(&child, part, &shown))
		return;
	v->d->drawn_since_fence = true;
	if (v->d->segment != 0)
		put_shared(v, image, &shown, shown.x - child.x, shown.y - child.y);
	else if (v->d->pool != NULL)
		put_copied(v, image, &shown, shown.x - child.x, shown.y - child.y);
}

void
display_window_clear(struct display_window *v, const struct area *part)
{
	struct area child = child_in_window(v), shown;

	if (v->docked || !area_intersect(&child, part, &shown))
		return;
	xcb_clear_area(v->d->x, 0, v->content, (int16_t)(shown.x - child.x),
		(int16_t)(shown.y - child.y), (uint16_t)shown.width, (uint16_t)shown.height);
}
