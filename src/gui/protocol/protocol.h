/*
 * The GUI protocol: numbers, limits, messages, and their bytes (docs/gui.md). Used at both ends; no
 * I/O, no X. The bytes come from a stranger at either end: nothing is believed but what
 * is checked here, and what needs state (a window that exists) is checked by the caller.
 */
#ifndef BULKHEAD_GUI_PROTOCOL_H
#define BULKHEAD_GUI_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* The agent serves, the daemon joins. */
#define GUI_VCHAN_PORT 6000 /* VCHAN_PORT_GUI */

#define GUI_VERSION(major, minor) ((uint32_t)(major) << 16 | (minor))
#define GUI_VERSION_MAJOR(version) ((version) >> 16)
#define GUI_VERSION_MINOR(version) ((version)&0xffff)
/* What we speak, and what an agent answers to at least. */
#define GUI_VERSION_OURS GUI_VERSION(1, 8)
#define GUI_VERSION_OLDEST GUI_VERSION(1, 4)

/* What came with which minor version. */
enum gui_minor {
	GUI_MINOR_WMCLASS = 1,
	GUI_MINOR_CLIPBOARD_LENGTH = 2,
	GUI_MINOR_TWO_WAY = 4,
	GUI_MINOR_DESTROY_ECHO = 5,
	GUI_MINOR_STRICT_LENGTH = 6,
	GUI_MINOR_DUMP_ACK = 7,
	GUI_MINOR_LARGE_CLIPBOARD = 8,
};

/* Limits of the protocol. */
#define GUI_MAX_WIDTH 16384
#define GUI_MAX_HEIGHT 6144
#define GUI_PAGE_BYTES 4096
#define GUI_MAX_PAGES 98304 /* GUI_MAX_WIDTH * GUI_MAX_HEIGHT * 4 bytes */
#define GUI_TITLE_BYTES 128
#define GUI_CLASS_BYTES 64
#define GUI_KEYMAP_BYTES 32
#define GUI_CLIPBOARD_MAX 256000
#define GUI_CLIPBOARD_MAX_OLD 65000 /* before GUI_MINOR_LARGE_CLIPBOARD */
#define GUI_CURSOR_DEFAULT 0
#define GUI_CURSOR_X11 0x100 /* plus the glyph of the X cursor font */
#define GUI_CURSOR_X11_END 0x19a

/* Window memory (extension version 1). */
#define GUI_EXTENSION_VERSION 1
#define GUI_POOL_MAX_BUFFERS_PER_WINDOW 4
#define GUI_POOL_MAX_BUFFERS 1024
#define GUI_POOL_MAX_STRIDE 65536
#define GUI_POOL_MAX_RECTANGLES 32
#define GUI_POOL_MAX_BYTES ((uint64_t)1 << 32)
#define GUI_FRAME_STOPPED UINT32_MAX /* gui_frame.min_interval_us: nothing is shown */

enum gui_type {
	GUI_KEYPRESS = 124,
	GUI_BUTTON = 125,
	GUI_MOTION = 126,
	GUI_CROSSING = 127,
	GUI_FOCUS = 128,
	GUI_CREATE = 130,
	GUI_DESTROY = 131,
	GUI_MAP = 132,
	GUI_UNMAP = 133,
	GUI_CONFIGURE = 134,
	GUI_MFNDUMP = 135,
	GUI_SHMIMAGE = 136,
	GUI_CLOSE = 137,
	GUI_CLIPBOARD_REQ = 139,
	GUI_CLIPBOARD_DATA = 140,
	GUI_WMNAME = 141,
	GUI_KEYMAP_NOTIFY = 142,
	GUI_DOCK = 143,
	GUI_WINDOW_HINTS = 144,
	GUI_WINDOW_FLAGS = 145,
	GUI_WMCLASS = 146,
	GUI_WINDOW_DUMP = 147,
	GUI_CURSOR = 148,
	GUI_WINDOW_DUMP_ACK = 149,

	/* Ours; spoken only after both sides sent GUI_X_CAPS. */
	GUI_X_CAPS = 0x51470001,
	GUI_X_COMMIT = 0x51470003,
	GUI_X_RELEASE = 0x51470004,
	GUI_X_FRAME = 0x51470005,
	GUI_X_DROP = 0x51470006,
	GUI_X_SCROLL = 0x51470010,
};

enum gui_direction {
	GUI_TO_DAEMON,
	GUI_TO_AGENT,
};

