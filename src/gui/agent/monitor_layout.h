/* The monitors of the host, as a call of the host tells them. */
#ifndef BULKHEAD_GUI_AGENT_MONITOR_LAYOUT_H
#define BULKHEAD_GUI_AGENT_MONITOR_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define MONITORS_MAX 16 /* outputs of the dummy driver */
#define MONITOR_LINES_MAX 64
#define MONITOR_LINE_MAX 127
#define MONITOR_SIZE_MAX 16384

struct monitor {
	uint16_t width, height;
	int16_t x, y;
	uint32_t width_mm, height_mm; /* 0: not told */
};

struct monitor_layout {
	struct monitor monitors[MONITORS_MAX];
	size_t count;
	uint16_t width, height; /* of all together */
};

/* Lines `W H X Y [W_MM H_MM]`; monitors beyond MONITORS_MAX are left out. 0 or -1. */
int monitor_layout_parse(const char *text, struct monitor_layout *ret_layout, struct err *err);

#endif
