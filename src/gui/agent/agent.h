/*
 * gui-agent: shows the windows of a qube's X server to the daemon beside the display, and gives
 * that X server the person's input (docs/gui.md). Runs in a qube; what the daemon sends is
 * trusted to be meant, not to be well formed. Private to this folder.
 *
 *   agent.c      the X connection and where its events go
 *   daemon.c     the connection to the daemon: handshake, messages, order of announcements
 *   windows.c    the windows there are; properties.c what their owners say of them
 *   content.c    pixels: buffers in the window memory, who owns which, when they are sent
 *   input.c      keys, buttons, motion, focus       selection.c  the clipboard
 *   tray.c       icons of a tray                    cursor.c     the pointer's shape
 */
#ifndef BULKHEAD_GUI_AGENT_AGENT_H
#define BULKHEAD_GUI_AGENT_AGENT_H

#include <stdbool.h>
#include <stdint.h>
#include <xcb/damage.h>
#include <xcb/shm.h>
#include <xcb/xcb.h>

#include "base/list.h"
#include "base/loop.h"
#include "gui/agent/atoms.h"
#include "gui/agent/dirty.h"
#include "gui/agent/pool.h"
#include "gui/protocol/protocol.h"

struct clipboard;
struct daemon;

#define WINDOW_HASH_SIZE 256
#define KEYCODES 256
#define MODIFIERS 8

enum buffer_owner {
	BUFFER_OURS,
	BUFFER_DAEMONS, /* committed and not released: not to be written to */
};

/* A piece of the window memory that holds a picture of one window. */
struct window_buffer {
	struct list link;            /* agent.buffers */
	struct agent_window *window; /* NULL: it has gone, and the daemon has not let go yet */
	uint32_t window_id;
	uint32_t id; /* unique on the connection */
	uint64_t offset;
	uint32_t width, height;
	enum buffer_owner owner;
	bool is_stale; /* of an earlier size: goes when it is ours again */
	bool is_new;   /* never committed */
	xcb_pixmap_t pixmap;
	struct dirty dirty; /* what of the window it does not show yet */
};

struct agent_window {
	struct list link; /* agent.windows[] */
	xcb_window_t id;  /* also on the wire */
	int32_t x, y;
	uint32_t width, height;
	uint8_t depth;
	bool override_redirect;
	bool is_mapped;
	bool is_announced;                             /* the daemon knows it */
	bool is_hidden;                                /* minimised on the host: nothing is drawn */
	bool takes_focus, accepts_delete, wants_input; /* what its owner said */
	xcb_window_t docked; /* the icon within: this is one of ours around it */

	/* content.c */
	xcb_damage_damage_t damage;
	xcb_pixmap_t content;             /* the name of what the X server draws into; or none */
	struct dirty changed;             /* since the last commit */
	struct window_buffer *committing; /* copied to, and not announced yet */
	uint32_t serial;
	uint64_t min_interval_ms, last_commit_ms;
};

struct agent {
	struct loop *loop;
	xcb_connection_t *x;
	xcb_screen_t *screen;
	struct atoms atoms;
	uint8_t damage_event, xfixes_event, xkb_event;
	xcb_window_t helper; /* owns selections, and says that somebody manages windows */
	xcb_window_t stub;   /* put under the pointer when it leaves all windows */
	bool must_end;
	int exit_status;

	struct list windows[WINDOW_HASH_SIZE]; /* agent_window.link */

	struct daemon *daemon;

	/* content.c */
	xcb_shm_seg_t memory; /* 0: none */
	struct pool pool;
	struct list buffers; /* window_buffer.link */
	uint32_t last_buffer_id;
	bool has_changes; /* some window may have something to commit */
	xcb_gcontext_t gc24, gc32;
	struct loop_timer *content_timer;

	/* input.c */
	xcb_keycode_t modifier_keys[MODIFIERS][16];
	unsigned int modifier_key_count;
	uint8_t keys_down[KEYCODES / 8]; /* by us */
	uint8_t locks;                   /* as last set */
	xcb_window_t pointer_window;     /* where the pointer is on the host, or none */
	xcb_window_t focus_window;

	struct clipboard *clipboard;
};

/* agent.c */
/* Whether there were any. */
bool agent_handle_x_events(struct agent *a);
/* Ends the agent: the service manager starts it again. */
void agent_fail(struct agent *a, const char *reason);
/* Sends an event of format 32 to a window. */
void agent_send_client_message(struct agent *a, xcb_window_t to, xcb_window_t about, uint32_t mask,
	xcb_atom_t type, const uint32_t data[5]);

