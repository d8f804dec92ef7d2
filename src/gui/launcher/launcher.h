/*
 * qvm-start-daemon: starts a gui-daemon for each running qube that has windows, and stops it with
 * the qube. Runs in the person's session, beside the display; speaks the Admin API, and never a
 * word with a qube.
 */
#ifndef BULKHEAD_GUI_LAUNCHER_H
#define BULKHEAD_GUI_LAUNCHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/loop.h"

/* What is asked of a qube before its daemon is started. */
struct gui_qube {
	char *name, *label_colour, *label_name; /* owned */
	unsigned int domain;
	uint32_t label_index;
	bool wanted; /* its guivm is this one, and it has windows */
	bool unused; /* a disposable that is kept ready: it has none before somebody uses it */
	bool debug, monitor_layout;
	char *keyboard_layout; /* or NULL; owned */
	struct buf config;     /* text of its guid.conf */
};

/* Asks all of it. 0 or -1 with the error; finish in both cases. */
int gui_qube_load(struct gui_qube *q, const char *name, struct err *err);
void gui_qube_finish(struct gui_qube *q);
/* The value of a feature as a line of guid.conf; -1 when it is none. */
int gui_qube_add_option(struct buf *config, const char *key, const char *value, struct err *err);

struct launcher_options {
	bool watch, all, force, kde, debug, notify_layout;
	const char *pidfile;
	const char *const *names; /* empty: those that run */
	size_t name_count;
	const char *const *excluded;
	size_t excluded_count;
};

/* Starts daemons for those that run and returns, or stays and follows. The exit status. */
int launcher_run(const struct launcher_options *options);

/* Writes guid-conf.N and returns its path, which the caller frees. NULL with the error. */
char *launcher_write_config(const struct gui_qube *q, struct err *err);
/*
 * Starts gui-daemon: in the foreground as our child, with the socket over which it gets its calls
 * (-1: none), or one that goes to the background.
 */
pid_t launcher_start_daemon(const struct gui_qube *q, bool foreground, int calls_fd,
	const struct launcher_options *options, struct err *err);
/* Where a program of ours is; the caller frees it. */
char *launcher_program(const char *name);
char *launcher_helper(const char *name);

/* The screen: its monitors as lines for qubes.SetMonitorLayout. */
struct monitors;
/* handle_changed: they changed; handle_lost: the X server is gone. NULL with the error. */
struct monitors *monitors_open(struct loop *loop, void (*handle_changed)(void *data),
	void (*handle_lost)(void *data), void *data, struct err *err);
void monitors_close(struct monitors *m);
int monitors_describe(struct monitors *m, struct buf *ret_lines);
/* Sends the lines to a qube; the child ends by itself. */
void monitors_send(struct monitors *m, const char *qube);
/* The real density in one of four steps, so that a qube does not learn the exact monitor; in
 * millimetres for a size in pixels. */
unsigned int monitors_shown_mm(unsigned int pixels, unsigned int real_mm);

#endif
