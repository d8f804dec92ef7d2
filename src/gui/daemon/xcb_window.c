/* Windows on the display: a frame of ours and in it the window that shows the qube's pixels. */
#include <stdlib.h>

#include "base/loop.h"
#include "gui/daemon/damage.h"
#include "gui/daemon/xcb_private.h"

#define FRAME_EVENTS                                                                               \
	(XCB_EVENT_MASK_KEY_PRESS | XCB_EVENT_MASK_KEY_RELEASE | XCB_EVENT_MASK_FOCUS_CHANGE |     \
		XCB_EVENT_MASK_STRUCTURE_NOTIFY | XCB_EVENT_MASK_PROPERTY_CHANGE |                 \
		XCB_EVENT_MASK_EXPOSURE | XCB_EVENT_MASK_BUTTON_PRESS)
#define CONTENT_EVENTS                                                                             \
	(XCB_EVENT_MASK_BUTTON_PRESS | XCB_EVENT_MASK_BUTTON_RELEASE |                             \
		XCB_EVENT_MASK_POINTER_MOTION | XCB_EVENT_MASK_ENTER_WINDOW |                      \
		XCB_EVENT_MASK_LEAVE_WINDOW | XCB_EVENT_MASK_EXPOSURE)

/* The border is the frame's background: the server paints it whenever it comes to light. */
static void
create_frame(struct display_window *v)
{
	struct display *d = v->d;
	const uint32_t values[] = {d->config->colour, 0, v->popup, FRAME_EVENTS};

	v->frame = xcb_generate_id(d->x);
	xcb_create_window(d->x, 24, v->frame, d->screen->root, (int16_t)v->frame_area.x,
		(int16_t)v->frame_area.y, (uint16_t)v->frame_area.width,
		(uint16_t)v->frame_area.height, 0, XCB_WINDOW_CLASS_INPUT_OUTPUT,
		d->screen->root_visual,
		XCB_CW_BACK_PIXEL | XCB_CW_BORDER_PIXEL | XCB_CW_OVERRIDE_REDIRECT |
			XCB_CW_EVENT_MASK,
		values);
}

static void
create_content(struct display_window *v)
{
	struct display *d = v->d;
	const uint32_t values[] = {
		d->config->background, 0, XCB_GRAVITY_NORTH_WEST, CONTENT_EVENTS};

	v->content = xcb_generate_id(d->x);
	xcb_create_window(d->x, 24, v->content, v->frame, 0, 0, 1, 1, 0,
		XCB_WINDOW_CLASS_INPUT_OUTPUT, d->screen->root_visual,
		XCB_CW_BACK_PIXEL | XCB_CW_BORDER_PIXEL | XCB_CW_BIT_GRAVITY | XCB_CW_EVENT_MASK,
		values);
	display_fit_content(v);
}

struct display_window *
display_window_create(
	struct display *d, struct gui_window *window, const struct area *content, bool popup)
{
	const struct gui_hints no_hints = {0};
	struct display_window *v = calloc(1, sizeof(*v));

	if (v == NULL)
		return NULL;
	v->d = d;
	v->window = window;
	v->popup = popup;
	v->frame_area = display_frame_of(v, content);
	create_frame(v);
	create_content(v);
	list_append(&d->buckets[v->frame % DISPLAY_BUCKETS], &v->link);
	list_append(&d->content_buckets[v->content % DISPLAY_BUCKETS], &v->content_link);
	display_set_properties(v);
	display_window_set_hints(v, &no_hints);
	return v;
}

void
display_window_destroy(struct display_window *v)
{
	if (v == NULL)
		return;
	xcb_destroy_window(v->d->x, v->frame);
	list_remove(&v->link);
	list_remove(&v->content_link);
	free(v);
}

/* The frame is made anew around the same content area. */
static void
refit(struct display_window *v, const struct area *content)
{
	v->frame_area = display_frame_of(v, content);
	display_window_place(v, content);
	display_fit_content(v);
}

void
display_window_set_popup(struct display_window *v, bool popup)
{
	const uint32_t value = popup;
	struct area content = display_content_of(v, &v->frame_area);

	v->popup = popup;
	xcb_change_window_attributes(v->d->x, v->frame, XCB_CW_OVERRIDE_REDIRECT, &value);
	refit(v, &content);
}