/* The values of X that stand in the messages. */
enum gui_event_type {
	GUI_EVENT_KEY_PRESS = 2,
	GUI_EVENT_KEY_RELEASE = 3,
	GUI_EVENT_BUTTON_PRESS = 4,
	GUI_EVENT_BUTTON_RELEASE = 5,
	GUI_EVENT_ENTER = 7,
	GUI_EVENT_LEAVE = 8,
	GUI_EVENT_FOCUS_IN = 9,
	GUI_EVENT_FOCUS_OUT = 10,
};

enum gui_hint {
	GUI_HINT_USER_POSITION = 0x001,
	GUI_HINT_PROGRAM_POSITION = 0x004,
	GUI_HINT_MIN_SIZE = 0x010,
	GUI_HINT_MAX_SIZE = 0x020,
	GUI_HINT_INCREMENT = 0x040,
	GUI_HINT_BASE_SIZE = 0x100,
};

enum gui_flag {
	GUI_FLAG_FULLSCREEN = 1,
	GUI_FLAG_ATTENTION = 2,
	GUI_FLAG_MINIMIZE = 4,
};

/* Types of a dump; an enumeration does not hold the second. */
#define GUI_DUMP_GRANTS 0U
#define GUI_DUMP_POOL 0x80000001U

enum gui_dump_flag {
	GUI_DUMP_EXPLICIT = 1,
};

#define GUI_FOURCC_XR24 0x34325258
#define GUI_FOURCC_AR24 0x34325241 /* taken for XR24: alpha is ignored */

enum gui_feature {
	GUI_FEATURE_POOL = 1 << 0,
	GUI_FEATURE_COMMIT = 1 << 1,
	GUI_FEATURE_FRAME = 1 << 2,
	GUI_FEATURE_SCALE = 1 << 3,
	GUI_FEATURE_INPUT = 1 << 4,
};

/*
 * Bodies. Those of 32-bit fields only lie in memory as on the wire but for the byte order; that
 * is why they have no other members, and why X_CAPS and the dump have their 64 bits in halves.
 */
struct gui_xconf {
	uint32_t width, height, depth, memory_kib;
};

struct gui_key {
	uint32_t type; /* GUI_EVENT_KEY_... */
	int32_t x, y;
	uint32_t state, keycode;
};

struct gui_button {
	uint32_t type; /* GUI_EVENT_BUTTON_... */
	int32_t x, y;
	uint32_t state, button;
};

struct gui_motion {
	int32_t x, y;
	uint32_t state, is_hint;
};

struct gui_crossing {
	uint32_t type; /* GUI_EVENT_ENTER, _LEAVE */
	int32_t x, y;
	uint32_t state, mode, detail, focus;
};

struct gui_focus {
	uint32_t type; /* GUI_EVENT_FOCUS_... */
	uint32_t mode, detail;
};

struct gui_create {
	int32_t x, y;
	uint32_t width, height, parent, override_redirect;
};

struct gui_map {
	uint32_t transient_for, override_redirect;
};

struct gui_configure {
	int32_t x, y;
	uint32_t width, height, override_redirect;
};

struct gui_rectangle {
	int32_t x, y;
	uint32_t width, height;
};

struct gui_hints {
	uint32_t flags; /* enum gui_hint */
	uint32_t min_width, min_height, max_width, max_height;
	uint32_t width_increment, height_increment, base_width, base_height;
};

struct gui_flags {
	uint32_t set, unset; /* enum gui_flag */
};

/* Texts as they stand in the message: fill every byte, and trust no NUL. */
struct gui_title {
	char untrusted_text[GUI_TITLE_BYTES];
};

struct gui_class {
	char untrusted_class[GUI_CLASS_BYTES];
	char untrusted_name[GUI_CLASS_BYTES];
};

struct gui_keymap {
	uint8_t bits[GUI_KEYMAP_BYTES];
};

struct gui_cursor {
	uint32_t id;
};

/* The second part is there only for GUI_DUMP_POOL. */
struct gui_dump {
	uint32_t type, width, height, bits_per_pixel;
	uint32_t buffer_id; /* unique on the connection, not 0 */
	uint32_t fourcc;
	uint32_t offset_low, offset_high; /* from the start of the window memory */
	uint32_t stride;
	uint32_t flags; /* enum gui_dump_flag */
	uint32_t scale120, reserved;
};

