/* Reading properties: look-up, values in force, texts; see property.h. */
#include "admin/model/property.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "admin/model/app.h"
#include "admin/model/property_table.h"
#include "base/cleanup.h"
#include "base/log.h"

static const char *const type_names[] = {
	[TYPE_STR] = "str",
	[TYPE_INT] = "int",
	[TYPE_BOOL] = "bool",
	[TYPE_VM] = "vm",
	[TYPE_LABEL] = "label",
};

bool
property_applies(const struct property *p, const struct qube *q)
{
	return q == NULL ? p->classes == 0 : (p->classes & CLASS_BIT(q->class)) != 0;
}

/* The order of lists: those that refer to others come second, then by name. */
static int
compare_rows(const void *a, const void *b)
{
	const struct property *first = *(const struct property *const *)a;
	const struct property *second = *(const struct property *const *)b;
	unsigned int late_first = first->flags & PROPERTY_LATE;
	unsigned int late_second = second->flags & PROPERTY_LATE;

	if (late_first != late_second)
		return late_first != 0 ? 1 : -1;
	return strcmp(first->name, second->name);
}

/* One list a class, and the last for the global object; made when first asked for. */
const struct property *const *
property_list(const struct qube *q, size_t *ret_count)
{
	static struct {
		const struct property *rows[PROPERTY_MAX];
		size_t count;
	} lists[QUBE_CLASS_MAX + 1];
	size_t which = q != NULL ? (size_t)q->class : QUBE_CLASS_MAX;

	if (lists[which].count == 0) {
		for (size_t i = 0; i < PROPERTY_MAX; i++) {
			if (property_applies(&property_table[i], q))
				lists[which].rows[lists[which].count++] = &property_table[i];
		}
		qsort(lists[which].rows, lists[which].count, sizeof(void *), compare_rows);
	}
	*ret_count = lists[which].count;
	return lists[which].rows;
}

const struct property *
property_find(const struct app *app, const struct qube *q, const char *name, struct err *err)
{
	(void)app;
	for (size_t i = 0; i < PROPERTY_MAX; i++) {
		if (property_applies(&property_table[i], q) &&
			text_equal(property_table[i].name, name))
			return &property_table[i];
	}
	(void)err_set_kind(err, "QubesNoSuchPropertyError", ENOENT, "Invalid property '%s' of %s",
		name, q != NULL ? q->name : "Qubes");
	return NULL;
}

const struct property *
property_by_id(enum property_id id)
{
	return &property_table[id];
}

const char *
property_name(const struct property *p)
{
	return p->name;
}

enum property_id
property_id(const struct property *p)
{
	return p->id;
}

enum property_type
property_type(const struct property *p)
{
	return p->type;
}

const char *
property_type_name(const struct property *p)
{
	return type_names[p->type];
}

const char *
property_help(const struct property *p)
{
	return p->help;
}

bool
property_is_cloned(const struct property *p)
{
	return (p->flags & (PROPERTY_READ_ONLY | PROPERTY_WRITE_ONCE | PROPERTY_NOT_CLONED)) == 0;
}

bool
property_has_slot(const struct property *p)
{
	return p->id < PROPERTY_QUBE_SLOTS ||
	       (p->id >= PROPERTY_FIRST_GLOBAL && p->id < GLOBAL_MAXMEM);
}

size_t
property_slot(const struct property *p)
{
	return p->id < PROPERTY_QUBE_SLOTS ? p->id : p->id - PROPERTY_FIRST_GLOBAL;
}

const struct property_values *
property_values_of(const struct app *app, const struct qube *q)
{
	return q != NULL ? &q->values : &app->values;
}

bool
property_is_set(const struct app *app, const struct qube *q, const struct property *p)
{
	return property_has_slot(p) &&
	       (property_values_of(app, q)->set & (UINT64_C(1) << property_slot(p))) != 0;
}

static void
read_slot(const struct property *p, const union property_slot *slot, struct value *v)
{
	v->state = VALUE_PRESENT;
	switch (p->type) {
	case TYPE_STR:
		v->text = slot->text;
		break;
	case TYPE_INT:
		v->number = slot->number;
		break;
	case TYPE_BOOL:
		v->flag = slot->flag;
		break;
	case TYPE_VM:
		v->qube = slot->qube;
		v->state = slot->qube != NULL ? VALUE_PRESENT : VALUE_NONE;
		break;
	case TYPE_LABEL:
		v->label = slot->label;
		break;
	}
}

