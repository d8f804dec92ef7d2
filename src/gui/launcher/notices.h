/*
 * Notifications of qubes, shown on the host with the qube's name: a filter of its own reads each
 * call (src/gui/notices), and what it lets through is given to notify-send. A qube that shows
 * without a pause is cut short.
 */
#ifndef BULKHEAD_GUI_NOTICES_H
#define BULKHEAD_GUI_NOTICES_H

#include "base/loop.h"

#define NOTICES_SOCKET "/run/qubes/notifications.sock"
#define NOTICES_PER_SECOND 5

struct notices;

/* Takes the call of a qube over; `name` and `label` are copied. NULL when it can not be read. */
struct notices *notices_start(struct loop *loop, const char *name, const char *label, int fd);
/* Ends the call. Takes NULL. */
void notices_stop(struct notices *n);

#endif
