/* Keeping the menus of the desktop as the qubes are, for as long as a session lasts. */
#ifndef BULKHEAD_TOOLS_SERVICES_MENU_WATCH_H
#define BULKHEAD_TOOLS_SERVICES_MENU_WATCH_H

#include "base/err.h"
#include "tools/lib/admin_reply.h"

/*
 * Writes all menus, then follows the daemon's events, over its restarts too, and the lists that
 * are kept. Never returns.
 */
void menu_watch(void) __attribute__((noreturn));

/* What an event means for the menus. */
enum menu_change {
	MENU_UNTOUCHED,
	MENU_ADDED,   /* write that of the qube */
	MENU_REMOVED, /* remove that of the qube */
	MENU_ALL,     /* write all: others may have theirs from it */
};

/* The qube is borrowed from the event. */
enum menu_change menu_change_of(const struct admin_event *event, const char **ret_qube);

#endif
