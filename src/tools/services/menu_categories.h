/* The categories of menus that the desktop knows. */
#ifndef BULKHEAD_TOOLS_SERVICES_MENU_CATEGORIES_H
#define BULKHEAD_TOOLS_SERVICES_MENU_CATEGORIES_H

/* Those of a list "One;Two;" that are known, in the same form; the caller frees it. NULL: none. */
char *menu_categories_filter(const char *untrusted_list);

#endif
