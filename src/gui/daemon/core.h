/*
 * The heart of gui-daemon: takes the qube's messages apart, keeps what is known of its windows,
 * and decides what is shown and what is sent. No X, no I/O; the display (display.h) and the
 * clipboard are other people's. Everything that comes in by core_receive() is hostile.
 *
 * Functions that can meet a violation return -1 with the error: the connection has to be ended
 * with core_reset().
 */
#ifndef BULKHEAD_GUI_CORE_H
#define BULKHEAD_GUI_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "gui/daemon/config.h"
#include "gui/daemon/display.h"
#include "gui/daemon/icon_stream.h"

struct core;
struct gui_window;

/* What may wait for a qube that does not read; more ends the connection. */
#define CORE_OUT_MAX 10000000
/* How long an asked qube may take to give its clipboard, and the whole of it. */
#define CORE_CLIPBOARD_TIMEOUT_MS 10000

enum core_copy_result {
	CORE_COPY_DONE, /* with data, perhaps none */
	CORE_COPY_OVERSIZE,
};

struct core_handler {
	/* There are bytes in core_out(). */
	void (*handle_output)(void *data);
	/* There is something for core_draw(). */
	void (*handle_damage)(void *data);
	/* The qube gave its clipboard because the user asked for it at that X time. */
	void (*handle_copy)(void *data, enum core_copy_result result, const void *bytes,
		size_t size, uint32_t time, uint32_t agent_version);
	/* The user asks for the clipboard; core_paste() may follow. */
	void (*handle_paste)(void *data, uint32_t window, uint32_t time);
	/* Something the user should know; a plain text of ours. */
	void (*handle_notice)(void *data, const char *text);
	/* The same, and the user may end the qube because of it. */
	void (*handle_question)(void *data, const char *text);
};

/* NULL without memory. The configuration must outlive the core. */
struct core *core_create(const struct gui_config *config, struct display *display,
	const struct core_handler *handler, void *data);
void core_destroy(struct core *c);

/* A connection begins: nothing is known of windows. pool_bytes 0: there is no window memory. */
void core_begin(struct core *c, uint64_t pool_bytes);
/* It ends: all windows are gone, everything of the connection is forgotten. */
void core_reset(struct core *c);

/*
 * Handles at most max_messages of what has come and consumes them. Returns how many; fewer than
 * asked for means that more bytes are needed. -1 on a violation.
 */
int core_receive(struct core *c, struct buf *in, unsigned int max_messages, struct err *err);

/* What is to be sent; the caller consumes it. */
struct buf *core_out(struct core *c);
/* Whether the connection has to end although the qube sent nothing wrong: it does not read. */
bool core_is_stuck(const struct core *c);
bool core_is_connected(const struct core *c);
unsigned int core_window_count(const struct core *c);

/* Draws what is damaged. */
void core_draw(struct core *c);

/* Gives the qube the clipboard it was asked to take. */
void core_paste(struct core *c, uint32_t window, const void *bytes, size_t size);

/* An icon that a program of the qube has for its window; in the label's colour from here on. */
void core_set_icon(struct core *c, const struct icon *icon);

/* Monotonic milliseconds; tests set it. */
void core_set_clock(struct core *c, uint64_t (*now_ms)(void));

/*
 * What the display saw. Windows are given by their core side. Real events only: synthetic ones are
 * never handed over.
 */
enum core_mode {
	CORE_MODE_NORMAL, /* Normal and WhileGrabbed */
	CORE_MODE_GRAB,
};

void core_handle_geometry(struct gui_window *w, const struct area *content);
void core_handle_mapped(struct gui_window *w);
void core_handle_exposed(struct gui_window *w, const struct area *part);
void core_handle_state(struct gui_window *w, unsigned int state);
void core_handle_close(struct gui_window *w);
void core_handle_docked(struct gui_window *w);
/* `chord_key`: the keysym that the key has by the layout, without modifiers. */
void core_handle_key(
	struct gui_window *w, const struct gui_key *key, uint32_t keysym, uint32_t time);
void core_handle_button(struct gui_window *w, const struct gui_button *button, uint32_t time);
void core_handle_motion(struct gui_window *w, const struct gui_motion *motion);
void core_handle_crossing(struct gui_window *w, const struct gui_crossing *crossing);
void core_handle_focus(struct gui_window *w, bool in, enum core_mode mode);
void core_handle_fence(struct core *c, uint64_t number);

/* For the display's use: of the window it was created for. */
uint32_t gui_window_id(const struct gui_window *w);
struct display_window *gui_window_view(const struct gui_window *w);
bool gui_window_is_docked(const struct gui_window *w);

#endif
