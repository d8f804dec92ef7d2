/* Menus of all qubes that have their programs from one of them (spec guest.md 1B.4). */
#ifndef BULKHEAD_TOOLS_SERVICES_MENUS_H
#define BULKHEAD_TOOLS_SERVICES_MENUS_H

#include <stddef.h>

#include "base/err.h"

/*
 * Takes the list that a running qube gave, fetches the icons and writes the menus of all qubes
 * that show its programs. Only of a qube that is updated itself: others have their template's.
 * 0 or -1 with the error.
 */
int menus_take(const char *qube, const char *untrusted_text, size_t size, struct err *err);

/* Writes the menu of a qube, or with NULL those of all, anew from what is kept. */
int menus_write(const char *qube_or_null, struct err *err);

/* The qube whose programs a qube has; the caller frees it. NULL with the error. */
char *menus_source(const char *qube, struct err *err);

#endif
