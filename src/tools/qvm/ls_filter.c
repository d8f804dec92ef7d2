/* The filters of qvm-ls (ls_filter.h). */
#include "tools/qvm/ls_filter.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/text.h"

static bool
is_yes_or_no(const char *text)
{
	return text == NULL || text_equal(text, "y") || text_equal(text, "n");
}

bool
ls_filter_valid(const struct ls_filter *f, const char **ret_option)
{
	if (!is_yes_or_no(f->internal))
		*ret_option = "--internal";
	else if (!is_yes_or_no(f->servicevm))
		*ret_option = "--servicevm";
	else
		return true;
	return false;
}

/* The NAME of NAME=VALUE; dashes of properties become underscores. The caller frees it. */
static char *
name_of(const char *condition, bool property)
{
	char *name = text_format("%.*s", (int)strcspn(condition, "="), condition);

	for (char *c = name; property && *c != '\0'; c++)
		if (*c == '-')
			*c = '_';
	return name;
}

static void
need_names(const struct option_list *conditions, bool property, struct name_set *set)
{
	for (size_t i = 0; i < conditions->count; i++) {
		AUTO_FREE char *name = name_of(conditions->items[i], property);

		name_set_add(set, name);
	}
}

void
ls_filter_need(const struct ls_filter *f, struct ls_data *d)
{
	need_names(&f->features, false, &d->features);
	need_names(&f->properties, true, &d->properties);
	if (f->labels.count > 0)
		name_set_add(&d->properties, "label");
	if (f->templates.count > 0)
		name_set_add(&d->properties, "template");
	if (f->netvms.count > 0)
		name_set_add(&d->properties, "netvm");
	if (f->internal != NULL)
		name_set_add(&d->features, "internal");
	if (f->servicevm != NULL)
		name_set_add(&d->features, "servicevm");
	if (f->pending_update)
		name_set_add(&d->features, "updates-available");
	if (f->tags.count > 0 || f->exclude_tags.count > 0)
		d->need_tags = true;
}

/* Whether the value is among the items, or there are none. */
static bool
is_among(const struct option_list *list, const char *value)
{
	for (size_t i = 0; i < list->count; i++)
		if (text_equal(list->items[i], value != NULL ? value : ""))
			return true;
	return list->count == 0;
}

/* As is_among(), where None also means no qube. */
static bool
is_reference_among(const struct option_list *list, const char *value)
{
	for (size_t i = 0; i < list->count; i++)
		if ((value == NULL || *value == '\0') && strcasecmp(list->items[i], "None") == 0)
			return true;
	return is_among(list, value);
}

static bool
passes_power(const struct ls_filter *f, const char *state)
{
	if (!f->running && !f->paused && !f->halted)
		return true;
	return (f->running && (text_equal(state, "Running") || text_equal(state, "Transient"))) ||
	       (f->paused && (text_equal(state, "Paused") || text_equal(state, "Suspended"))) ||
	       (f->halted && text_equal(state, "Halted"));
}

/* NAME alone: has no value. NAME=VALUE: has this one, which may be empty. */
static bool
passes_condition(const char *condition, const char *value)
{
	const char *equals = strchr(condition, '=');

	if (equals == NULL)
		return value == NULL;
	return value != NULL && text_equal(equals + 1, value);
}

static bool
passes_properties(const struct ls_filter *f, const struct ls_data *d, size_t qube)
{
	for (size_t i = 0; i < f->properties.count; i++) {
		AUTO_FREE char *name = name_of(f->properties.items[i], true);

		if (!passes_condition(f->properties.items[i], ls_data_property(d, qube, name)))
			return false;
	}
	return is_among(&f->labels, ls_data_property(d, qube, "label")) &&
	       is_among(&f->templates, ls_data_property(d, qube, "template")) &&
	       is_reference_among(&f->netvms, ls_data_property(d, qube, "netvm"));
}

void
ls_filter_first(const struct ls_filter *f, struct ls_data *d)
{
	for (size_t i = 0; i < d->qubes.count; i++) {
		struct qube *q = &d->qubes.items[i];

		q->chosen = q->chosen && is_among(&f->classes, q->class) &&
			    passes_power(f, q->state) && passes_properties(f, d, i);
	}
}

static bool
is_truthy(const char *value)
{
	return value != NULL && *value != '\0';
}

static bool
passes_yes_no(const char *wanted, const char *value)
{
	return wanted == NULL || text_equal(wanted, "y") == is_truthy(value);
}

static bool
has_any_tag(const struct ls_data *d, size_t qube, const struct option_list *tags)
{
	for (size_t i = 0; i < tags->count; i++)
		if (ls_data_has_tag(d, qube, tags->items[i]))
			return true;
	return false;
}

static bool
passes_features(const struct ls_filter *f, const struct ls_data *d, size_t qube)
{
	for (size_t i = 0; i < f->features.count; i++) {
		AUTO_FREE char *name = name_of(f->features.items[i], false);

		if (!passes_condition(f->features.items[i], ls_data_feature(d, qube, name)))
			return false;
	}
	return passes_yes_no(f->internal, ls_data_feature(d, qube, "internal")) &&
	       passes_yes_no(f->servicevm, ls_data_feature(d, qube, "servicevm")) &&
	       (!f->pending_update || is_truthy(ls_data_feature(d, qube, "updates-available")));
}

void
ls_filter_details(const struct ls_filter *f, struct ls_data *d)
{
	for (size_t i = 0; i < d->qubes.count; i++) {
		struct qube *q = &d->qubes.items[i];

		q->chosen = q->chosen && passes_features(f, d, i) &&
			    (f->tags.count == 0 || has_any_tag(d, i, &f->tags)) &&
			    !has_any_tag(d, i, &f->exclude_tags);
	}
}

void
ls_filter_finish(struct ls_filter *f)
{
	struct option_list *lists[] = {&f->classes, &f->labels, &f->tags, &f->exclude_tags,
		&f->templates, &f->netvms, &f->features, &f->properties};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		option_list_finish(lists[i]);
}
