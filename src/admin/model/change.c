/* Changes: stored in one transaction, then applied, then told; see change.h. */
#include "admin/model/change.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>

#include "admin/model/app.h"
#include "admin/model/events.h"
#include "admin/model/property_table.h"
#include "admin/store/store.h"
#include "base/cleanup.h"
#include "base/log.h"

enum change_kind {
	CHANGE_PROPERTY_SET,
	CHANGE_PROPERTY_RESET,
	CHANGE_FEATURE_SET,
	CHANGE_FEATURE_REMOVE,
	CHANGE_TAG_ADD,
	CHANGE_TAG_REMOVE,
	CHANGE_EVENT,
};

struct change_step {
	enum change_kind kind;
	struct qube *qube; /* NULL: the global object */
	const struct property *property;
	struct value value;               /* of a property; its text is in `text` */
	char *name;                       /* of a feature, tag or event; owned */
	char *text;                       /* value of a feature or of a text property; owned */
	char *pairs[2 * EVENT_PAIRS_MAX]; /* of an event; owned */
	size_t pair_count;
};

static struct change_step *
add_step(struct change *c, enum change_kind kind, struct qube *q, const char *name)
{
	struct change_step *step;

	if (c->count == c->capacity) {
		c->capacity = c->capacity > 0 ? c->capacity * 2 : 8;
		c->steps = reallocarray(c->steps, c->capacity, sizeof(*c->steps));
		if (c->steps == NULL)
			fatal("out of memory");
	}
	step = &c->steps[c->count++];
	*step = (struct change_step){.kind = kind, .qube = q};
	if (name != NULL)
		step->name = text_copy(name);
	return step;
}

void
change_finish(struct change *c)
{
	for (size_t i = 0; i < c->count; i++) {
		struct change_step *step = &c->steps[i];

		for (size_t pair = 0; pair < 2 * step->pair_count; pair++)
			free(step->pairs[pair]);
		free(step->name);
		free(step->text);
	}
	free(c->steps);
	c->steps = NULL;
	c->count = c->capacity = 0;
}

void
change_event(struct change *c, struct qube *q, const char *name, ...)
{
	struct change_step *step;
	const char *key, *value;
	va_list arguments;

	if (c->quiet)
		return;
	step = add_step(c, CHANGE_EVENT, q, name);
	va_start(arguments, name);
	while ((key = va_arg(arguments, const char *)) != NULL) {
		value = va_arg(arguments, const char *);
		if (value == NULL) /* an oldvalue that there was not */
			continue;
		assert(step->pair_count < EVENT_PAIRS_MAX);
		step->pairs[2 * step->pair_count] = text_copy(key);
		step->pairs[2 * step->pair_count + 1] = text_copy(value);
		step->pair_count++;
	}
	va_end(arguments);
}

/* A feature that the icon is made from. */
static void
note_icon(struct change *c, struct qube *q, const char *feature)
{
	if (text_equal(feature, "servicevm"))
		change_event(c, q, "property-reset:icon", "name", "icon", NULL);
}

void
change_feature_set(struct change *c, struct qube *q, const char *name, const char *value)
{
	AUTO_FREE char *pre_event = text_format("domain-feature-pre-set:%s", name);
	AUTO_FREE char *event = text_format("domain-feature-set:%s", name);
	const char *old_value = qube_feature(q, name);

	change_event(c, q, pre_event, "feature", name, "value", value, "oldvalue", old_value, NULL);
	add_step(c, CHANGE_FEATURE_SET, q, name)->text = text_copy(value);
	change_event(c, q, event, "feature", name, "value", value, "oldvalue", old_value, NULL);
	note_icon(c, q, name);
}

void
change_feature_remove(struct change *c, struct qube *q, const char *name)
{
	AUTO_FREE char *pre_event = text_format("domain-feature-pre-delete:%s", name);
	AUTO_FREE char *event = text_format("domain-feature-delete:%s", name);

	change_event(c, q, pre_event, "feature", name, NULL);
	add_step(c, CHANGE_FEATURE_REMOVE, q, name);
	change_event(c, q, event, "feature", name, NULL);
	note_icon(c, q, name);
}

void
change_tag_add(struct change *c, struct qube *q, const char *tag)
{
	AUTO_FREE char *event = text_format("domain-tag-add:%s", tag);

	if (qube_has_tag(q, tag))
		return;
	add_step(c, CHANGE_TAG_ADD, q, tag);
	change_event(c, q, event, "tag", tag, NULL);
}

void
change_tag_remove(struct change *c, struct qube *q, const char *tag)
{
	AUTO_FREE char *event = text_format("domain-tag-delete:%s", tag);

	if (!qube_has_tag(q, tag))
		return;
	add_step(c, CHANGE_TAG_REMOVE, q, tag);
	change_event(c, q, event, "tag", tag, NULL);
}

void
change_property_set(
	struct change *c, struct qube *q, const struct property *p, const struct value *value)
{
	struct change_step *step = add_step(c, CHANGE_PROPERTY_SET, q, NULL);

	assert(property_has_slot(p) && value->state != VALUE_ABSENT);
	step->property = p;
	step->value = *value;
	if (p->type == TYPE_STR && value->state == VALUE_PRESENT)
		step->text = text_copy(value->text);
}

