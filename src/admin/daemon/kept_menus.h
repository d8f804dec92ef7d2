/* What dom0's menus keep of a qube (tools/services/menu_store.h) goes with the qube. */
#ifndef BULKHEAD_ADMIN_DAEMON_KEPT_MENUS_H
#define BULKHEAD_ADMIN_DAEMON_KEPT_MENUS_H

#include "admin/model/events.h"

/* Follows the removals of qubes until it is unsubscribed. */
struct event_subscriber *kept_menus_follow(struct app *app);

#endif
