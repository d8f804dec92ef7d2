/*
 * Where the icons of the qube's windows come in: the launcher hands over the calls of
 * qubes.WindowIconUpdater, one of which counts, the newest. A qube that sends without a pause is
 * read slowly; one that sends nonsense loses the call and nothing else.
 */
#ifndef BULKHEAD_GUI_ICON_INPUT_H
#define BULKHEAD_GUI_ICON_INPUT_H

#include "base/loop.h"
#include "gui/daemon/core.h"
#include "gui/daemon/display.h"

struct icon_input;

/* `fd` is the launcher's socket, over which descriptors come; not owned. NULL with the error. */
struct icon_input *icon_input_create(
	struct loop *loop, int fd, struct core *core, struct display *display, struct err *err);
void icon_input_destroy(struct icon_input *input);
/* The agent has gone: what was sent is forgotten, and has to be sent again by a new call. */
void icon_input_hang_up(struct icon_input *input);

#endif
