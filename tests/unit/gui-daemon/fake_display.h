/*
 * A display that remembers what the core told it, for tests and fuzzers. It checks what a real
 * one relies on: sizes are never zero or too large, parts lie within their window and image, and
 * nothing changes its kind while it is shown.
 */
#ifndef TESTS_FAKE_DISPLAY_H
#define TESTS_FAKE_DISPLAY_H

#include "gui/daemon/core.h"

#define FAKE_SCREEN_WIDTH 1280
#define FAKE_SCREEN_HEIGHT 1024

struct display {
	struct core *core;
	struct area work;
	unsigned int windows, draws, clears;
	uint64_t fence, fence_done;
	uint64_t pool_bytes; /* of the connection: what images must lie in */
	uint8_t keys[GUI_KEYMAP_BYTES];
};

struct display_window {
	struct display *d;
	struct gui_window *window;
	struct area content;
	bool popup, bare, mapped, docked;
	char title[GUI_TITLE_BYTES + 1];
	char class[128];
	struct gui_hints hints;
	struct display_window *owner;
	uint32_t cursor;
	unsigned int state, asked_add, asked_remove, minimized, icons;
	uint32_t icon_width, icon_pixel; /* of the last: its last pixel */
	struct area last_drawn;
};

void fake_display_init(struct display *d);
/* All that was drawn has arrived. */
void fake_display_finish_drawing(struct display *d);

#endif
