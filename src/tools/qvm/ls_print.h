/* How qvm-ls shows the chosen qubes: in which order, and in which form. */
#ifndef BULKHEAD_TOOLS_QVM_LS_PRINT_H
#define BULKHEAD_TOOLS_QVM_LS_PRINT_H

#include <stdbool.h>

#include "tools/qvm/ls_columns.h"
#include "tools/qvm/ls_data.h"

enum ls_form { LS_TABLE, LS_RAW_DATA, LS_RAW_LIST, LS_JSON };

struct ls_view {
	const struct ls_data *data;
	const struct column_set *columns;
	enum ls_form form;
	const struct column *sort; /* NULL: by name */
	bool reverse, ignore_case;
	bool tree; /* children under their netvm */
};

/* Prints the chosen qubes to stdout. */
void ls_print(const struct ls_view *view);

#endif
