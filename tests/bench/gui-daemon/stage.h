/*
 * What the measurements of gui-daemon stand on: an X server of their own, the daemon, the agent's
 * end of its stream with a window memory, and what processes have used.
 */
#ifndef BENCH_GUI_STAGE_H
#define BENCH_GUI_STAGE_H

#include <sys/types.h>
#include <xcb/xcb.h>

#include "gui/protocol/protocol.h"

#define STAGE_POOL_BYTES ((uint64_t)64 << 20)
#define STAGE_LABEL 0x73d216

struct stage {
	const char *daemon_path;
	char directory[64];
	pid_t x_server;
	int pool_fd;
	uint32_t *pool; /* the qube's mapping */
	int domains;    /* numbers given out */
};

/* One qube: its daemon, and the agent's end of the stream. */
struct qube {
	struct stage *stage;
	pid_t daemon;
	int listen_fd, fd;
	struct buf in;
};

/* Sets DISPLAY. Ends the program with a word where something is missing. */
void stage_start(struct stage *s, const char *daemon_path);
void stage_stop(struct stage *s);

/* A daemon that draws at most once in so many milliseconds, connected. */
void qube_start(struct qube *q, struct stage *s, const char *name, const char *interval_ms);
void qube_stop(struct qube *q);
void qube_put(struct qube *q, const struct gui_message *m);
/* The next message from the daemon. */
void qube_take(struct qube *q, struct gui_message *ret_message);
/* The next of a type; what comes before is dropped. */
void qube_take_type(struct qube *q, uint32_t type, struct gui_message *ret_message);
void qube_open_window(struct qube *q, uint32_t id, int x, int y, uint32_t width, uint32_t height);
/* Registers a buffer of the window memory, packed behind those with lower numbers. */
void qube_register(struct qube *q, uint32_t id, uint32_t buffer, uint32_t width, uint32_t height);
void qube_commit(struct qube *q, uint32_t id, uint32_t buffer, uint32_t serial);
uint32_t stage_buffer_offset(uint32_t buffer, uint32_t width, uint32_t height);

double stage_now(void);
/* Processor seconds of a process with all its threads so far. */
double stage_processor_time(pid_t pid);
/* Memory of a process that is its own, in KiB. */
long stage_resident_kib(pid_t pid);
int stage_compare_doubles(const void *a, const void *b);
double stage_median(double *values, size_t count);

#endif
