/*
 * The daemon's helper: a process of its own, forked before the daemon gives everything away. It may
 * open files and sockets and start notify-send, and never sees a byte of the qube but the text that
 * the user copied. It does one thing after the other, and blocks while it does.
 */
#ifndef BULKHEAD_GUI_HELPER_H
#define BULKHEAD_GUI_HELPER_H

#include "base/loop.h"
#include "gui/daemon/config.h"
#include "gui/daemon/core.h"

struct helper;

struct helper_handler {
	/* The qube's agent is there: its stream, and its window memory or -1. Taken over. */
	void (*handle_connected)(void *data, int stream_fd, int pool_fd);
	/* The qube is gone for good, or may not be reached. */
	void (*handle_refused)(void *data);
	void (*handle_paste)(void *data, uint32_t window, const void *bytes, size_t size);
	/* The helper died; nothing works without it. */
	void (*handle_lost)(void *data);
};

/* Forks. Before the loop has sources and before the sandbox. NULL with the error. */
struct helper *helper_start(const struct gui_config *config, struct err *err);
int helper_watch(struct helper *h, struct loop *loop, const struct helper_handler *handler,
	void *data, struct err *err);
void helper_stop(struct helper *h);

/* Asks for a connection; the answer comes when there is one. */
void helper_connect(struct helper *h);
void helper_copy(struct helper *h, enum core_copy_result result, const void *bytes, size_t size,
	uint32_t time, uint32_t agent_version);
void helper_paste(struct helper *h, uint32_t window, uint32_t time);
void helper_notify(struct helper *h, const char *text);
/* The same, with the choice to end the qube. */
void helper_ask(struct helper *h, const char *text);

#endif
