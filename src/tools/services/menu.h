/*
 * The programs of a qube's menu, as it lists them (spec guest.md 1B.4): lines
 * FILE.desktop:Key=Value. Every byte is the qube's; what this keeps is fit for files of dom0.
 */
#ifndef BULKHEAD_TOOLS_SERVICES_MENU_H
#define BULKHEAD_TOOLS_SERVICES_MENU_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

#define MENU_LINE_MAX 1024
#define MENU_LINES_MAX 100000
#define MENU_BYTES_MAX (16u << 20)
#define MENU_PROGRAMS_MAX 4096
#define MENU_ID_MAX 128

enum menu_field {
	MENU_NAME,
	MENU_GENERIC_NAME,
	MENU_COMMENT,
	MENU_WINDOW_CLASS,
	MENU_ICON,
	MENU_CATEGORIES,
	MENU_FIELD_COUNT,
};

struct menu_program {
	char *id;                       /* owned; [a-zA-Z0-9_][a-zA-Z0-9._-]* */
	char *fields[MENU_FIELD_COUNT]; /* owned; NULL when not given, or not acceptable */
};

struct menu {
	struct menu_program *programs; /* owned; sorted by id, each with a name */
	size_t count;
};

/*
 * Reads a list. A line that is not acceptable is left out, one that is too long whole; too many
 * of them are an error. 0 or -1 with the error.
 */
int menu_parse(const char *untrusted_text, size_t size, struct menu *ret_menu, struct err *err);
void menu_finish(struct menu *menu);

#define AUTO_MENU __attribute__((cleanup(menu_finish)))

/* NULL when there is none of this id. */
const struct menu_program *menu_find(const struct menu *menu, const char *id);

/* The list again, of what was kept. 0 or a negative errno. */
int menu_format(const struct menu *menu, struct buf *to);

#endif
