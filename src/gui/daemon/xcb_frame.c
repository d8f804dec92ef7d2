/*
 * Frames: the border in the label's colour and the strip with the title. They are a window of ours
 * that contains the qube's, so that what the qube draws can not reach them, and the X server itself
 * repaints them.
 */
#include <stdio.h>
#include <string.h>

#include "gui/daemon/xcb_private.h"

#define TITLE_INDENT 6
#define TITLE_BASELINE 14
#define TITLE_SHOWN_MAX 250 /* characters: a request of X carries at most 255 */

struct margins
display_window_margins(const struct display_window *v)
{
	if (v->popup || v->docked || v->bare)
		return (struct margins){0};
	return (struct margins){
		FRAME_BORDER, FRAME_BORDER + FRAME_TITLE, FRAME_BORDER, FRAME_BORDER};
}

struct area
display_content_of(const struct display_window *v, const struct area *frame)
{
	struct margins m = display_window_margins(v);
	struct area content = {frame->x + m.left, frame->y + m.top, frame->width - m.left - m.right,
		frame->height - m.top - m.bottom};

	if (content.width < 1)
		content.width = 1;
	if (content.height < 1)
		content.height = 1;
	return content;
}

struct area
display_frame_of(const struct display_window *v, const struct area *content)
{
	struct margins m = display_window_margins(v);

	return (struct area){content->x - m.left, content->y - m.top,
		content->width + m.left + m.right, content->height + m.top + m.bottom};
}

/* The part of the frame that shows what the qube drew. */
static struct area
shown_part(const struct display_window *v)
{
	struct margins m = display_window_margins(v);
	int width = v->frame_area.width, height = v->frame_area.height;

	if (v->popup)
		return (struct area){POPUP_BORDER, POPUP_BORDER, width - 2 * POPUP_BORDER,
			height - 2 * POPUP_BORDER};
	return (struct area){m.left, m.top, width - m.left - m.right, height - m.top - m.bottom};
}

void
display_fit_content(struct display_window *v)
{
	struct display *d = v->d;
	struct area shown = shown_part(v);
	uint32_t values[4];

	/* Too small for anything but the border. */
	if (shown.width < 1 || shown.height < 1) {
		if (v->content_mapped)
			xcb_unmap_window(d->x, v->content);
		v->content_mapped = false;
		v->shown = (struct area){0};
		return;
	}
	v->shown = shown;
	values[0] = (uint32_t)shown.x;
	values[1] = (uint32_t)shown.y;
	values[2] = (uint32_t)shown.width;
	values[3] = (uint32_t)shown.height;
	xcb_configure_window(d->x, v->content,
		XCB_CONFIG_WINDOW_X | XCB_CONFIG_WINDOW_Y | XCB_CONFIG_WINDOW_WIDTH |
			XCB_CONFIG_WINDOW_HEIGHT,
		values);
	if (!v->content_mapped)
		xcb_map_window(d->x, v->content);
	v->content_mapped = true;
}

/* The next character of a text that the title filter let through. */
static uint32_t
next_character(const char **text)
{
	const uint8_t *at = (const uint8_t *)*text;
	uint32_t character = at[0];
	int more = at[0] >= 0xf0 ? 3 : at[0] >= 0xe0 ? 2 : at[0] >= 0xc0 ? 1 : 0;

	if (more > 0)
		character &= 0x3fU >> more;
	for (int i = 1; i <= more && at[i] != 0; i++)
		character = character << 6 | (at[i] & 0x3fU);
	*text += 1 + more;
	return character;
}

void
display_paint_title(struct display_window *v)
{
	struct display *d = v->d;
	char text[QUBE_NAME_MAX + GUI_TITLE_BYTES + 8];
	xcb_char2b_t characters[TITLE_SHOWN_MAX];
	const char *at = text;
	uint8_t count = 0;

	if (v->popup || v->docked || v->bare)
		return;
	snprintf(text, sizeof(text), "[%s] %s", d->config->name, v->title);
	while (*at != '\0' && count < TITLE_SHOWN_MAX) {
		uint32_t character = next_character(&at);

		if (character > 0xffff || (character > 0xff && !d->wide_text))
			character = '?';
		characters[count].byte1 = (uint8_t)(character >> 8);
		characters[count++].byte2 = (uint8_t)character;
	}
	xcb_clear_area(d->x, 0, v->frame, 0, 0, 0, FRAME_BORDER + FRAME_TITLE);
	xcb_image_text_16(
		d->x, count, v->frame, d->text_gc, TITLE_INDENT, TITLE_BASELINE, characters);
	/* Text may be longer than the strip: the right border is painted over it. */
	xcb_clear_area(d->x, 0, v->frame, (int16_t)(v->frame_area.width - FRAME_BORDER), 0,
		FRAME_BORDER, FRAME_BORDER + FRAME_TITLE);
}
