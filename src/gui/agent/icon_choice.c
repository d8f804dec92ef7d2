/* The choice among icons; see icon_choice.h. */
#include "gui/agent/icon_choice.h"

#include <errno.h>

/* The sizes of squares, from the best on. */
static const uint32_t usual[] = {128, 96, 64, 48, 256, 512, 32};

#define USUAL_COUNT (sizeof(usual) / sizeof(usual[0]))

/* The lower, the better. */
static uint64_t
rank_of(const struct icon_picture *p)
{
	for (size_t i = 0; i < USUAL_COUNT; i++) {
		if (p->width == usual[i] && p->height == usual[i])
			return i;
	}
	return USUAL_COUNT + (uint64_t)ICON_EDGE_MAX * ICON_EDGE_MAX -
	       (uint64_t)p->width * p->height;
}

int
icon_choose(const uint32_t *words, size_t count, struct icon_picture *ret_picture)
{
	uint64_t best = UINT64_MAX;
	size_t at = 0;

	while (count - at > 2) {
		struct icon_picture p = {words[at], words[at + 1], words + at + 2};
		uint64_t pixels = (uint64_t)p.width * p.height;

		at += 2;
		/* What is no list of pictures from here on ends with the last that was one. */
		if (pixels == 0 || pixels > count - at)
			break;
		at += pixels;
		if (p.width > ICON_EDGE_MAX || p.height > ICON_EDGE_MAX || rank_of(&p) >= best)
			continue;
		best = rank_of(&p);
		*ret_picture = p;
	}
	return best == UINT64_MAX ? -ENOENT : 0;
}

int
icon_put_record(struct buf *b, uint32_t window, const struct icon_picture *picture)
{
	size_t count = (size_t)picture->width * picture->height;
	uint8_t *at;

	if (buf_printf(b, "%u\n%u %u\n", window, picture->width, picture->height) < 0)
		return -ENOBUFS;
	at = buf_reserve(b, count * 4);
	if (at == NULL)
		return -ENOBUFS;
	for (size_t i = 0; i < count; i++) {
		*at++ = (uint8_t)(picture->pixels[i] >> 16);
		*at++ = (uint8_t)(picture->pixels[i] >> 8);
		*at++ = (uint8_t)picture->pixels[i];
		*at++ = (uint8_t)(picture->pixels[i] >> 24);
	}
	return 0;
}
