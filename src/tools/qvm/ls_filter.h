/* Which qubes qvm-ls shows: filters that all have to let a qube pass. */
#ifndef BULKHEAD_TOOLS_QVM_LS_FILTER_H
#define BULKHEAD_TOOLS_QVM_LS_FILTER_H

#include <stdbool.h>

#include "tools/lib/options.h"
#include "tools/qvm/ls_data.h"

struct ls_filter {
	struct option_list classes, labels, tags, exclude_tags, templates, netvms;
	struct option_list features, properties; /* NAME, NAME=, NAME=VALUE */
	bool running, paused, halted, pending_update;
	const char *internal, *servicevm; /* y, n or NULL */
};

/* Whether the values are well formed; if not, *ret_option names the option that is not. */
bool ls_filter_valid(const struct ls_filter *f, const char **ret_option);
void ls_filter_need(const struct ls_filter *f, struct ls_data *d);
/* Takes the choice away from qubes that do not pass what is known before the details. */
void ls_filter_first(const struct ls_filter *f, struct ls_data *d);
/* The same by features and tags. */
void ls_filter_details(const struct ls_filter *f, struct ls_data *d);
void ls_filter_finish(struct ls_filter *f);

#endif
