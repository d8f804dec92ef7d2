/* What the files of the XCB display share. */
#ifndef BULKHEAD_GUI_XCB_PRIVATE_H
#define BULKHEAD_GUI_XCB_PRIVATE_H

#include <xcb/shm.h>
#include <xcb/xcb.h>
#include <xcb/xcb_keysyms.h>

#include "base/list.h"
#include "gui/daemon/xcb_display.h"

#define DISPLAY_BUCKETS 256
#define CURSOR_COUNT (GUI_CURSOR_X11_END - GUI_CURSOR_X11)
/* New windows may take the focus only so shortly after input for this qube. */
#define FOCUS_AFTER_INPUT_MS 500

enum atom {
	ATOM_UTF8_STRING,
	ATOM_WM_PROTOCOLS,
	ATOM_WM_DELETE_WINDOW,
	ATOM_WM_STATE,
	ATOM_WM_CHANGE_STATE,
	ATOM_MANAGER,
	ATOM_NET_WM_PING,
	ATOM_NET_WM_NAME,
	ATOM_NET_WM_ICON_NAME,
	ATOM_NET_WM_ICON,
	ATOM_NET_WM_PID,
	ATOM_NET_WM_USER_TIME,
	ATOM_NET_WM_STATE,
	ATOM_NET_WM_STATE_FULLSCREEN,
	ATOM_NET_WM_STATE_MAXIMIZED_VERT,
	ATOM_NET_WM_STATE_MAXIMIZED_HORZ,
	ATOM_NET_WM_STATE_DEMANDS_ATTENTION,
	ATOM_NET_WM_STATE_HIDDEN,
	ATOM_NET_WM_MOVERESIZE,
	ATOM_NET_WORKAREA,
	ATOM_NET_CURRENT_DESKTOP,
	ATOM_NET_SUPPORTING_WM_CHECK,
	ATOM_NET_SYSTEM_TRAY_OPCODE,
	ATOM_NET_SYSTEM_TRAY_S,
	ATOM_XEMBED,
	ATOM_XEMBED_INFO,
	ATOM_QUBES_LABEL,
	ATOM_QUBES_LABEL_COLOR,
	ATOM_QUBES_VMNAME,
	ATOM_QUBES_VMWINDOWID,
	ATOM_COUNT,
};

struct display_fence {
	struct list link; /* display.fences */
	uint64_t number;
	unsigned int sequence; /* of the request whose reply is waited for */
};

struct display {
	struct loop *loop;
	struct loop_fd *source;
	const struct gui_config *config;
	struct core *core;
	void (*handle_lost)(void *data, const char *why);
	void *lost_data;

	xcb_connection_t *x;
	xcb_screen_t *screen;
	xcb_key_symbols_t *keysyms;
	xcb_atom_t atoms[ATOM_COUNT];
	xcb_cursor_t cursors[CURSOR_COUNT];
	xcb_gcontext_t copy_gc, text_gc, label_gc;
	xcb_font_t text_font, cursor_font;
	xcb_window_t tray; /* 0: none */
	int screen_number;
	struct area root, work;

	/* Window memory: attached to the server, or mapped here. */
	int pool_fd;           /* kept for those who have to look at pixels; -1 */
	xcb_shm_seg_t segment; /* 0: none */
	uint32_t icon_words;
	uint64_t pool_bytes;
	const uint8_t *pool; /* or NULL */
	uint32_t *icon;      /* as _NET_WM_ICON wants it */

	/* xcb_delay.c */
	struct list delayed; /* in the order they came */
	unsigned int delayed_count;
	uint64_t last_release_ms;
	struct loop_timer *delay_timer; /* NULL: nothing was ever held back */

	struct list fences; /* display_fence.link */
	uint64_t fence_number;
	uint64_t input_time_ms;
	struct list buckets[DISPLAY_BUCKETS];         /* display_window.link, by frame */
	struct list content_buckets[DISPLAY_BUCKETS]; /* display_window.content_link */

	char host[256];
	bool lost, wide_text, shm_possible, drawn_since_fence;
};

struct display_window {
	struct display *d;
	struct list link, content_link;
	struct gui_window *window;
	xcb_window_t frame, content;
	struct area frame_area; /* in coordinates of its parent's root as last known */
	struct area shown;      /* the child, within the frame */
	bool popup, bare, docked, mapped, map_expected, reparented, content_mapped;
	char title[GUI_TITLE_BYTES + 1];
};

/* xcb_display.c */
void display_fail(struct display *d, const char *why);
struct display_window *display_find_frame(struct display *d, xcb_window_t frame);
struct display_window *display_find_content(struct display *d, xcb_window_t content);
void display_send_message(struct display *d, xcb_window_t to, xcb_window_t window, xcb_atom_t type,
	const uint32_t data[5], uint32_t mask);

/* xcb_setup.c */
int display_set_up(struct display *d, struct err *err);
void display_read_work_area(struct display *d);

/* xcb_window.c */
void display_window_moved(struct display_window *v, const struct area *frame);
void display_window_touch(struct display_window *v, xcb_timestamp_t time);

/* xcb_frame.c */
void display_paint_title(struct display_window *v);
struct area display_content_of(const struct display_window *v, const struct area *frame);
struct area display_frame_of(const struct display_window *v, const struct area *content);
/* Puts the child where the frame's size wants it. */
void display_fit_content(struct display_window *v);

/* xcb_events.c */
void display_dispatch(struct display *d, xcb_generic_event_t *event);

/* xcb_delay.c: holds an event back, if that is wanted, and then dispatches and frees it. */
bool display_delay(struct display *d, xcb_generic_event_t *event);
void display_forget_delayed(struct display *d);

/* xcb_tray.c */
void display_tray_find(struct display *d);
void display_tray_redock(struct display *d);
void display_tray_handle_message(struct display_window *v, const xcb_client_message_event_t *e);
void display_tray_draw(struct display_window *v, const struct display_image *image);

/* xcb_stack.c: a popup goes to the top, but not above a screen locker. */
void display_raise_popup(struct display_window *v);

/* xcb_properties.c */
void display_set_properties(struct display_window *v);

/* icon.c: width, height, pixels; NULL without one. */
uint32_t *icon_load(const struct gui_config *config, uint32_t *ret_words);

#endif
