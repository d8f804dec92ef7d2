/* What the files of the core share; see core.h. */
#ifndef BULKHEAD_GUI_CORE_PRIVATE_H
#define BULKHEAD_GUI_CORE_PRIVATE_H

#include "base/list.h"
#include "gui/daemon/core.h"
#include "gui/daemon/damage.h"

#define CORE_BUCKETS 256
/* How often our geometry is sent again to an agent that answers with another one. */
#define CORE_RESENDS_MAX 8
#define CORE_POPUPS_MAX 32
#define CORE_OWNER_CHAIN_MAX 64
#define CORE_NOTICE_INTERVAL_MS 30000
#define CORE_COMPLAINTS_MAX 20
/* Icons that may wait for their windows. */
#define CORE_EARLY_ICONS_MAX 5

enum core_state {
	CORE_IDLE,    /* no connection */
	CORE_VERSION, /* waiting for the agent's version */
	CORE_RUNNING,
	CORE_BROKEN, /* after a violation */
};

enum buffer_owner {
	BUFFER_AGENT,
	BUFFER_DAEMON,
	BUFFER_SUPERSEDED, /* given back when its successor has been drawn */
	BUFFER_DRAWN,      /* the successor is under way to the screen: `fence` */
};

struct gui_buffer {
	struct list link; /* gui_window.buffers */
	uint32_t id;
	bool is_explicit;
	enum buffer_owner owner;
	uint32_t serial; /* of its last commit */
	uint64_t fence;
	struct display_image image;
};

struct gui_window {
	struct core *core;
	struct list link; /* core.buckets[] */
	uint32_t id;
	struct display_window *view;
	struct area place; /* of the content, in coordinates of the screen */
	bool mapped, docked, popup, focused;

	/* The geometry handshake (spec 2.4). */
	bool queued;
	unsigned int resends;

	uint32_t owner;           /* window that this one is transient for, 0: none */
	unsigned int state;       /* enum display_state as the window manager tells it */
	unsigned int first_state; /* what an unmapped window is to start with */
	uint32_t told_flags;      /* enum gui_flag as the agent was told */
	bool fake_fullscreen;     /* maximised in place of full screen */
	bool stop_told;           /* X_FRAME said that nothing is shown */

	struct list buffers;        /* gui_buffer.link */
	struct gui_buffer *current; /* what is shown, or NULL */
	struct damage damage;
	struct list dirty_link; /* core.dirty, or alone */
	bool has_serial;
	uint32_t serial; /* of the last commit */

	uint64_t focus_time_ms;
	bool button_since_focus;
};

/* An acknowledgement that waits until the display has done with the buffer before. */
struct core_ack {
	struct list link; /* core.acks */
	uint32_t window;
	uint64_t fence;
};

struct core_clipboard {
	bool requested;
	uint32_t time; /* of the user's chord, in X's milliseconds */
	uint64_t requested_at_ms;
	/* An answer that is coming in. */
	bool receiving, accepted;
	uint32_t left;
	uint64_t deadline_ms;
	struct buf data;
};

struct core {
	const struct gui_config *config;
	struct display *display;
	const struct core_handler *handler;
	void *data;
	uint64_t (*now_ms)(void);

	enum core_state state;
	uint32_t version, agent_version;
	uint64_t pool_bytes;
	uint32_t features; /* announced by both sides */
	bool caps_received, popup_notice_given;

	uint32_t hash_seed;
	struct list buckets[CORE_BUCKETS]; /* gui_window.link */
	unsigned int window_count, buffer_count, popup_count;
	struct list dirty; /* gui_window.dirty_link */
	struct list acks;  /* core_ack.link */
	uint64_t last_fence;

	bool have_header;
	struct gui_header header;
	uint32_t skip; /* bytes of the message before that nobody needs */

	struct buf out;
	bool stuck;
	bool motion_last; /* the last message in `out` is a motion of motion_window */
	uint32_t motion_window;

	struct gui_window *focused; /* or NULL */
	uint32_t swallowed_key;     /* keycode of a chord that is still down, 0: none */
	uint64_t input_time_ms;     /* of the last key or button, 0: none yet */
	struct core_clipboard clipboard;

