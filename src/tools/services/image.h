/*
 * A qube's picture as qubes.GetImageRGBA gives it (spec guest.md 1B.8): "WIDTH HEIGHT\n", then
 * four bytes a pixel. And what becomes of it: a PNG of dom0's own making.
 */
#ifndef BULKHEAD_TOOLS_SERVICES_IMAGE_H
#define BULKHEAD_TOOLS_SERVICES_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define IMAGE_HEADER_MAX 32
#define IMAGE_WIDTH_MAX 8192
#define IMAGE_HEIGHT_MAX 5120
/* Of an icon for a menu. */
#define ICON_SIDE_MAX 2048
#define ICON_BYTES_MAX (IMAGE_HEADER_MAX + (size_t)ICON_SIDE_MAX * ICON_SIDE_MAX * 4)

struct image {
	uint32_t width, height;
	const uint8_t *pixels; /* red, green, blue, opacity; within what was parsed */
};

/* The whole answer and nothing more. 0 or -EBADMSG. */
int image_parse(const uint8_t *untrusted_bytes, size_t size, uint32_t width_max,
	uint32_t height_max, struct image *ret_image);

/* Makes it a picture in shades of a colour, 0xRRGGBB, in place. */
void image_tint(uint8_t *pixels, size_t pixel_count, uint32_t colour);

/* Replaces a file. 0 or -1 with the error. */
int image_write_png(const struct image *image, const char *path, struct err *err);

/* A square of the colour with a darker edge: the sign of a label. */
int image_write_label(uint32_t colour, const char *path, struct err *err);

#endif
