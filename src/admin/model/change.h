/*
 * A change of the model: a list of steps that is stored in one transaction, then applied in
 * memory, then told by events, in its order. If the store refuses, nothing has happened.
 *
 *     AUTO_CHANGE struct change c = CHANGE_INIT(app);
 *     change_tag_add(&c, q, "mine");
 *     change_feature_set(&c, q, "gui", "1");
 *     return change_commit(&c, err);
 */
#ifndef BULKHEAD_ADMIN_MODEL_CHANGE_H
#define BULKHEAD_ADMIN_MODEL_CHANGE_H

#include <stdbool.h>
#include <stddef.h>

#include "admin/model/property.h"
#include "base/err.h"

struct app;
struct change_step;
struct qube;

struct change {
	struct app *app;
	bool quiet;                /* no events: for a qube that nobody has heard of yet */
	struct change_step *steps; /* owned */
	size_t count, capacity;
};

#define CHANGE_INIT(app_)                                                                          \
	{                                                                                          \
		.app = (app_)                                                                      \
	}

void change_finish(struct change *c);
#define AUTO_CHANGE __attribute__((cleanup(change_finish)))

/* Steps with their events: the pre-event and the event of a feature; a tag's one event. A tag
 * that is there (or, to remove, is not) makes no step. */
void change_feature_set(struct change *c, struct qube *q, const char *name, const char *value);
void change_feature_remove(struct change *c, struct qube *q, const char *name);
void change_tag_add(struct change *c, struct qube *q, const char *tag);
void change_tag_remove(struct change *c, struct qube *q, const char *tag);

/* A property's value or its return to the default; q == NULL: a global one. Without events. */
void change_property_set(
	struct change *c, struct qube *q, const struct property *p, const struct value *value);
void change_property_reset(struct change *c, struct qube *q, const struct property *p);

/* An event at this place; keys and values end with NULL. */
void change_event(struct change *c, struct qube *q, const char *name, ...)
	__attribute__((sentinel));

/* 0 or -1 with the error. The change is then empty. */
int change_commit(struct change *c, struct err *err);

#endif
