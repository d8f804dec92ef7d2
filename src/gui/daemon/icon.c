/* The icon of a qube's windows: the PNG it was given, or a plain square of the label's colour. */
#include <png.h>
#include <stdlib.h>

#include "base/log.h"
#include "gui/daemon/xcb_private.h"

#define ICON_MAX 128
#define PLAIN_SIZE 32
#define PLAIN_EDGE 3

static uint32_t *
plain_icon(uint32_t colour, uint32_t *ret_words)
{
	uint32_t *icon = xcalloc(2 + PLAIN_SIZE * PLAIN_SIZE, sizeof(*icon));

	icon[0] = icon[1] = PLAIN_SIZE;
	for (uint32_t y = PLAIN_EDGE; y < PLAIN_SIZE - PLAIN_EDGE; y++) {
		for (uint32_t x = PLAIN_EDGE; x < PLAIN_SIZE - PLAIN_EDGE; x++)
			icon[2 + y * PLAIN_SIZE + x] = 0xff000000 | colour;
	}
	*ret_words = 2 + PLAIN_SIZE * PLAIN_SIZE;
	return icon;
}

static uint32_t *
read_png(const char *path, uint32_t *ret_words)
{
	png_image image = {.version = PNG_IMAGE_VERSION};
	uint32_t *icon;

	if (!png_image_begin_read_from_file(&image, path))
		return NULL;
	if (image.width == 0 || image.height == 0 || image.width > ICON_MAX ||
		image.height > ICON_MAX) {
		png_image_free(&image);
		return NULL;
	}
	image.format = PNG_FORMAT_BGRA; /* 0xAARRGGBB in memory */
	icon = xcalloc(2 + (size_t)image.width * image.height, sizeof(*icon));
	icon[0] = image.width;
	icon[1] = image.height;
	*ret_words = 2 + image.width * image.height;
	if (!png_image_finish_read(&image, NULL, icon + 2, 0, NULL)) {
		free(icon);
		return NULL;
	}
	return icon;
}

uint32_t *
icon_load(const struct gui_config *config, uint32_t *ret_words)
{
	uint32_t *icon = NULL;

	if (config->icon_path != NULL) {
		icon = read_png(config->icon_path, ret_words);
		if (icon == NULL)
			log_warning("icon '%s' is not a PNG of at most %d by %d", config->icon_path,
				ICON_MAX, ICON_MAX);
	}
	return icon != NULL ? icon : plain_icon(config->colour, ret_words);
}