static void
read_preset(const struct property *p, struct value *v)
{
	v->state = p->preset;
	v->qube = NULL; /* all members of the union start at the same place */
	if (p->preset != VALUE_PRESENT)
		return;
	if (p->type == TYPE_STR)
		v->text = p->preset_text;
	else if (p->type == TYPE_INT)
		v->number = p->preset_number;
	else if (p->type == TYPE_BOOL)
		v->flag = p->preset_number != 0;
}

void
property_get_default(const struct app *app, const struct qube *q, const struct property *p,
	struct value *ret_value)
{
	const struct qube *template = q != NULL ? qube_template(q) : NULL;

	ret_value->state = VALUE_ABSENT;
	ret_value->qube = NULL;
	if (p->compute != NULL)
		p->compute(app, q, ret_value);
	else if ((p->flags & PROPERTY_INHERITS) != 0 && template != NULL)
		(void)property_get(app, template, p, ret_value);
	else if (p->global_default != 0)
		(void)property_get(app, NULL, property_by_id(p->global_default), ret_value);
	else
		read_preset(p, ret_value);
}

/* What every qube but dom0 was given at its creation. */
static bool
is_given(const struct qube *q, const struct property *p)
{
	return q != NULL && !qube_is_dom0(q) &&
	       (p->id == PROPERTY_NAME || p->id == PROPERTY_QID || p->id == PROPERTY_UUID);
}

bool
property_get(const struct app *app, const struct qube *q, const struct property *p,
	struct value *ret_value)
{
	if (property_is_set(app, q, p)) {
		read_slot(p, &property_values_of(app, q)->slots[property_slot(p)], ret_value);
		return false;
	}
	property_get_default(app, q, p, ret_value);
	return !is_given(q, p);
}

int
property_format(const struct property *p, const struct value *value, struct buf *out)
{
	if (value->state != VALUE_PRESENT)
		return 0;
	switch (p->type) {
	case TYPE_STR:
		return buf_put_string(out, value->text);
	case TYPE_INT:
		return buf_printf(out, "%" PRId64, value->number);
	case TYPE_BOOL:
		return buf_put_string(out, value->flag ? "True" : "False");
	case TYPE_VM:
		return buf_put_string(out, value->qube->name);
	case TYPE_LABEL:
		return buf_put_string(out, value->label->name);
	}
	return -EINVAL;
}

char *
property_text(const struct property *p, const struct value *value)
{
	AUTO_BUF struct buf text = {0};
	char *result;

	if (value->state == VALUE_ABSENT)
		return NULL;
	if (value->state == VALUE_NONE)
		return text_copy("None");
	buf_init(&text, SIZE_MAX / 2);
	if (property_format(p, value, &text) < 0 || (result = buf_steal_string(&text)) == NULL)
		fatal("out of memory");
	return result;
}

int64_t
qube_number(const struct qube *q, enum property_id id)
{
	struct value v = {0};

	assert(property_table[id].type == TYPE_INT);
	(void)property_get(q->app, q, &property_table[id], &v);
	return v.state == VALUE_PRESENT ? v.number : 0;
}

bool
qube_flag(const struct qube *q, enum property_id id)
{
	struct value v = {0};

	assert(property_table[id].type == TYPE_BOOL);
	if (!property_applies(&property_table[id], q))
		return false;
	(void)property_get(q->app, q, &property_table[id], &v);
	return v.state == VALUE_PRESENT && v.flag;
}

char *
qube_text(const struct qube *q, enum property_id id)
{
	struct value v = {0};

	assert(property_table[id].type == TYPE_STR);
	(void)property_get(q->app, q, &property_table[id], &v);
	return text_copy(v.state == VALUE_PRESENT ? v.text : "");
}

struct qube *
qube_reference(const struct qube *q, enum property_id id)
{
	struct value v = {0};

	assert(property_table[id].type == TYPE_VM);
	if (!property_applies(&property_table[id], q))
		return NULL;
	(void)property_get(q->app, q, &property_table[id], &v);
	return v.state == VALUE_PRESENT ? v.qube : NULL;
}

struct label *
qube_label(const struct qube *q)
{
	const struct property *p = &property_table[PROPERTY_LABEL];

	return property_is_set(q->app, q, p) ? q->values.slots[property_slot(p)].label : NULL;
}
