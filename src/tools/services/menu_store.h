/*
 * What dom0 keeps of the menus of qubes, in /var/lib/qubes/appmenus: a directory for each qube
 * whose programs are its own, with the list and the icons as they came. A person who may not write
 * there keeps what is drawn for the own menus, and what the own tools asked for, in
 * $XDG_DATA_HOME/bulkhead/menus; of two lists the newer counts.
 */
#ifndef BULKHEAD_TOOLS_SERVICES_MENU_STORE_H
#define BULKHEAD_TOOLS_SERVICES_MENU_STORE_H

#include <stdint.h>

#include "base/err.h"
#include "tools/services/menu.h"

#define MENU_STORE "/var/lib/qubes/appmenus"
#define MENU_LIST "list"

/*
 * The directory that we keep things in, which is there then; the caller frees it. NULL with the
 * error.
 */
char *menu_store_directory(struct err *err);

/* Replaces the list that is kept of a qube. 0 or -1 with the error. */
int menu_store_save(const char *qube, const struct menu *menu, struct err *err);
/* An empty menu when nothing is kept. */
int menu_store_load(const char *qube, struct menu *ret_menu, struct err *err);

/*
 * Fetches the icons from the running qube in place of those that are kept; what it has not, or
 * gives wrongly, is left out.
 */
void menu_store_fetch_icons(const char *qube, const struct menu *menu);

/*
 * The icon of a program in a label's colour, made if there is one to make it of; else the label's
 * sign. The caller frees the path. NULL with the error.
 */
char *menu_store_icon(const char *qube, const char *id, uint32_t colour, struct err *err);

#endif
