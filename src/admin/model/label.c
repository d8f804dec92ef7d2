/* Labels: look-up, creation, removal; see label.h. Arguments come from clients. */
#include "admin/model/label.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "admin/model/app.h"
#include "admin/store/store.h"
#include "base/cleanup.h"
#include "base/text.h"

static struct label *
find_by_index(const struct app *app, const char *digits)
{
	struct label *l;
	uint64_t index;

	if (text_parse_u64(digits, INT32_MAX, &index) < 0)
		return NULL;
	list_for_each (l, &app->labels, link) {
		if ((uint64_t)l->index == index)
			return l;
	}
	return NULL;
}

struct label *
label_find(const struct app *app, const char *text)
{
	struct label *l;

	list_for_each (l, &app->labels, link) {
		if (text_equal(l->name, text))
			return l;
	}
	return find_by_index(app, text_starts_with(text, "label-") ? text + 6 : text);
}

struct label *
label_lookup(const struct app *app, const char *untrusted_text, struct err *err)
{
	struct label *l = label_find(app, untrusted_text);

	if (l == NULL)
		(void)err_set_kind(err, "QubesLabelNotFoundError", ENOENT,
			"Label does not exist: %s", untrusted_text);
	return l;
}

struct label *
label_insert(struct app *app, int index, const char *name, uint32_t color)
{
	struct label *l = xcalloc(1, sizeof(*l)), *other;
	struct list *next = &app->labels;

	l->index = index;
	l->color = color;
	memcpy(l->name, name, strnlen(name, LABEL_NAME_MAX));
	list_for_each (other, &app->labels, link) {
		if (other->index > index) {
			next = &other->link;
			break;
		}
	}
	/* Appending to an element's place in the circle puts it in front of that element. */
	list_append(next, &l->link);
	return l;
}

void
labels_finish(struct app *app)
{
	struct label *l, *next;

	list_for_each_safe (l, next, &app->labels, link) {
		list_remove(&l->link);
		free(l);
	}
}

static int
check_name(const char *untrusted_name, struct err *err)
{
	if (untrusted_name[0] != '\0' &&
		untrusted_name[strspn(untrusted_name, "0123456789")] == '\0')
		return err_set_kind(
			err, "QubesInvalidLabelError", EINVAL, "Label must not be a digit");
	if (untrusted_name[0] == '\0' || !text_only_has(untrusted_name, "-_.") ||
		text_starts_with(untrusted_name, "label-"))
		return err_set_kind(err, "QubesInvalidLabelError", EINVAL,
			"Label must be in safe set: letters, digits, '-', '_', '.', "
			"and not begin with 'label-'");
	if (strlen(untrusted_name) > LABEL_NAME_MAX)
		return err_set_kind(err, "QubesInvalidLabelError", EINVAL,
			"Label must not be longer than %d characters", LABEL_NAME_MAX);
	return 0;
}

static int
parse_color(const char *untrusted_color, uint32_t *ret_color, struct err *err)
{
	static const char digits[] = "0123456789abcdefABCDEF";

	if (strlen(untrusted_color) != 8)
		return err_set_kind(err, "QubesInvalidLabelValueError", EINVAL,
			"Label value must have length of 8");
	if (!text_starts_with(untrusted_color, "0x"))
		return err_set_kind(err, "QubesInvalidLabelValueError", EINVAL,
			"Label value must start with 0x");
	if (strspn(untrusted_color + 2, digits) != 6)
		return err_set_kind(err, "QubesInvalidLabelValueError", EINVAL,
			"Label value must only contain hexadecimal digits after prefix: %s",
			digits);
	*ret_color = (uint32_t)strtoul(untrusted_color + 2, NULL, 16);
	return 0;
}

static int
next_index(const struct app *app)
{
	const struct label *l;
	int highest = LABEL_BUILTIN_COUNT;

	list_for_each (l, &app->labels, link) {
		if (l->index > highest)
			highest = l->index;
	}
	return highest + 1;
}

int
label_create(
	struct app *app, const char *untrusted_name, const char *untrusted_color, struct err *err)
{
	uint32_t color = 0;
	int index = next_index(app);

	if (check_name(untrusted_name, err) < 0 || parse_color(untrusted_color, &color, err) < 0)
		return -1;
	if (label_find(app, untrusted_name) != NULL)
		return err_set_kind(err, "QubesLabelInUseError", EEXIST,
			"Label is still in use: '%s'", untrusted_name);

	struct store_query *insert = store_query(
		app->store, "INSERT INTO label (position, name, color) VALUES (?, ?, ?)");
	query_bind_int(insert, 1, index);
	query_bind_text(insert, 2, untrusted_name);
	query_bind_int(insert, 3, color);
	if (query_run(insert, err) < 0)
		return -1;
	label_insert(app, index, untrusted_name, color);
	app->generation++;
	return 0;
}

int
label_remove(struct app *app, const char *untrusted_text, struct err *err)
{
	struct label *l = label_lookup(app, untrusted_text, err);
	struct qube *q;
	size_t i;

	if (l == NULL)
		return -1;
	if (l->index <= LABEL_BUILTIN_COUNT)
		return err_set_kind(err, "ProtocolError", EPERM, "Can only remove custom labels");
	app_for_each_qube(app, i, q)
	{
		if (qube_label(q) == l)
			return err_set_kind(err, "QubesLabelInUseError", EBUSY,
				"Label is still in use: '%s'", l->name);
	}

	struct store_query *delete =
		store_query(app->store, "DELETE FROM label WHERE position = ?");
	query_bind_int(delete, 1, l->index);
	if (query_run(delete, err) < 0)
		return -1;
	list_remove(&l->link);
	free(l);
	app->generation++;
	return 0;
}