void
change_property_reset(struct change *c, struct qube *q, const struct property *p)
{
	assert(property_has_slot(p));
	add_step(c, CHANGE_PROPERTY_RESET, q, NULL)->property = p;
}

static struct store_query *
query_for(struct store *s, enum change_kind kind)
{
	switch (kind) {
	case CHANGE_PROPERTY_SET:
		return store_query(s, "INSERT INTO property (qid, name, value) VALUES (?, ?, ?) "
				      "ON CONFLICT (qid, name) DO UPDATE SET value = "
				      "excluded.value");
	case CHANGE_PROPERTY_RESET:
		return store_query(s, "DELETE FROM property WHERE qid = ? AND name = ?");
	case CHANGE_FEATURE_SET:
		return store_query(s, "INSERT INTO feature (qid, name, value) VALUES (?, ?, ?) "
				      "ON CONFLICT (qid, name) DO UPDATE SET value = "
				      "excluded.value");
	case CHANGE_FEATURE_REMOVE:
		return store_query(s, "DELETE FROM feature WHERE qid = ? AND name = ?");
	case CHANGE_TAG_ADD:
		return store_query(s, "INSERT OR IGNORE INTO tag (qid, name) VALUES (?, ?)");
	case CHANGE_TAG_REMOVE:
		return store_query(s, "DELETE FROM tag WHERE qid = ? AND name = ?");
	default:
		return NULL;
	}
}

/* Volumes follow the template in the same transaction; a new qube has none yet. */
static int
tell_template(const struct change_step *step, struct err *err)
{
	const struct app_hooks *hooks;

	if (step->kind != CHANGE_PROPERTY_SET || step->qube == NULL || step->property == NULL ||
		step->property->id != PROPERTY_TEMPLATE)
		return 0;
	hooks = &step->qube->app->hooks;
	if (hooks->template_changes == NULL)
		return 0;
	return hooks->template_changes(step->qube, step->value.qube, hooks->template_data, err);
}

static int
store_step(struct store *s, struct change_step *step, struct err *err)
{
	struct store_query *q = query_for(s, step->kind);
	AUTO_FREE char *property_value = NULL;

	if (q == NULL)
		return 0;
	query_bind_int(q, 1, step->qube != NULL ? step->qube->qid : -1);
	query_bind_text(q, 2, step->property != NULL ? step->property->name : step->name);
	if (step->kind == CHANGE_FEATURE_SET) {
		query_bind_text(q, 3, step->text);
	} else if (step->kind == CHANGE_PROPERTY_SET && step->value.state == VALUE_PRESENT) {
		if (step->text != NULL)
			step->value.text = step->text;
		property_value = property_text(step->property, &step->value);
		query_bind_text(q, 3, property_value);
	}
	if (query_run(q, err) < 0)
		return -1;
	return tell_template(step, err);
}

static void
apply_step(struct app *app, struct change_step *step)
{
	struct property_values *values = step->qube != NULL ? &step->qube->values : &app->values;

	switch (step->kind) {
	case CHANGE_PROPERTY_SET:
		property_values_put(values, step->property, &step->value, steal_ptr(step->text));
		break;
	case CHANGE_PROPERTY_RESET:
		property_values_clear(values, step->property);
		break;
	case CHANGE_FEATURE_SET:
		feature_set_put(&step->qube->features, step->name, step->text);
		break;
	case CHANGE_FEATURE_REMOVE:
		feature_set_drop(&step->qube->features, step->name);
		break;
	case CHANGE_TAG_ADD:
		tag_set_add(&step->qube->tags, step->name);
		break;
	case CHANGE_TAG_REMOVE:
		tag_set_drop(&step->qube->tags, step->name);
		break;
	case CHANGE_EVENT:
		break;
	}
}

static void
tell_step(struct app *app, const struct change_step *step)
{
	struct event_pair pairs[EVENT_PAIRS_MAX];

	if (step->kind != CHANGE_EVENT)
		return;
	for (size_t i = 0; i < step->pair_count; i++)
		pairs[i] = (struct event_pair){step->pairs[2 * i], step->pairs[2 * i + 1]};
	events_emit_pairs(app, step->qube, step->name, pairs, step->pair_count);
}

static int
store_all(struct change *c, struct err *err)
{
	bool changes_store = false;

	for (size_t i = 0; i < c->count; i++)
		changes_store = changes_store || c->steps[i].kind != CHANGE_EVENT;
	if (!changes_store)
		return 0;
	if (store_begin(c->app->store, err) < 0)
		return -1;
	for (size_t i = 0; i < c->count; i++) {
		if (store_step(c->app->store, &c->steps[i], err) < 0) {
			store_rollback(c->app->store);
			return -1;
		}
	}
	return store_commit(c->app->store, err);
}

int
change_commit(struct change *c, struct err *err)
{
	int result = store_all(c, err);

	if (result == 0) {
		c->app->generation++;
		for (size_t i = 0; i < c->count; i++)
			apply_step(c->app, &c->steps[i]);
		for (size_t i = 0; i < c->count; i++)
			tell_step(c->app, &c->steps[i]);
	}
	change_finish(c);
	return result;
}
