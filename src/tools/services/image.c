/* Pictures of qubes (image.h). libpng writes here, and never reads. */
#include "tools/services/image.h"

#include <errno.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"

#define LABEL_SIDE 48
#define LABEL_EDGE 4
#define LABEL_MARGIN 4

/* Digits without leading zeros, 1 to max. Where they end, or NULL. */
static const char *
parse_side(const char *text, uint32_t max, uint32_t *ret_side)
{
	uint32_t value = 0;

	if (*text < '1' || *text > '9')
		return NULL;
	for (; *text >= '0' && *text <= '9'; text++) {
		value = value * 10 + (uint32_t)(*text - '0');
		if (value > max)
			return NULL;
	}
	*ret_side = value;
	return text;
}

int
image_parse(const uint8_t *untrusted_bytes, size_t size, uint32_t width_max, uint32_t height_max,
	struct image *ret_image)
{
	char header[IMAGE_HEADER_MAX + 1] = "";
	struct image image = {0};
	size_t length = size < IMAGE_HEADER_MAX ? size : IMAGE_HEADER_MAX;
	const char *at;

	memcpy(header, untrusted_bytes, length);
	at = parse_side(header, width_max, &image.width);
	if (at == NULL || *at++ != ' ')
		return -EBADMSG;
	at = parse_side(at, height_max, &image.height);
	if (at == NULL || *at++ != '\n')
		return -EBADMSG;
	if (size - (size_t)(at - header) != (size_t)image.width * image.height * 4)
		return -EBADMSG;
	image.pixels = untrusted_bytes + (at - header);
	*ret_image = image;
	return 0;
}

/* Black stays black, white stays white, what is between has the colour. */
void
image_tint(uint8_t *pixels, size_t pixel_count, uint32_t colour)
{
	for (size_t i = 0; i < pixel_count; i++, pixels += 4) {
		unsigned int light =
			(pixels[0] * 299u + pixels[1] * 587u + pixels[2] * 114u) / 1000;

		for (unsigned int c = 0; c < 3; c++) {
			unsigned int part = (colour >> (16 - 8 * c)) & 0xff;

			pixels[c] =
				(uint8_t)(light < 128 ? part * light / 128
						      : part + (255 - part) * (light - 128) / 127);
		}
	}
}

int
image_write_png(const struct image *image, const char *path, struct err *err)
{
	png_image png = {.version = PNG_IMAGE_VERSION,
		.width = image->width,
		.height = image->height,
		.format = PNG_FORMAT_RGBA};
	AUTO_FREE void *bytes = NULL;
	png_alloc_size_t size = 0;

	if (!png_image_write_to_memory(&png, NULL, &size, 0, image->pixels, 0, NULL))
		return err_set(err, EIO, "icon '%s': %s", path, png.message);
	bytes = malloc(size);
	if (bytes == NULL)
		return err_set(err, ENOMEM, "icon '%s': no memory", path);
	if (!png_image_write_to_memory(&png, bytes, &size, 0, image->pixels, 0, NULL))
		return err_set(err, EIO, "icon '%s': %s", path, png.message);
	return write_file(path, bytes, size, 0644, err);
}

static bool
within(uint32_t x, uint32_t y, uint32_t margin)
{
	return x >= margin && y >= margin && x < LABEL_SIDE - margin && y < LABEL_SIDE - margin;
}

int
image_write_label(uint32_t colour, const char *path, struct err *err)
{
	AUTO_FREE uint8_t *pixels = xcalloc((size_t)LABEL_SIDE * LABEL_SIDE, 4);
	const struct image image = {.width = LABEL_SIDE, .height = LABEL_SIDE, .pixels = pixels};

	for (uint32_t y = 0; y < LABEL_SIDE; y++) {
		for (uint32_t x = 0; x < LABEL_SIDE; x++) {
			uint8_t *pixel = pixels + ((size_t)y * LABEL_SIDE + x) * 4;
			const bool inside = within(x, y, LABEL_MARGIN + LABEL_EDGE);

			if (!within(x, y, LABEL_MARGIN))
				continue;
			for (unsigned int c = 0; c < 3; c++) {
				uint8_t part = (uint8_t)(colour >> (16 - 8 * c));

				pixel[c] = inside ? part : part / 2;
			}
			pixel[3] = 255;
		}
	}
	return image_write_png(&image, path, err);
}
