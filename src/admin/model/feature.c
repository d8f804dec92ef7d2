/* The map of features and its inherited look-ups; see feature.h. */
#include "admin/model/feature.h"

#include <stdlib.h>
#include <string.h>

#include "admin/model/app.h"
#include "admin/model/qube.h"
#include "base/log.h"
#include "base/text.h"

static struct feature *
find(const struct feature_set *set, const char *name)
{
	for (size_t i = 0; i < set->count; i++) {
		if (text_equal(set->items[i].name, name))
			return &set->items[i];
	}
	return NULL;
}

void
feature_set_finish(struct feature_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		free(set->items[i].name);
		free(set->items[i].value);
	}
	free(set->items);
	*set = (struct feature_set){0};
}

const char *
feature_set_find(const struct feature_set *set, const char *name)
{
	const struct feature *f = find(set, name);

	return f != NULL ? f->value : NULL;
}

void
feature_set_put(struct feature_set *set, const char *name, const char *value)
{
	struct feature *f = find(set, name);
	char *copy = text_copy(value);

	if (f != NULL) {
		free(f->value);
		f->value = copy;
		return;
	}
	if (set->count == set->capacity) {
		set->capacity = set->capacity > 0 ? set->capacity * 2 : 4;
		set->items = reallocarray(set->items, set->capacity, sizeof(*set->items));
		if (set->items == NULL)
			fatal("out of memory");
	}
	set->items[set->count++] = (struct feature){.name = text_copy(name), .value = copy};
}

void
feature_set_drop(struct feature_set *set, const char *name)
{
	struct feature *f = find(set, name);
	size_t index;

	if (f == NULL)
		return;
	index = (size_t)(f - set->items);
	free(f->name);
	free(f->value);
	set->count--;
	memmove(f, f + 1, (set->count - index) * sizeof(*f));
}

const char *
qube_feature(const struct qube *q, const char *name)
{
	return feature_set_find(&q->features, name);
}

bool
qube_feature_is_on(const struct qube *q, const char *name)
{
	const char *value = qube_feature(q, name);

	return value != NULL && value[0] != '\0';
}

/* References make no loops: a template has none or a template of its own, netvms are checked. */
static const char *
look_along(const struct qube *q, const char *name, struct qube *(*next)(const struct qube *))
{
	for (; q != NULL; q = next(q)) {
		const char *value = qube_feature(q, name);

		if (value != NULL)
			return value;
	}
	return NULL;
}

const char *
qube_feature_lookup(const struct qube *q, const char *name, enum feature_lookup lookup)
{
	const char *value;

	switch (lookup) {
	case FEATURE_WITH_TEMPLATE:
	case FEATURE_WITH_TEMPLATE_AND_ADMINVM:
		value = look_along(q, name, qube_template);
		break;
	case FEATURE_WITH_NETVM:
		value = look_along(q, name, qube_netvm);
		break;
	default:
		value = qube_feature(q, name);
		break;
	}
	if (value == NULL &&
		(lookup == FEATURE_WITH_ADMINVM || lookup == FEATURE_WITH_TEMPLATE_AND_ADMINVM))
		value = qube_feature(app_dom0(q->app), name);
	return value;
}
