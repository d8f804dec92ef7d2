/*
 * gui-daemon on a virtual display: an X server of the test's own, the daemon, and the agent's end
 * of its stream; a person's hands by XTEST. Everything waits with a limit and no fixed pause.
 */
#ifndef TESTS_GUI_HARNESS_H
#define TESTS_GUI_HARNESS_H

#include <sys/types.h>
#include <xcb/xcb.h>

#include "gui/protocol/protocol.h"

#define POOL_BYTES ((uint64_t)16 << 20)
#define LABEL 0x73d216
#define W1 0x11
#define BORDER 3
#define TITLE 18

struct harness {
	char directory[64]; /* also the state directory */
	pid_t x_server, daemon, manager;
	char display[16];
	xcb_connection_t *x;
	xcb_screen_t *screen;
	int pool_fd, listen_fd, fd;
	int stats_fd;   /* given to the daemon as 11 if it is not 0 */
	uint32_t *pool; /* the qube's mapping */
	struct buf in;
};

/* X server and listening agent; width and height of the screen. */
void harness_start(struct harness *h, int width, int height);
void harness_stop(struct harness *h);
/* Set-up and tear-down of tests; *state is the harness. */
int harness_set_up(void **state);
int harness_tear_down(void **state);
/* A program as window manager; false when it is not installed. */
bool harness_start_manager(struct harness *h, const char *program);

/* The daemon, with more options (NULL-terminated) than the standard ones. */
void harness_start_daemon(struct harness *h, const char *const *options);
/* Ends it and returns its wait status; or waits for it to end by itself. */
int harness_end_daemon(struct harness *h);
int harness_await_daemon(struct harness *h);
/* Takes its connection. */
void harness_accept(struct harness *h);
void harness_hang_up(struct harness *h);
/* Accepts, and does the handshake of a 1.8 agent with window memory. */
void harness_connect(struct harness *h);

void harness_send_bytes(struct harness *h, const void *bytes, size_t size);
void harness_send(struct harness *h, const struct gui_message *m);
void harness_send_bare(struct harness *h, uint32_t type, uint32_t window);
/* Exactly so many bytes, or none at all when the peer ends first: then false. */
bool harness_read(struct harness *h, void *bytes, size_t size);
/* The next message, whatever it is; false at the end or after timeout_ms. */
bool harness_next(struct harness *h, int timeout_ms, struct gui_message *ret_message);
/* The next message of the type (others are dropped); false at the end or after timeout_ms. */
bool harness_receive(
	struct harness *h, uint32_t type, int timeout_ms, struct gui_message *ret_message);

void harness_create(
	struct harness *h, uint32_t id, int x, int y, uint32_t width, uint32_t height, bool popup);
void harness_map(struct harness *h, uint32_t id, bool popup);
/* Fills a buffer of the window memory with a colour, registers it and commits it. */
void harness_show(struct harness *h, uint32_t id, uint32_t width, uint32_t height, uint32_t colour);

/* The daemon's window for an id of the agent, once it is there; 0 after a while. */
xcb_window_t harness_find(struct harness *h, uint32_t id);
bool harness_is_viewable(struct harness *h, xcb_window_t window);
/* A text or raw property; empty when there is none. Static. */
const char *harness_property(struct harness *h, xcb_window_t window, const char *name);
uint32_t harness_property_word(struct harness *h, xcb_window_t window, const char *name);
uint32_t harness_pixel(struct harness *h, int x, int y);
/* Waits until the pixel has the colour; false if it never does. */
bool harness_await_pixel(struct harness *h, int x, int y, uint32_t colour);
/* Geometry on the screen. */
void harness_geometry(struct harness *h, xcb_window_t window, int ret_xywh[4]);

void harness_focus(struct harness *h, xcb_window_t window);
void harness_key(struct harness *h, xcb_keysym_t keysym, bool press);
/* Ctrl+Shift+key, pressed and released. */
void harness_chord(struct harness *h, xcb_keysym_t keysym);
void harness_click(struct harness *h, int x, int y, int button);

xcb_atom_t harness_atom(struct harness *h, const char *name);

#endif
