/*
 * Rows of text in aligned columns, two spaces apart. Cells are copied; control bytes in them are
 * shown as '?', so that a value can not move the cursor or forge a row.
 */
#ifndef BULKHEAD_TOOLS_LIB_TABLE_H
#define BULKHEAD_TOOLS_LIB_TABLE_H

#include <stddef.h>
#include <stdio.h>

struct table {
	size_t columns;
	char **cells; /* row after row, each owned */
	size_t count;
	size_t capacity;
};

void table_init(struct table *t, size_t columns);
void table_finish(struct table *t);

#define AUTO_TABLE __attribute__((cleanup(table_finish)))

/* Adds the next cell, left to right and then top to bottom. */
void table_add(struct table *t, const char *text);

/* Prints all rows; the last column is not padded. */
void table_print(const struct table *t, FILE *to);

/* Columns that a text takes on a terminal: its UTF-8 code points. */
size_t text_width(const char *text);

#endif
