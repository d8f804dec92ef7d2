/* Menus of all qubes that have their programs from one of them (spec guest.md 1B.4). */
#ifndef BULKHEAD_TOOLS_SERVICES_MENUS_H
#define BULKHEAD_TOOLS_SERVICES_MENUS_H

#include <stddef.h>

#include "base/err.h"

/*
 * Keeps the list that a running qube gave, and then its icons; who follows what is kept writes the
 * menus of it. Only of a qube that is updated itself: others have their template's. 0 or -1 with
 * the error.
 */
int menus_keep(const char *qube, const char *untrusted_text, size_t size, struct err *err);

/* Writes the menu of a qube, or with NULL those of all, anew from what is kept. */
int menus_write(const char *qube_or_null, struct err *err);

/* Writes the menus of all qubes that have their programs from this one. */
int menus_write_of_source(const char *source, struct err *err);

/* The qube whose programs a qube has; the caller frees it. NULL with the error. */
char *menus_source(const char *qube, struct err *err);

#endif