struct gui_caps {
	uint32_t extension_version;
	uint32_t features; /* enum gui_feature */
	uint32_t max_buffers_per_window, max_buffers;
	uint32_t pool_low, pool_high; /* size of the window memory in bytes */
};

struct gui_commit {
	uint32_t buffer_id, serial;
	uint32_t count; /* 0: the whole buffer */
	uint32_t reserved;
	struct gui_rectangle rectangles[GUI_POOL_MAX_RECTANGLES];
};

struct gui_release {
	uint32_t buffer_id, serial;
};

struct gui_frame {
	uint32_t serial, min_interval_us;
};

struct gui_drop {
	uint32_t buffer_id;
};

struct gui_scroll {
	int32_t dx120, dy120; /* 120 a notch */
	uint32_t source;
};

struct gui_message {
	uint32_t type, window;
	/*
	 * Bytes that follow what is decoded: the content of GUI_CLIPBOARD_DATA, the references of
	 * a GUI_DUMP_GRANTS. Whoever encodes sets it and puts them behind; whoever decodes takes
	 * or skips them.
	 */
	uint32_t following;
	union {
		struct gui_key key;
		struct gui_button button;
		struct gui_motion motion;
		struct gui_crossing crossing;
		struct gui_focus focus;
		struct gui_create create;
		struct gui_map map;
		struct gui_configure configure;
		struct gui_rectangle damage; /* GUI_SHMIMAGE */
		struct gui_hints hints;
		struct gui_flags flags;
		struct gui_title title;
		struct gui_class class;
		struct gui_keymap keymap;
		struct gui_cursor cursor;
		struct gui_dump dump;
		struct gui_caps caps;
		struct gui_commit commit;
		struct gui_release release;
		struct gui_frame frame;
		struct gui_drop drop;
		struct gui_scroll scroll;
	};
};

#define GUI_HEADER_BYTES 12
/* No decoded part of a body is longer. */
#define GUI_BODY_MAX sizeof(struct gui_commit)

struct gui_header {
	uint32_t type, window, untrusted_length;
};

/* "CREATE", ...; "unknown" for a number that is none. */
const char *gui_type_name(uint32_t type);
/* Whether the type exists and may go in this direction. */
bool gui_type_allowed(uint32_t type, enum gui_direction direction);

/* 0, or -EAGAIN while fewer than GUI_HEADER_BYTES are held. */
int gui_get_header(struct buf *b, struct gui_header *ret_header);

/*
 * Whether the length can be that of the type, which must be an allowed one. Limits of the clipboard
 * depend on the version.
 */
bool gui_length_valid(const struct gui_header *h, uint32_t version);

/* Bytes of the body that have to be held before gui_get_body(): all but those that follow. */
size_t gui_decoded_size(const struct gui_header *h);

/*
 * Decodes a body whose header passed gui_length_valid(). 0; -EAGAIN while bytes are missing, and
 * nothing is consumed; -EBADMSG when fields contradict the length (GUI_X_COMMIT).
 */
int gui_get_body(struct buf *b, const struct gui_header *h, struct gui_message *ret_message);

/* Appends header and body; of a type that exists. 0, -ENOBUFS or -ENOMEM, and then nothing. */
int gui_put_message(struct buf *b, const struct gui_message *m);

/* The handshake: bare version numbers, then the daemon's picture of the screen. */
int gui_put_xconf(struct buf *b, const struct gui_xconf *conf);
int gui_get_xconf(struct buf *b, struct gui_xconf *ret_conf);
/* What the daemon sends for a screen. */
struct gui_xconf gui_xconf_of(uint32_t width, uint32_t height, uint32_t depth);
/* The version both speak, from the agent's; 0 when there is none. */
uint32_t gui_negotiate(uint32_t untrusted_agent_version);

static inline uint64_t
gui_dump_offset(const struct gui_dump *d)
{
	return (uint64_t)d->offset_high << 32 | d->offset_low;
}

static inline uint64_t
gui_caps_pool_bytes(const struct gui_caps *c)
{
	return (uint64_t)c->pool_high << 32 | c->pool_low;
}

/*
 * The checks of a pool buffer that need no state: size of the image, format, place within a window
 * memory of pool_bytes, flags, no reserved bit. NULL when it is good, else what is not.
 */
const char *gui_check_pool_dump(const struct gui_dump *d, uint32_t features, uint64_t pool_bytes);

#endif
