/*
 * Features (spec admin-api.md section 5): a map of texts that keeps the order of insertion.
 * Changes go through change.h; this is the map and its look-ups.
 */
#ifndef BULKHEAD_ADMIN_MODEL_FEATURE_H
#define BULKHEAD_ADMIN_MODEL_FEATURE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct qube;

/* Of one qube, by those who may set them. */
#define FEATURES_MAX 1000

struct feature {
	char *name, *value; /* owned by the set */
};

struct feature_set {
	struct feature *items; /* in the order of insertion */
	size_t count, capacity;
};

void feature_set_finish(struct feature_set *set);
/* The value, borrowed until the next change, or NULL. */
const char *feature_set_find(const struct feature_set *set, const char *name);
/* Adds at the end, or replaces the value in its place. */
void feature_set_put(struct feature_set *set, const char *name, const char *value);
void feature_set_drop(struct feature_set *set, const char *name);

/* The qube's own value or NULL. */
const char *qube_feature(const struct qube *q, const char *name);
/* Whether the own value is there and not empty. */
bool qube_feature_is_on(const struct qube *q, const char *name);

enum feature_lookup {
	FEATURE_OWN,
	FEATURE_WITH_TEMPLATE,
	FEATURE_WITH_NETVM,
	FEATURE_WITH_ADMINVM,
	FEATURE_WITH_TEMPLATE_AND_ADMINVM,
};

/* The inherited value (5.1) or NULL. */
const char *qube_feature_lookup(const struct qube *q, const char *name, enum feature_lookup lookup);

/*
 * Whether name and value may be set by a caller of the Admin API: the characters, and the rules
 * of 5.2. 0 or -1 with the error.
 */
int feature_check(const struct qube *q, const char *name, const char *value, struct err *err);
/* Whether the API may change (set or remove) the feature at all. 0 or -1 with the error. */
int feature_check_permitted(const char *name, struct err *err);

#endif
