/*
 * Set and Reset (spec admin-api.md 4.5, 4.6): from a client's bytes to the stored value, with
 * events before and after. The bytes are hostile until property_set() has checked them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "admin/model/app.h"
#include "admin/model/events.h"
#include "admin/model/property_table.h"
#include "base/cleanup.h"

#define NUMBER_MAX INT32_MAX

static int
check_writable(const struct qube *q, const struct property *p, struct err *err)
{
	bool is_read_only = (p->flags & PROPERTY_READ_ONLY) != 0 ||
			    (q != NULL && (p->read_only_classes & CLASS_BIT(q->class)) != 0);

	if (is_read_only)
		return err_set_kind(err, "QubesPropertyValueError", EPERM,
			"property '%s' on %s instance cannot be set", p->name,
			q != NULL ? qube_class_name(q->class) : "Qubes");
	if ((p->flags & PROPERTY_WRITE_ONCE) != 0)
		return err_set_kind(err, "QubesPropertyValueError", EPERM,
			"property '%s' of %s is write-once and already set", p->name, q->name);
	return 0;
}

static int
sanitise(const void *untrusted_value, size_t size, char **ret_text, struct err *err)
{
	const unsigned char *bytes = untrusted_value;
	char *text;

	for (size_t i = 0; i < size; i++) {
		if (bytes[i] >= 0x80)
			return err_set_kind(err, "QubesValueError", EINVAL,
				"Non-ASCII bytes in property value");
		if (bytes[i] == 0)
			return err_set_kind(
				err, "QubesValueError", EINVAL, "NUL byte in property value");
	}
	text = xcalloc(1, size + 1);
	if (size > 0)
		memcpy(text, bytes, size);
	*ret_text = text;
	return 0;
}

static int
check_reference(
	const struct qube *q, const struct property *p, const struct value *value, struct err *err)
{
	if (value->state != VALUE_PRESENT) {
		if ((p->flags & PROPERTY_REQUIRED) == 0)
			return 0;
		return err_set_kind(err, "QubesPropertyValueError", EINVAL,
			"Invalid value None for property '%s' of %s", p->name,
			q != NULL ? q->name : "Qubes");
	}
	if (p->referred_class != 0 && p->referred_class != CLASS_BIT(value->qube->class)) {
		unsigned int wanted = 0;

		while (p->referred_class != CLASS_BIT(wanted))
			wanted++;
		return err_set_kind(err, "QubesPropertyValueError", EINVAL,
			"wrong VM class: domains['%s'] is of type %s and not %s", value->qube->name,
			qube_class_name(value->qube->class),
			qube_class_name((enum qube_class)wanted));
	}
	return 0;
}

static int
check_range(const struct property *p, const struct value *value, struct err *err)
{
	const char *complaint = NULL;

	if ((p->flags & PROPERTY_POSITIVE) != 0 && value->number <= 0)
		complaint = "must be positive";
	else if ((p->flags & PROPERTY_NOT_NEGATIVE) != 0 && value->number < 0)
		complaint = "must be positive or zero";
	else if ((p->flags & (PROPERTY_POSITIVE | PROPERTY_NOT_NEGATIVE)) != 0 &&
		 value->number > NUMBER_MAX)
		complaint = "is too large";
	if (complaint != NULL)
		return err_set_kind(
			err, "QubesPropertyValueError", EINVAL, "%s %s", p->name, complaint);
	return 0;
}

static int
check_value(const struct app *app, const struct qube *q, const struct property *p,
	const struct value *value, struct err *err)
{
	if (p->type == TYPE_VM && check_reference(q, p, value, err) < 0)
		return -1;
	if (p->type == TYPE_INT && check_range(p, value, err) < 0)
		return -1;
	return p->check != NULL ? p->check(app, q, p, value, err) : 0;
}

/* "KIND:NAME" with name, newvalue (unless NULL) and oldvalue (unless NULL). */
static void
add_event(struct change *c, struct qube *q, const char *kind, const struct property *p,
	const char *new_text, const char *old_text)
{
	AUTO_FREE char *event = text_format("%s:%s", kind, p->name);

	change_event(
		c, q, event, "name", p->name, "newvalue", new_text, "oldvalue", old_text, NULL);
}

static int
tell_before(struct app *app, struct qube *q, const char *kind, const struct property *p,
	const char *new_text, const char *old_text)
{
	AUTO_CHANGE struct change c = CHANGE_INIT(app);

	add_event(&c, q, kind, p, new_text, old_text);
	return change_commit(&c, NULL);
}

int
property_set(struct app *app, struct qube *q, const struct property *p, const void *untrusted_value,
	size_t size, struct err *err)
{
	AUTO_CHANGE struct change c = CHANGE_INIT(app);
	AUTO_FREE char *text = NULL;
	struct value value = {0}, old_value = {0};

	if (check_writable(q, p, err) < 0 || sanitise(untrusted_value, size, &text, err) < 0)
		return -1;
	if (p->check_text != NULL && p->check_text(app, q, &text, err) < 0)
		return -1;
	if (property_parse(app, p, text, &value, err) < 0 ||
		check_value(app, q, p, &value, err) < 0)
		return -1;

	(void)property_get(app, q, p, &old_value);
	AUTO_FREE char *old_text = property_text(p, &old_value);
	AUTO_FREE char *new_text = property_text(p, &value);
	(void)tell_before(app, q, "property-pre-set", p, new_text, old_text);
	if (p->veto != NULL && p->veto(app, q, p, &value, err) < 0)
		return -1;

	change_property_set(&c, q, p, &value);
	if (p->effect != NULL)
		p->effect(&c, q, p, &old_value, &value, false);
	add_event(&c, q, "property-set", p, new_text, old_text);
	return change_commit(&c, err);
}

int
property_reset(struct app *app, struct qube *q, const struct property *p, struct err *err)
{
	AUTO_CHANGE struct change c = CHANGE_INIT(app);
	struct value value = {0}, old_value = {0};

	if (check_writable(q, p, err) < 0 ||
		(p->check_reset != NULL && p->check_reset(app, q, p, err) < 0))
		return -1;
	property_get_default(app, q, p, &value);
	if (value.state == VALUE_PRESENT && p->check != NULL &&
		p->check(app, q, p, &value, err) < 0)
		return -1;

	(void)property_get(app, q, p, &old_value);
	AUTO_FREE char *old_text = property_text(p, &old_value);
	(void)tell_before(app, q, "property-pre-reset", p, NULL, old_text);
	(void)tell_before(app, q, "property-pre-del", p, NULL, old_text);
	if (p->veto != NULL && p->veto(app, q, p, &value, err) < 0)
		return -1;

	change_property_reset(&c, q, p);
	if (p->effect != NULL)
		p->effect(&c, q, p, &old_value, &value, true);
	add_event(&c, q, "property-reset", p, NULL, old_text);
	add_event(&c, q, "property-del", p, NULL, old_text);
	return change_commit(&c, err);
}
