/* Tags (spec admin-api.md section 6): a sorted set of words. Changes go through change.h. */
#ifndef BULKHEAD_ADMIN_MODEL_TAG_H
#define BULKHEAD_ADMIN_MODEL_TAG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct qube;

/* Of one qube, by those who may set them. */
#define TAGS_MAX 1000

struct tag_set {
	char **items; /* owned, sorted */
	size_t count, capacity;
};

void tag_set_finish(struct tag_set *set);
bool tag_set_has(const struct tag_set *set, const char *tag);
/* Adding what is there and dropping what is not change nothing. */
void tag_set_add(struct tag_set *set, const char *tag);
void tag_set_drop(struct tag_set *set, const char *tag);

bool qube_has_tag(const struct qube *q, const char *tag);

/* The characters of a tag. 0 or -1 with the error. */
int tag_check(const char *tag, struct err *err);

#endif
