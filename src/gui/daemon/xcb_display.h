/*
 * The display on XCB: what the rest of gui-daemon needs of it beyond display.h. The X server is
 * trusted; an error of it that our requests can not explain ends the daemon.
 */
#ifndef BULKHEAD_GUI_XCB_DISPLAY_H
#define BULKHEAD_GUI_XCB_DISPLAY_H

#include "base/loop.h"
#include "gui/daemon/core.h"

/* Connects to $DISPLAY and prepares everything that needs files. NULL with the error. */
struct display *display_open(struct loop *loop, const struct gui_config *config, struct err *err);
void display_close(struct display *d);

/* Events go to the core from here on; `handle_lost` is called once when the X server is gone. */
int display_start(struct display *d, struct core *core,
	void (*handle_lost)(void *data, const char *why), void *data, struct err *err);

/*
 * The window memory of the qube: the X server attaches it, once, read-only. The descriptor is
 * taken over. Where the server can not, it is mapped here and its parts are copied.
 */
int display_attach(struct display *d, int fd, uint64_t size_bytes, struct err *err);
void display_detach(struct display *d);

/* Handles what has come and sends what waits. After anything that used the display. */
void display_turn(struct display *d);
/* The screen may have changed: looks at it again. */
void display_refresh(struct display *d);

#endif
