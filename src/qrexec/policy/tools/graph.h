/* A picture of the policy: who may call whom, as a graph in the language of dot. Pure. */
#ifndef BULKHEAD_QREXEC_POLICY_TOOLS_GRAPH_H
#define BULKHEAD_QREXEC_POLICY_TOOLS_GRAPH_H

#include <stdio.h>

#include "qrexec/policy/policy.h"

struct graph_list {
	const char *const *items;
	size_t count; /* 0: all there are */
};

struct graph_options {
	struct graph_list sources, targets, services;
	bool include_ask;
	bool skip_labels; /* arrows without the names of services */
	bool full_output; /* arguments apart, and keywords as callers write them */
};

void graph_print(const struct policy_view *v, const struct graph_options *options, FILE *out);

#endif