/* daemon.c */
struct daemon *daemon_create(struct agent *a);
void daemon_destroy(struct daemon *d);
/* Whether messages are taken: after the handshake. */
bool daemon_is_connected(const struct daemon *d);
/* What the daemon can do of GUI_FEATURE_...; 0 before it said so. */
uint32_t daemon_features(const struct daemon *d);
/* Whether it was told that the window is gone, and has not said yet that it knows. */
bool daemon_is_dying(const struct daemon *d, uint32_t window);
/* Room in the queue: what can be left out is left out without. */
bool daemon_has_room(const struct daemon *d);
/* Sends, with `following` bytes behind (m->following of them). No connection: dropped. */
void daemon_send(struct daemon *d, const struct gui_message *m, const void *following);

/* windows.c */
struct agent_window *window_find(const struct agent *a, xcb_window_t id);
/* The one that the daemon speaks of; NULL too if it does not know of it (any more). */
struct agent_window *window_find_announced(const struct agent *a, uint32_t id);
void windows_init(struct agent *a);
/* The daemon is new: it is told of all there is. */
void windows_announce_all(struct agent *a);
void windows_forget_announced(struct agent *a);
void windows_handle_event(struct agent *a, const xcb_generic_event_t *event);
/* What a program may do only with our leave, and always gets. */
void windows_handle_request(struct agent *a, const xcb_generic_event_t *event);
/* The daemon has forgotten a window, whose number can be used again. */
void windows_handle_destroyed(struct agent *a, uint32_t id);
struct agent_window *window_add(struct agent *a, xcb_window_t id);
void window_remove(struct agent *a, struct agent_window *w);
void window_announce(struct agent *a, struct agent_window *w);
void window_send_configure(struct agent *a, const struct agent_window *w);

/* window_messages.c */
/* A message about a window that there is. Others are ignored. */
void window_handle_message(struct agent *a, struct agent_window *w, const struct gui_message *m);

/* properties.c */
void properties_send_all(struct agent *a, struct agent_window *w);
/* Sends what goes before and with MAP. */
void properties_send_map(struct agent *a, struct agent_window *w);
void properties_handle_change(struct agent *a, struct agent_window *w, xcb_atom_t atom);
/* The window's state as the daemon's window manager has it. */
void properties_set_flags(struct agent *a, xcb_window_t id, const struct gui_flags *flags);
/* _NET_WM_STATE and WM_CHANGE_STATE of a window's owner. */
void properties_handle_message(
	struct agent *a, struct agent_window *w, const xcb_client_message_event_t *event);

/* content.c */
/* Takes the memory over. 0 or -1. */
int content_init(struct agent *a, int memory_fd, struct err *err);
void content_watch(struct agent *a, struct agent_window *w);
/* Mapped, or of another size: all of it is new. */
void content_renew(struct agent *a, struct agent_window *w);
/* Unmapped: the daemon forgets its buffers by itself. */
void content_drop(struct agent *a, struct agent_window *w);
/* The window is gone; with it what the daemon does not hold. */
void content_forget(struct agent *a, struct agent_window *w);
/* The daemon is gone: no buffer is held by anybody. */
void content_forget_all(struct agent *a);
/* The daemon holds nothing of this window any more. */
void content_handle_destroyed(struct agent *a, uint32_t window);
void content_handle_damage(struct agent *a, const xcb_damage_notify_event_t *event);
void content_handle_release(struct agent *a, const struct gui_release *release);
void content_handle_frame(struct agent *a, struct agent_window *w, const struct gui_frame *frame);
/* Commits what has changed and may be committed now. */
void content_flush(struct agent *a);

/* input.c */
void input_init(struct agent *a);
void input_read_modifiers(struct agent *a);
void input_stop_repeat(struct agent *a);
void input_handle_key(struct agent *a, const struct gui_key *key);
void input_handle_button(
	struct agent *a, const struct agent_window *w, const struct gui_button *button);
void input_handle_motion(
	struct agent *a, const struct agent_window *w, const struct gui_motion *motion);
void input_handle_crossing(
	struct agent *a, const struct agent_window *w, const struct gui_crossing *crossing);
void input_handle_focus(
	struct agent *a, const struct agent_window *w, const struct gui_focus *focus);
void input_handle_keymap(struct agent *a, const struct gui_keymap *keymap);
void input_handle_scroll(
	struct agent *a, const struct agent_window *w, const struct gui_scroll *scroll);
void input_release_all(struct agent *a);

/* selection.c */
struct clipboard *clipboard_create(struct agent *a);
void clipboard_destroy(struct clipboard *c);
/* The daemon wants what is on the qube's clipboard. */
void clipboard_fetch(struct clipboard *c, uint32_t window);
/* The daemon gives it something; takes the bytes over. */
void clipboard_put(struct clipboard *c, char *data, size_t size);
void clipboard_handle_event(struct clipboard *c, const xcb_generic_event_t *event);

/* tray.c */
void tray_init(struct agent *a);
/* Whether the event was the tray's. */
bool tray_handle_message(struct agent *a, const xcb_client_message_event_t *event);
void tray_handle_icon_gone(struct agent *a, xcb_window_t icon);

/* cursor.c */
void cursor_init(struct agent *a);
void cursor_handle_event(struct agent *a, const xcb_generic_event_t *event);

#endif
