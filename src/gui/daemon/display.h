/*
 * What the core wants of a display. The daemon links the XCB implementation, tests and fuzzers one
 * of their own. Everything here is the trusted side: the core has checked what it hands over, so
 * that no request to the X server depends on a number of the qube that nobody looked at.
 */
#ifndef BULKHEAD_GUI_DISPLAY_H
#define BULKHEAD_GUI_DISPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "gui/protocol/protocol.h"

struct display;
struct display_window;
struct gui_window;

struct area {
	int x, y;
	int width, height;
};

/* What lies around a window's content, in pixels. */
struct margins {
	int left, top, right, bottom;
};

/* The border, and the strip with the title above the content of an ordinary window. */
#define FRAME_BORDER 3
#define FRAME_TITLE 18
/* The border of menus and tooltips; it covers the outermost pixels of their content. */
#define POPUP_BORDER 2

enum display_state {
	DISPLAY_FULLSCREEN = 1,
	DISPLAY_MAXIMIZED = 2,
	DISPLAY_ATTENTION = 4,
	DISPLAY_HIDDEN = 8,
};

/* Pixels in the window memory: rows of `stride` bytes, XRGB. */
struct display_image {
	uint64_t offset;
	uint32_t stride, width, height;
};

/* The screen, and the part of it where windows may be. */
void display_get_areas(struct display *d, struct area *ret_root, struct area *ret_work);

/* A window of ours, unmapped, with all properties; NULL without memory. Destroy takes NULL. */
struct display_window *display_window_create(
	struct display *d, struct gui_window *window, const struct area *content, bool popup);
void display_window_destroy(struct display_window *v);

/* `popup`: override-redirect, with the border inside. Only while unmapped. */
void display_window_set_popup(struct display_window *v, bool popup);
/* Full screen without a border; only where the configuration allows it. */
void display_window_set_bare(struct display_window *v, bool bare);
void display_window_map(struct display_window *v);
void display_window_unmap(struct display_window *v);
/* Where the content is to be, in coordinates of the screen. */
void display_window_place(struct display_window *v, const struct area *content);
struct margins display_window_margins(const struct display_window *v);

/* Texts are fit to be shown. */
void display_window_set_title(struct display_window *v, const char *title);
void display_window_set_class(struct display_window *v, const char *class, const char *name);
void display_window_set_hints(struct display_window *v, const struct gui_hints *hints);
void display_window_set_owner(struct display_window *v, struct display_window *owner_or_null);
/* GUI_CURSOR_DEFAULT, or a checked shape of the X cursor font. */
void display_window_set_cursor(struct display_window *v, uint32_t id);

/* Pixels 0xAARRGGBB, as they are to be seen. */
void display_window_set_icon(
	struct display_window *v, uint32_t width, uint32_t height, const uint32_t *pixels);

/* The state (enum display_state) before the window is mapped; and what the window manager is
 * asked to add or to take away afterwards. */
void display_window_set_state(struct display_window *v, unsigned int state);
void display_window_ask_state(struct display_window *v, unsigned int add, unsigned int remove);
void display_window_minimize(struct display_window *v);

/* Puts the window into the tray, now and whenever a tray appears. */
void display_window_dock(struct display_window *v);

/*
 * Shows a part of the image at the same place of the window; `part` lies within both. The image
 * lies within the window memory. Nothing is waited for.
 */
void display_window_draw(
	struct display_window *v, const struct display_image *image, const struct area *part);
/* Paints the window's background where an image does not reach. */
void display_window_clear(struct display_window *v, const struct area *part);

/*
 * Asks to be told when all that was drawn before is done: core_handle_fence() with the number
 * returned, which grows.
 */
uint64_t display_fence(struct display *d);

/* Which keys are down: GUI_KEYMAP_BYTES. */
void display_get_keymap(struct display *d, uint8_t *ret_bits);

#endif
