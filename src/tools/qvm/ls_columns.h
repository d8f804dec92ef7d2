/* The columns and formats of qvm-ls (spec cli.md section 3). */
#ifndef BULKHEAD_TOOLS_QVM_LS_COLUMNS_H
#define BULKHEAD_TOOLS_QVM_LS_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/qvm/ls_data.h"

struct column_kind;

struct column {
	char *header;                   /* owned: upper case, with dashes */
	char *property;                 /* owned: for a column that is a property */
	const struct column_kind *kind; /* NULL: a property */
};

struct column_set {
	struct column *items; /* owned */
	size_t count;
};

/* The columns of a list like "name,state,PRIV-MAX". */
void columns_parse(struct column_set *ret_set, const char *fields);
void columns_finish(struct column_set *set);

/* The fields of a format, or NULL when there is none of that name. */
const char *format_fields(const char *format);

/* Adds what the columns need to what is to be loaded. */
void columns_need(const struct column_set *set, struct ls_data *d);

/* The text of a cell, or NULL when the qube has no such value. The caller frees it. */
char *column_value(const struct column *c, const struct ls_data *d, size_t qube);

/* Whether the column is sorted by number. */
bool column_is_numeric(const struct column *c);

/* The column of that name (in any case, with dashes or underscores), or NULL. */
const struct column *columns_find(const struct column_set *set, const char *name);

void print_column_help(void);
void print_format_help(void);

#endif
