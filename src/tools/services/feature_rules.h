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

/* For the files of the rules: the value that is set, or NULL; what is to become of one. */
const char *feature_rules_present(const struct feature_rules *rules, const char *name);
void feature_rules_change(
	struct feature_rules *rules, enum change_kind kind, const char *name, const char *value);

/*
 * Takes all requests that begin with the prefix as they are, and removes the features of the
 * prefix that are not asked for any more. Without such a request nothing changes.
 */
void feature_rules_replace_kind(struct feature_rules *rules, const char *prefix);

/* boot_modes.c */
void feature_rules_run_boot_modes(struct feature_rules *rules);

#endif
