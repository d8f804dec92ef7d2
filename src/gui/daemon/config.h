/*
 * What a gui-daemon is told: built-in defaults, then guid.conf, then the command line (spec gui.md
 * 7). All of it is trusted, read before the first byte of the qube, and never changes.
 */
#ifndef BULKHEAD_GUI_CONFIG_H
#define BULKHEAD_GUI_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/text.h"

#define GUI_CONFIG_PATH "/etc/qubes/guid.conf"
#define GUI_SCREENSAVERS_MAX 10
#define GUI_PROPERTIES_MAX 10
#define GUI_WINDOWS_DEFAULT 500
#define GUI_WINDOWS_MAX 4096
#define GUI_CLIPBOARD_DEFAULT 64000
#define GUI_CLIPBOARD_MIN 256
#define GUI_EVENT_DELAY_MAX_MS 5000

enum gui_popups {
	GUI_POPUPS_ALLOWED, /* as override-redirect windows */
	GUI_POPUPS_MANAGED, /* as ordinary windows */
};

enum gui_tray_colouring {
	GUI_TRAY_BACKGROUND,
	GUI_TRAY_BORDER,
	GUI_TRAY_TINT,
};

struct gui_tray_mode {
	enum gui_tray_colouring colouring;
	int border; /* 0, 1 or 2: one pixel at inset border - 1 */
	bool half_saturation, keep_white;
};

/* A chord: modifiers as in X's state, and a keysym; keysym 0 when there is none. */
struct gui_chord {
	uint32_t modifiers, keysym;
};

/* `-p NAME=TYPE:VALUE`: one more property of each window. */
struct gui_extra_property {
	char *name, *value;
	char type; /* 's' text, 'a' atom, 'c' list of numbers */
};

struct gui_config {
	char name[QUBE_NAME_MAX + 1];
	unsigned int domain; /* 0 until it is known */
	uint32_t colour;     /* 0xRRGGBB */
	uint8_t label;       /* index */
	char *icon_path, *config_path;
	int log_verbosity;

	bool allow_fullscreen, override_redirect_protection, allow_utf8_titles, title_name;
	enum gui_popups popups;
	bool strict_popups;
	struct gui_chord copy, paste;
	unsigned int max_clipboard_bytes;
	struct gui_tray_mode tray;
	uint32_t background; /* 0xRRGGBB */
	unsigned int startup_timeout_s, max_event_delay_ms, max_windows;

	char *screensavers[GUI_SCREENSAVERS_MAX];
	unsigned int screensaver_count;
	struct gui_extra_property properties[GUI_PROPERTIES_MAX];
	unsigned int property_count;

	bool invisible, foreground, background_start, allow_old_agent;
	bool disconnect_on_violation;
	unsigned int paste_guard_ms, draw_interval_ms;
	char *connect;   /* "unix:PATH", or NULL for the qube's vchan */
	char *state_dir; /* instead of /run/qubes */
	char *policy_socket;
	int pool_fd, stats_fd, ready_fd, icons_fd; /* -1: none */
	int kill_on_connect;                       /* a process number, 0: none */
};

void gui_config_init(struct gui_config *c);
void gui_config_finish(struct gui_config *c);

/*
 * Reads guid.conf: the group "global". A missing file is a warning and no error; syntax errors and
 * values that are none are errors, but for a wrong max_clipboard_size, which is a warning.
 */
int gui_config_read(struct gui_config *c, const char *path, struct err *err);

/* One option of guid.conf by its name, from text. For features and tests. */
int gui_config_set(struct gui_config *c, const char *key, const char *value, struct err *err);

/* "0xRRGGBB", "#RRGGBB" or one of X's common colour names. 0 or -EINVAL. */
int gui_parse_colour(const char *text, uint32_t *ret_colour);
/* "Ctrl-Shift-c", "none". 0 or -EINVAL. */
int gui_parse_chord(const char *text, struct gui_chord *ret_chord);
/* "tint+border1+saturation50", "bg", "border2". 0 or -EINVAL. */
int gui_parse_tray_mode(const char *text, struct gui_tray_mode *ret_mode);

#endif
