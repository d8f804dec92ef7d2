/* Icons taken apart; see icon_stream.h. */
#include "gui/daemon/icon_stream.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* Of a line of text, with its end. */
#define LINE_MAX_BYTES 32
#define PIXEL_BYTES 4

enum stage {
	STAGE_WINDOW, /* the line with the window's number */
	STAGE_SIZE,   /* the line with width and height */
	STAGE_PIXELS,
	STAGE_BROKEN,
};

/* The pixels that become one. Colours count as much as they can be seen. */
struct sum {
	uint32_t red, green, blue, alpha, count;
};

struct icon_stream {
	enum stage stage;
	uint32_t width, height; /* as sent */
	uint32_t x, y;          /* of the next pixel */
	struct sum row[ICON_SHOWN_MAX];
	struct icon icon;
};

struct icon_stream *
icon_stream_create(void)
{
	return calloc(1, sizeof(struct icon_stream));
}

void
icon_stream_destroy(struct icon_stream *s)
{
	free(s);
}

static int
refuse(struct icon_stream *s, struct err *err, const char *what)
{
	s->stage = STAGE_BROKEN;
	return err_set(err, EPROTO, "icon: %s", what);
}

/* A whole line without its end: 1, 0 when it is not there yet, -1 when it is none. */
static int
take_line(struct icon_stream *s, struct buf *in, char line[LINE_MAX_BYTES], struct err *err)
{
	size_t held = buf_len(in) < LINE_MAX_BYTES ? buf_len(in) : LINE_MAX_BYTES;
	const uint8_t *end = held > 0 ? memchr(buf_data(in), '\n', held) : NULL;
	size_t length;

	if (end == NULL)
		return held == LINE_MAX_BYTES ? refuse(s, err, "a line is too long") : 0;
	length = (size_t)(end - buf_data(in));
	memcpy(line, buf_data(in), length);
	line[length] = '\0';
	buf_consume(in, length + 1);
	if (strlen(line) != length)
		return refuse(s, err, "NUL in a line");
	return 1;
}

static int
take_window(struct icon_stream *s, struct buf *in, struct err *err)
{
	char line[LINE_MAX_BYTES];
	uint64_t number = 0;
	int result = take_line(s, in, line, err);

	if (result <= 0)
		return result;
	if (text_parse_u64(line, UINT32_MAX, &number) < 0)
		return refuse(s, err, "the number of the window is none");
	s->icon.window = (uint32_t)number;
	s->stage = STAGE_SIZE;
	return 1;
}

static bool
parse_edge(const char *text, uint32_t *ret_edge)
{
	uint64_t number = 0;

	if (text_parse_u64(text, ICON_EDGE_MAX, &number) < 0 || number == 0)
		return false;
	*ret_edge = (uint32_t)number;
	return true;
}

static uint32_t
shown_edge(uint32_t edge, uint32_t longest)
{
	uint32_t shown = longest > ICON_SHOWN_MAX ? edge * ICON_SHOWN_MAX / longest : edge;

	return shown > 0 ? shown : 1;
}

static int
take_size(struct icon_stream *s, struct buf *in, struct err *err)
{
	char line[LINE_MAX_BYTES], *space;
	uint32_t longest;
	int result = take_line(s, in, line, err);

	if (result <= 0)
		return result;
	space = strchr(line, ' ');
	if (space == NULL)
		return refuse(s, err, "no size");
	*space = '\0';
	if (!parse_edge(line, &s->width) || !parse_edge(space + 1, &s->height))
		return refuse(s, err, "a side is not from 1 to 2048 pixels");
	longest = s->width > s->height ? s->width : s->height;
	s->icon.width = shown_edge(s->width, longest);
	s->icon.height = shown_edge(s->height, longest);
	s->x = s->y = 0;
	memset(s->row, 0, sizeof(s->row));
	s->stage = STAGE_PIXELS;
	return 1;
}

static void
add_pixel(struct sum *sum, const uint8_t *rgba)
{
	uint32_t alpha = rgba[3];

	sum->red += rgba[0] * alpha;
	sum->green += rgba[1] * alpha;
	sum->blue += rgba[2] * alpha;
	sum->alpha += alpha;
	sum->count++;
}

static uint32_t
mean_of(const struct sum *sum)
{
	if (sum->alpha == 0)
		return 0;
	return sum->alpha / sum->count << 24 | sum->red / sum->alpha << 16 |
	       sum->green / sum->alpha << 8 | sum->blue / sum->alpha;
}

/* The row of the small icon is complete. */
static void
end_row(struct icon_stream *s, uint32_t shown_y)
{
	for (uint32_t x = 0; x < s->icon.width; x++)
		s->icon.pixels[shown_y * s->icon.width + x] = mean_of(&s->row[x]);
	memset(s->row, 0, sizeof(s->row));
}

/* 1 when the last pixel is there. */
static int
take_pixels(struct icon_stream *s, struct buf *in)
{
	const uint8_t *at = buf_data(in);
	size_t left = buf_len(in) / PIXEL_BYTES;
	uint32_t shown_y;

	while (left > 0 && s->y < s->height) {
		add_pixel(&s->row[s->x * s->icon.width / s->width], at);
		at += PIXEL_BYTES;
		left--;
		if (++s->x < s->width)
			continue;
		s->x = 0;
		shown_y = s->y * s->icon.height / s->height;
		s->y++;
		if (s->y == s->height || s->y * s->icon.height / s->height != shown_y)
			end_row(s, shown_y);
	}
	buf_consume(in, (size_t)(at - buf_data(in)));
	return s->y == s->height;
}

int
icon_stream_take(
	struct icon_stream *s, struct buf *in, const struct icon **ret_icon, struct err *err)
{
	int result = 1;

	if (s->stage == STAGE_BROKEN)
		return err_set(err, EPROTO, "icon: the stream is over");
	if (s->stage == STAGE_WINDOW)
		result = take_window(s, in, err);
	if (result == 1 && s->stage == STAGE_SIZE)
		result = take_size(s, in, err);
	if (result != 1)
		return result;
	if (take_pixels(s, in) == 0)
		return 0;
	s->stage = STAGE_WINDOW;
	*ret_icon = &s->icon;
	return 1;
}