	struct icon *early_icons[CORE_EARLY_ICONS_MAX];        /* or NULL */
	uint32_t icon_pixels[ICON_SHOWN_MAX * ICON_SHOWN_MAX]; /* the last, coloured */

	unsigned int complaints; /* lines in the log about this connection */
	unsigned int next_early_icon;
	uint64_t ask_notice_ms, guard_notice_ms;
};

/* core.c */
struct gui_window *core_find(struct core *c, uint32_t id);
/* Queues a message; a full queue marks the core as stuck. */
void core_send(struct core *c, const struct gui_message *m);
void core_send_bare(struct core *c, uint32_t type, uint32_t window);
bool core_has_minor(const struct core *c, enum gui_minor minor);
uint64_t core_now_ms(const struct core *c);
/*
 * Something a well-meaning agent does not do: ends the connection, or with the configuration so,
 * returns 0 after a word to the user, and the caller drops the message.
 */
int core_ask(struct core *c, struct err *err, uint32_t window, const char *what);
/* Whether one more line about the qube may go to the log: it must not fill the disk. */
bool core_may_complain(struct core *c);
/* The error of a violation: -1. */
int core_violation(struct core *c, struct err *err, uint32_t window, const char *what);
void core_notice(struct core *c, uint64_t *last_ms, const char *text);
/* Both at most once in an interval, whose last is at `last_ms`. */
void core_question(struct core *c, uint64_t *last_ms, const char *text);

/* Handlers of messages: 0, or -1 after a violation. */

/* core_window.c */
int window_create(struct core *c, const struct gui_message *m, struct err *err);
void window_destroy(struct gui_window *w);
int window_handle_destroy(struct gui_window *w);
int window_handle_map(struct gui_window *w, const struct gui_map *m);
int window_handle_unmap(struct gui_window *w);
int window_handle_dock(struct gui_window *w);

/* core_place.c: where windows may be, and whether as popups. */
int window_handle_configure(struct gui_window *w, const struct gui_configure *m, struct err *err);
void area_clamp(struct area *a, int64_t x, int64_t y, uint32_t width, uint32_t height);
/* Whether the window may be a popup now. */
bool window_may_be_popup(struct gui_window *w);
/* Pushes a window onto the screen as far as the rules demand. True when that changed it. */
bool window_force_on_screen(struct gui_window *w);
void window_set_popup(struct gui_window *w, bool popup);

/* core_look.c: texts, hints, flags, cursors. */
int window_handle_title(struct gui_window *w, const struct gui_title *m);
int window_handle_class(struct gui_window *w, const struct gui_class *m);
int window_handle_hints(struct gui_window *w, const struct gui_hints *m);
int window_handle_flags(struct gui_window *w, const struct gui_flags *m, struct err *err);
int window_handle_cursor(struct gui_window *w, const struct gui_cursor *m, struct err *err);

/* core_buffer.c: dumps, commits, and who owns which buffer. */
int core_handle_caps(struct core *c, const struct gui_caps *m, struct err *err);
int window_handle_dump(struct gui_window *w, const struct gui_message *m, struct err *err);
int window_handle_commit(struct gui_window *w, const struct gui_commit *m, struct err *err);
int window_handle_drop(struct gui_window *w, const struct gui_drop *m, struct err *err);
/* Forgets all buffers, giving the qube back what it lent. */
void window_drop_buffers(struct gui_window *w);

/* core_icon.c */
void window_take_early_icon(struct gui_window *w);
void core_forget_icons(struct core *c);

/* core_draw.c */
int window_handle_damage(struct gui_window *w, const struct gui_rectangle *m);
void window_damage(struct gui_window *w, const struct area *part);
void window_damage_all(struct gui_window *w);
void window_make_dirty(struct gui_window *w);

/* core_clipboard.c */
int core_clipboard_begin(struct core *c, uint32_t length);
/* Takes bytes of an answer. 1 when it is whole, 0 when more are needed, -1 when too late. */
int core_clipboard_take(struct core *c, struct buf *in, struct err *err);
void core_clipboard_forget(struct core *c);
/* Whether the key belongs to a chord; then it is not for the qube. */
bool core_clipboard_chord(
	struct gui_window *w, const struct gui_key *key, uint32_t keysym, uint32_t time);

#endif
