/* Icons of a qube: in any pieces the same, never larger than what is shown. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "gui/daemon/icon_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A sum over all icons, and the end: the same whatever the pieces were. */
static uint64_t
run(const uint8_t *data, size_t size, size_t step)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct icon_stream *s = icon_stream_create();
	uint64_t sum = 0;
	const struct icon *icon;
	AUTO_BUF struct buf in;
	int result = 0;

	buf_init(&in, 65536);
	for (size_t at = 0; at < size && result >= 0; at += step) {
		buf_put(&in, data + at, size - at < step ? size - at : step);
		while ((result = icon_stream_take(s, &in, &icon, &err)) > 0) {
			if (icon->width < 1 || icon->width > ICON_SHOWN_MAX || icon->height < 1 ||
				icon->height > ICON_SHOWN_MAX)
				abort();
			for (uint32_t i = 0; i < icon->width * icon->height; i++)
				sum = sum * 31 + icon->pixels[i] + icon->window;
		}
	}
	icon_stream_destroy(s);
	return sum * 2 + (result < 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	if (run(data + 1, size - 1, 1U + data[0]) != run(data + 1, size - 1, 65536))
		abort();
	return 0;
}
