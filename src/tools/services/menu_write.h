/*
 * The menus of the desktop: for each qube a file for each program that it shows, in
 * $XDG_DATA_HOME/applications of the person, or in /usr/local/share/applications when root asks.
 */
#ifndef BULKHEAD_TOOLS_SERVICES_MENU_WRITE_H
#define BULKHEAD_TOOLS_SERVICES_MENU_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "tools/services/menu.h"

/* A qube as its menu shows it. */
struct menu_qube {
	const char *name;
	const char *source; /* the qube whose programs it has: its template, or itself */
	uint32_t colour;    /* of its label */
	bool disposable;    /* its programs run in disposables made of it */
	const char *chosen; /* ids, separated by blanks, or NULL: all */
};

/* Makes its files what they should be, and removes others of it. 0 or -1 with the error. */
int menu_write(const struct menu_qube *qube, const struct menu *menu, struct err *err);

/* Removes all files of a qube. */
int menu_remove(const char *qube, struct err *err);

/* The text of one file; for menu_write() and the tests. The caller frees it. */
char *menu_entry_text(
	const struct menu_qube *qube, const struct menu_program *program, const char *icon);
/* Its name: no two qubes and programs share one. The caller frees it. */
char *menu_entry_file_name(const char *qube, const char *id);

#endif
