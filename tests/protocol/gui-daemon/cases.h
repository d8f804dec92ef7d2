/*
 * Cases that share an X server: each has a daemon and a connection of its own, and ends with all of
 * its windows gone.
 */
#ifndef TESTS_GUI_CASES_H
#define TESTS_GUI_CASES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness.h"

#define RED 0xff0000
#define BLUE 0x0000ff
#define WHITE 0xffffff
#define SOON_MS 20000
/* Long enough for something wrong to show. */
#define QUIET_MS 300

/* A daemon and its connection; ends an earlier one. Options are NULL-terminated, or NULL. */
void case_begin(struct harness *h, const char *const *options);
/* With W1 created and mapped, and seen on the screen. */
void case_begin_with_window(struct harness *h, const char *const *options);
void case_end(struct harness *h);

/* The daemon closes its windows and ends with the status of a violation. */
void expect_violation(struct harness *h);
/*
 * Waits until all that was sent has been looked at; the daemon lives. Counts the messages of a type
 * that came meanwhile (0: of none).
 */
unsigned int settle(struct harness *h, uint32_t type);

/* Until the window's origin and size on the screen are these; false after a while. */
bool await_geometry(struct harness *h, xcb_window_t window, int x, int y, int width, int height);
bool await_unmapped(struct harness *h, xcb_window_t window);
bool await_viewable(struct harness *h, xcb_window_t window);
bool await_text(struct harness *h, xcb_window_t window, const char *property, const char *text);
bool is_override_redirect(struct harness *h, xcb_window_t window);

/* A pool dump of 300x200 in rows of 1280 bytes, as good as it can be. */
struct gui_message good_dump(uint32_t window, uint32_t buffer, uint32_t flags);
void send_damage(
	struct harness *h, uint32_t window, int32_t x, int32_t y, uint32_t width, uint32_t height);
void send_configure(
	struct harness *h, uint32_t window, int32_t x, int32_t y, uint32_t width, uint32_t height);
void send_title(struct harness *h, uint32_t window, const char *text);

#endif
