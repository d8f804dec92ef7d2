/*
 * Icons in the tray (spec gui.md 6.7): the frame is docked, its child shows the qube's pixels in
 * the label's colour. They are copied once to memory of ours and only then looked at.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "gui/daemon/tint.h"
#include "gui/daemon/xcb_private.h"

#define TRAY_REQUEST_DOCK 0
#define XEMBED_EMBEDDED_NOTIFY 0
#define XEMBED_MAPPED 1
/* More is no icon. Also what one X request may carry. */
#define TRAY_ICON_MAX 128

void
display_tray_find(struct display *d)
{
	const uint32_t events = XCB_EVENT_MASK_STRUCTURE_NOTIFY;
	xcb_get_selection_owner_reply_t *reply = xcb_get_selection_owner_reply(
		d->x, xcb_get_selection_owner(d->x, d->atoms[ATOM_NET_SYSTEM_TRAY_S]), NULL);

	d->tray = reply != NULL ? reply->owner : XCB_WINDOW_NONE;
	free(reply);
	if (d->tray != XCB_WINDOW_NONE)
		xcb_change_window_attributes(d->x, d->tray, XCB_CW_EVENT_MASK, &events);
}

static void
request_dock(struct display_window *v)
{
	struct display *d = v->d;
	const uint32_t data[5] = {XCB_CURRENT_TIME, TRAY_REQUEST_DOCK, v->frame, 0, 0};

	if (d->tray != XCB_WINDOW_NONE)
		display_send_message(
			d, d->tray, d->tray, d->atoms[ATOM_NET_SYSTEM_TRAY_OPCODE], data, 0);
}

/* An icon has no frame: it is as large as what the qube draws, until the tray says otherwise. */
static void
take_frame_away(struct display_window *v)
{
	struct area content = display_content_of(v, &v->frame_area);
	const uint32_t size[] = {(uint32_t)content.width, (uint32_t)content.height};

	v->docked = true;
	v->frame_area.width = content.width;
	v->frame_area.height = content.height;
	xcb_configure_window(
		v->d->x, v->frame, XCB_CONFIG_WINDOW_WIDTH | XCB_CONFIG_WINDOW_HEIGHT, size);
}

void
display_window_dock(struct display_window *v)
{
	struct display *d = v->d;
	const uint32_t info[2] = {0, XEMBED_MAPPED};

	take_frame_away(v);
	xcb_change_property(d->x, XCB_PROP_MODE_REPLACE, v->frame, d->atoms[ATOM_XEMBED_INFO],
		d->atoms[ATOM_XEMBED_INFO], 32, 2, info);
	display_fit_content(v);
	request_dock(v);
}

void
display_tray_redock(struct display *d)
{
	struct display_window *v;

	display_tray_find(d);
	for (int i = 0; i < DISPLAY_BUCKETS; i++) {
		list_for_each (v, &d->buckets[i], link) {
			if (v->docked)
				request_dock(v);
		}
	}
}

void
display_tray_handle_message(struct display_window *v, const xcb_client_message_event_t *e)
{
	if (!v->docked || e->format != 32 || e->data.data32[1] != XEMBED_EMBEDDED_NOTIFY)
		return;
	v->mapped = true;
	xcb_map_window(v->d->x, v->frame);
	core_handle_docked(v->window);
}

static void
colour_pixels(const struct display_window *v, uint32_t *pixels, int width, int height)
{
	const struct gui_tray_mode *mode = &v->d->config->tray;
	uint32_t label = v->d->config->colour, back = pixels[0] & 0xffffff;

	for (int i = 0; i < width * height; i++) {
		uint32_t pixel = pixels[i] & 0xffffff;

		if (mode->colouring == GUI_TRAY_TINT)
			pixel = tint_tray_pixel(pixel, label, mode);
		else if (mode->colouring == GUI_TRAY_BACKGROUND && pixel == back)
			pixel = v->d->config->background;
		pixels[i] = pixel;
	}
}

static void
draw_border(struct display_window *v)
{
	int inset = v->d->config->tray.border - 1;
	xcb_rectangle_t edge = {(int16_t)inset, (int16_t)inset,
		(uint16_t)(v->shown.width - 1 - 2 * inset),
		(uint16_t)(v->shown.height - 1 - 2 * inset)};

	if (inset >= 0 && v->shown.width > 2 * inset + 1 && v->shown.height > 2 * inset + 1)
		xcb_poly_rectangle(v->d->x, v->content, v->d->label_gc, 1, &edge);
}

void
display_tray_draw(struct display_window *v, const struct display_image *image)
{
	struct display *d = v->d;
	static uint32_t pixels[TRAY_ICON_MAX * TRAY_ICON_MAX];
	int width = (int)image->width < v->shown.width ? (int)image->width : v->shown.width;
	int height = (int)image->height < v->shown.height ? (int)image->height : v->shown.height;

	if (d->pool == NULL || width < 1 || height < 1)
		return;
	width = width > TRAY_ICON_MAX ? TRAY_ICON_MAX : width;
	height = height > TRAY_ICON_MAX ? TRAY_ICON_MAX : height;
	for (int y = 0; y < height; y++)
		memcpy(pixels + (size_t)y * (size_t)width,
			d->pool + image->offset + (uint64_t)y * image->stride, (size_t)width * 4);
	colour_pixels(v, pixels, width, height);
	xcb_put_image(d->x, XCB_IMAGE_FORMAT_Z_PIXMAP, v->content, d->copy_gc, (uint16_t)width,
		(uint16_t)height, 0, 0, 0, 24, (uint32_t)width * (uint32_t)height * 4,
		(const uint8_t *)pixels);
	draw_border(v);
}
