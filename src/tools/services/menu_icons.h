/*
 * Icons of a qube's programs: as they came from it, checked, and drawn in the colour of a label
 * for the menus.
 */
#ifndef BULKHEAD_TOOLS_SERVICES_MENU_ICONS_H
#define BULKHEAD_TOOLS_SERVICES_MENU_ICONS_H

#include <stdint.h>

#include "tools/services/menu.h"

#define MENU_ICON_SUFFIX ".rgba"

/* Asks the running qube for each, and keeps those that are right in the directory. */
void menu_icons_fetch(const char *qube, const struct menu *menu, const char *directory);

/* Draws one, if what is there is older. 0, or -1 when there is nothing to draw it of. */
int menu_icon_draw(const char *raw, const char *path, uint32_t colour);

#endif
