/*
 * What follows from a change of a property (spec admin-api.md 4 and 12.4): further changes and
 * events, in their verified order. Each only adds steps to the change.
 */
#include "admin/model/app.h"
#include "admin/model/property_table.h"
#include "base/cleanup.h"

static void
add_reset_event(struct change *c, struct qube *q, const char *property)
{
	AUTO_FREE char *event = text_format("property-reset:%s", property);

	change_event(c, q, event, "name", property, NULL);
}

/* "property-set:NAME" or "property-pre-set:NAME" of a reference. */
static void
add_reference_event(struct change *c, struct qube *q, const char *kind, const char *name,
	const struct value *old_value, const struct value *new_value)
{
	const struct property *p = property_by_id(PROPERTY_NETVM); /* any of type vm */
	AUTO_FREE char *event = text_format("%s:%s", kind, name);
	AUTO_FREE char *old_text = property_text(p, old_value);
	AUTO_FREE char *new_text = property_text(p, new_value);

	change_event(c, q, event, "name", name, "newvalue", new_text != NULL ? new_text : "None",
		"oldvalue", old_text, NULL);
}

void
effect_icon(struct change *c, struct qube *q, const struct property *p,
	const struct value *old_value, const struct value *new_value, bool is_reset)
{
	(void)p;
	(void)old_value;
	(void)new_value;
	(void)is_reset;
	add_reset_event(c, q, "icon");
}

void
effect_provides_network(struct change *c, struct qube *q, const struct property *p,
	const struct value *old_value, const struct value *new_value, bool is_reset)
{
	(void)p;
	(void)old_value;
	(void)is_reset;
	/* The feature brings the icon's event with it. */
	if (new_value->flag)
		change_feature_set(c, q, "servicevm", "1");
	else if (qube_feature(q, "servicevm") != NULL)
		change_feature_remove(c, q, "servicevm");
	add_reset_event(c, q, "gateway");
	add_reset_event(c, q, "gateway6");
}

/* A reset that changes the netvm is told like a setting too. */
void
effect_netvm(struct change *c, struct qube *q, const struct property *p,
	const struct value *old_value, const struct value *new_value, bool is_reset)
{
	if (!is_reset || old_value->qube == new_value->qube)
		return;
	add_reference_event(c, q, "property-pre-set", p->name, old_value, new_value);
	add_reference_event(c, q, "property-set", p->name, old_value, new_value);
}

/* The qube has the property and leaves it to the global object. */
static bool
is_at_global_default(const struct app *app, const struct qube *q, enum property_id id)
{
	const struct property *p = property_by_id(id);

	return property_applies(p, q) && !property_is_set(app, q, p);
}

void
effect_default_netvm(struct change *c, struct qube *q, const struct property *p,
	const struct value *old_value, const struct value *new_value, bool is_reset)
{
	struct app *app = c->app;
	struct qube *user;
	size_t i;

	(void)q;
	(void)p;
	(void)is_reset;
	app_for_each_qube(app, i, user)
	{
		if (user->class != CLASS_TEMPLATE &&
			is_at_global_default(app, user, PROPERTY_NETVM))
			add_reference_event(
				c, user, "property-pre-set", "netvm", old_value, new_value);
	}
	app_for_each_qube(app, i, user)
	{
		if (user->class == CLASS_TEMPLATE ||
			!is_at_global_default(app, user, PROPERTY_NETVM))
			continue;
		add_reference_event(c, user, "property-set", "netvm", old_value, new_value);
		add_reset_event(c, user, "netvm");
	}
}

void
effect_default_dispvm(struct change *c, struct qube *q, const struct property *p,
	const struct value *old_value, const struct value *new_value, bool is_reset)
{
	struct app *app = c->app;
	struct qube *user;
	size_t i;

	(void)q;
	(void)p;
	(void)old_value;
	(void)new_value;
	(void)is_reset;
	app_for_each_qube(app, i, user)
	{
		if (user->class != CLASS_DISP &&
			is_at_global_default(app, user, PROPERTY_DEFAULT_DISPVM))
			add_reset_event(c, user, "default_dispvm");
	}
}

/* The tag that says who has a role for the qube: guivm-NAME, audiovm-NAME, relayvm-NAME. */
static void
swap_role_tag(struct change *c, struct qube *q, const char *role, const struct value *old_value,
	const struct value *new_value)
{
	if (old_value->state == VALUE_PRESENT && old_value->qube != new_value->qube) {
		AUTO_FREE char *tag = text_format("%s-%s", role, old_value->qube->name);
		change_tag_remove(c, q, tag);
	}
	if (new_value->state == VALUE_PRESENT) {
		AUTO_FREE char *tag = text_format("%s-%s", role, new_value->qube->name);
		change_tag_add(c, q, tag);
	}
}

void
effect_role_qube(struct change *c, struct qube *q, const struct property *p,
	const struct value *old_value, const struct value *new_value, bool is_reset)
{
	(void)is_reset;
	swap_role_tag(c, q, p->name, old_value, new_value);
}

void
effect_default_role_qube(struct change *c, struct qube *q, const struct property *p,
	const struct value *old_value, const struct value *new_value, bool is_reset)
{
	enum property_id role = p->id == GLOBAL_DEFAULT_GUIVM ? PROPERTY_GUIVM : PROPERTY_AUDIOVM;
	const char *name = property_by_id(role)->name;
	struct app *app = c->app;
	struct qube *user;
	size_t i;

	(void)q;
	(void)is_reset;
	app_for_each_qube(app, i, user)
	{
		if (!is_at_global_default(app, user, role))
			continue;
		swap_role_tag(c, user, name, old_value, new_value);
		add_reference_event(c, user, "property-set", name, old_value, new_value);
	}
}

void
effect_clockvm(struct change *c, struct qube *q, const struct property *p,
	const struct value *old_value, const struct value *new_value, bool is_reset)
{
	static const char feature[] = "service.clocksync";

	(void)q;
	(void)p;
	(void)is_reset;
	if (new_value->state == VALUE_PRESENT && new_value->qube != old_value->qube)
		change_feature_set(c, new_value->qube, feature, "1");
	if (old_value->state == VALUE_PRESENT && new_value->qube != old_value->qube &&
		qube_feature(old_value->qube, feature) != NULL)
		change_feature_remove(c, old_value->qube, feature);
}