void
display_window_set_bare(struct display_window *v, bool bare)
{
	struct area content;

	if (v->bare == bare)
		return;
	v->bare = bare;
	/* The frame keeps its size, which is the window manager's; the content takes the rest. */
	display_fit_content(v);
	content = display_content_of(v, &v->frame_area);
	core_handle_geometry(v->window, &content);
	display_paint_title(v);
}

void
display_window_map(struct display_window *v)
{
	struct display *d = v->d;
	const uint32_t never = 0;

	/* A window that comes by itself does not take the keyboard. */
	if (d->input_time_ms == 0 || loop_now_ms() - d->input_time_ms > FOCUS_AFTER_INPUT_MS)
		xcb_change_property(d->x, XCB_PROP_MODE_REPLACE, v->frame,
			d->atoms[ATOM_NET_WM_USER_TIME], XCB_ATOM_CARDINAL, 32, 1, &never);
	v->mapped = v->map_expected = true;
	xcb_map_window(d->x, v->frame);
	if (v->popup)
		display_raise_popup(v);
}

/* Also tells a window manager that has the window minimised to forget it. */
void
display_window_unmap(struct display_window *v)
{
	struct display *d = v->d;
	xcb_unmap_notify_event_t e = {
		.response_type = XCB_UNMAP_NOTIFY,
		.event = d->screen->root,
		.window = v->frame,
	};

	v->mapped = v->map_expected = false;
	xcb_unmap_window(d->x, v->frame);
	if (!v->popup)
		xcb_send_event(d->x, 0, d->screen->root,
			XCB_EVENT_MASK_SUBSTRUCTURE_NOTIFY | XCB_EVENT_MASK_SUBSTRUCTURE_REDIRECT,
			(const char *)&e);
}

void
display_window_place(struct display_window *v, const struct area *content)
{
	struct area frame = display_frame_of(v, content);
	const uint32_t values[] = {(uint32_t)frame.x, (uint32_t)frame.y, (uint32_t)frame.width,
		(uint32_t)frame.height};

	if (v->docked)
		return;
	xcb_configure_window(v->d->x, v->frame,
		XCB_CONFIG_WINDOW_X | XCB_CONFIG_WINDOW_Y | XCB_CONFIG_WINDOW_WIDTH |
			XCB_CONFIG_WINDOW_HEIGHT,
		values);
	/* Nobody stands between a window that is not managed and its size. */
	if (!v->mapped || v->popup) {
		v->frame_area = frame;
		display_fit_content(v);
	}
}

/* The frame is now there, by whoever's will. */
void
display_window_moved(struct display_window *v, const struct area *frame)
{
	bool resized = frame->width != v->frame_area.width || frame->height != v->frame_area.height;
	struct area content;

	v->frame_area = *frame;
	if (resized) {
		display_fit_content(v);
		display_paint_title(v);
	}
	content = display_content_of(v, frame);
	core_handle_geometry(v->window, &content);
}

void
display_window_touch(struct display_window *v, xcb_timestamp_t time)
{
	v->d->input_time_ms = loop_now_ms();
	xcb_change_property(v->d->x, XCB_PROP_MODE_REPLACE, v->frame,
		v->d->atoms[ATOM_NET_WM_USER_TIME], XCB_ATOM_CARDINAL, 32, 1, &time);
}

void
display_window_set_cursor(struct display_window *v, uint32_t id)
{
	struct display *d = v->d;
	uint32_t glyph = id - GUI_CURSOR_X11, cursor = XCB_CURSOR_NONE;

	/* Even glyphs are shapes, each followed by its mask. */
	if (id != GUI_CURSOR_DEFAULT && glyph < CURSOR_COUNT && glyph % 2 == 0) {
		if (d->cursors[glyph] == XCB_CURSOR_NONE) {
			d->cursors[glyph] = xcb_generate_id(d->x);
			xcb_create_glyph_cursor(d->x, d->cursors[glyph], d->cursor_font,
				d->cursor_font, (uint16_t)glyph, (uint16_t)(glyph + 1), 0, 0, 0,
				0xffff, 0xffff, 0xffff);
		}
		cursor = d->cursors[glyph];
	}
	xcb_change_window_attributes(d->x, v->content, XCB_CW_CURSOR, &cursor);
}
