/*
 * Which of a qube's requests dom0 believes (spec guest.md 1B.5). Pure functions: requests and the
 * features that are set go in, changes come out.
 */
#ifndef BULKHEAD_TOOLS_SERVICES_FEATURE_RULES_H
#define BULKHEAD_TOOLS_SERVICES_FEATURE_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/services/requests.h"

struct feature {
	const char *name, *value;
};

enum change_kind {
	CHANGE_SET,
	CHANGE_REMOVE,
	CHANGE_TAG, /* the name is a tag to add */
};

struct feature_change {
	enum change_kind kind;
	const char *name, *value; /* borrowed from requests and features */
};

struct feature_rules {
	const struct feature_requests *requests;
	bool has_template; /* such a qube has a say about its own services only */
	const struct feature *features;
	size_t feature_count;

	struct feature_change *changes; /* owned; see feature_rules_finish() */
	size_t change_count;
};

/* Fills in the changes: only what differs from what is set. */
void feature_rules_run(struct feature_rules *rules);
void feature_rules_finish(struct feature_rules *rules);

#endif
