/*
 * Values in store and memory: slots, and the parsing of texts by type (spec admin-api.md 4.5).
 * Texts come from requests and from the store.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "admin/model/app.h"
#include "admin/model/property_table.h"

static void
free_text(struct property_values *values, const struct property *p)
{
	size_t slot = property_slot(p);

	if (p->type == TYPE_STR && (values->set & (UINT64_C(1) << slot)) != 0)
		free(values->slots[slot].text);
}

void
property_values_put(struct property_values *values, const struct property *p,
	const struct value *value, char *text)
{
	union property_slot *slot = &values->slots[property_slot(p)];

	free_text(values, p);
	values->set |= UINT64_C(1) << property_slot(p);
	switch (p->type) {
	case TYPE_STR:
		slot->text = text;
		break;
	case TYPE_INT:
		slot->number = value->number;
		break;
	case TYPE_BOOL:
		slot->flag = value->flag;
		break;
	case TYPE_VM:
		slot->qube = value->state == VALUE_PRESENT ? value->qube : NULL;
		break;
	case TYPE_LABEL:
		slot->label = value->label;
		break;
	}
}

void
property_values_clear(struct property_values *values, const struct property *p)
{
	free_text(values, p);
	values->set &= ~(UINT64_C(1) << property_slot(p));
	values->slots[property_slot(p)] = (union property_slot){0};
}

void
property_values_finish(struct property_values *values, bool is_global)
{
	for (size_t i = 0; i < PROPERTY_MAX; i++) {
		const struct property *p = &property_table[i];

		if (property_has_slot(p) && (p->classes == 0) == is_global)
			property_values_clear(values, p);
	}
}

/* Whitespace around and a sign are allowed; our limit is what fits into 63 bits. */
static int
parse_number(const char *text, int64_t *ret_number)
{
	static const char space[] = " \t\n\v\f\r";
	const char *c = text + strspn(text, space);
	bool is_negative = *c == '-';
	int64_t number = 0;

	if (*c == '-' || *c == '+')
		c++;
	if (*c < '0' || *c > '9')
		return -EINVAL;
	for (; *c >= '0' && *c <= '9'; c++) {
		if (__builtin_mul_overflow(number, 10, &number) ||
			__builtin_sub_overflow(number, *c - '0', &number))
			return -ERANGE;
	}
	if (c[strspn(c, space)] != '\0')
		return -EINVAL;
	/* Collected as a negative number, which reaches one further. */
	if (!is_negative && __builtin_sub_overflow((int64_t)0, number, &number))
		return -ERANGE;
	*ret_number = number;
	return 0;
}

static int
parse_flag(const char *text, bool *ret_flag)
{
	static const char *const words[][4] = {
		{"0", "no", "false", "off"}, {"1", "yes", "true", "on"}};

	for (size_t flag = 0; flag < 2; flag++) {
		for (size_t i = 0; i < 4; i++) {
			if (strcasecmp(text, words[flag][i]) == 0) {
				*ret_flag = flag == 1;
				return 0;
			}
		}
	}
	return -EINVAL;
}

static int
parse_qube(struct app *app, const struct property *p, const char *text, struct value *v,
	struct err *err)
{
	const char *reason;

	v->state = VALUE_NONE;
	v->qube = NULL;
	if (text[0] == '\0')
		return 0;
	if (text_starts_with(text, "uuid:"))
		v->qube = app_lookup_qube(app, text, NULL);
	else if (!qube_name_valid(text, &reason))
		return err_set_kind(err, "QubesValueError", EINVAL, "%s", reason);
	else
		v->qube = app_find_qube(app, text);
	if (v->qube == NULL)
		return err_set_kind(err, "QubesPropertyValueError", ENOENT,
			"Can't set %s to non-existing qube %s", p->name, text);
	v->state = VALUE_PRESENT;
	return 0;
}

int
property_parse(struct app *app, const struct property *p, const char *text, struct value *ret_value,
	struct err *err)
{
	ret_value->state = VALUE_PRESENT;
	switch (p->type) {
	case TYPE_STR:
		ret_value->text = text;
		return 0;
	case TYPE_INT:
		if (parse_number(text, &ret_value->number) < 0)
			return err_set_kind(err, "QubesValueError", EINVAL,
				"Failed to parse property value as int");
		return 0;
	case TYPE_BOOL:
		if (parse_flag(text, &ret_value->flag) < 0)
			return err_set_kind(err, "QubesValueError", EINVAL,
				"Invalid literal for boolean property: '%s'", text);
		return 0;
	case TYPE_VM:
		return parse_qube(app, p, text, ret_value, err);
	case TYPE_LABEL:
		ret_value->label = label_lookup(app, text, err);
		return ret_value->label != NULL ? 0 : -1;
	}
	return err_set(err, EINVAL, "property '%s' has no type", p->name);
}
