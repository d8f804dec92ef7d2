/* From qubes and their templates to menus (menus.h). */
#include "tools/services/menus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/maybe.h"
#include "base/text.h"
#include "tools/lib/admin_client.h"
#include "tools/lib/qubes.h"
#include "tools/services/menu_store.h"
#include "tools/services/menu_write.h"

enum { UPDATEABLE, TEMPLATE, LABEL, FOR_DISPOSABLES, PROPERTY_COUNT };
static const char *const properties[PROPERTY_COUNT] = {
	"updateable", "template", "label", "template_for_dispvms"};

#define TEMPLATES_MAX 8

/* NULL for dom0, which no qube's menu is of, and for what is made of something that is gone. */
static const struct qube *
source_of(const struct qube_list *list, const struct qube *q)
{
	for (int i = 0; i < TEMPLATES_MAX && q != NULL; i++) {
		if (qube_is_admin(q))
			return NULL;
		if (text_is(q->values[UPDATEABLE], "True"))
			return q;
		q = q->values[TEMPLATE] != NULL ? qubes_find(list, q->values[TEMPLATE]) : NULL;
	}
	return NULL;
}

/* A feature that is set and not empty; the caller frees it. NULL otherwise. */
static char *
feature_of(const char *qube, const char *name)
{
	AUTO_FREE char *value = NULL;
	AUTO_ERR struct err err = ERR_INIT;

	if (admin_call("admin.vm.feature.Get", name, qube, NULL, &value, &err) < 0 ||
		value[0] == '\0')
		return NULL;
	return steal_ptr(value);
}

/* "0xRRGGBB" of a label. */
static uint32_t
colour_of(const char *label)
{
	AUTO_FREE char *text = NULL;
	AUTO_ERR struct err err = ERR_INIT;
	char *end;
	unsigned long value;

	if (label == NULL || admin_call("admin.label.Get", label, "dom0", NULL, &text, &err) < 0)
		return 0;
	value = strtoul(text, &end, 16);
	return *end == '\0' && value <= 0xffffff ? (uint32_t)value : 0;
}

static bool
is_shown(const struct qube *q)
{
	AUTO_FREE char *internal = feature_of(q->name, "internal");

	return internal == NULL && !text_is(q->class, "DispVM");
}

static int
write_one(const struct qube *q, const struct qube *source, struct err *err)
{
	AUTO_MENU struct menu menu = {0};
	AUTO_FREE char *chosen = feature_of(q->name, "menu-items");
	AUTO_FREE char *by_default =
		chosen == NULL ? feature_of(source->name, "default-menu-items") : NULL;
	AUTO_FREE char *disposable = feature_of(q->name, "appmenus-dispvm");
	const struct menu_qube shown = {
		.name = q->name,
		.source = source->name,
		.colour = colour_of(q->values[LABEL]),
		.disposable = disposable != NULL && text_is(q->values[FOR_DISPOSABLES], "True"),
		.chosen = chosen != NULL ? chosen : by_default,
	};

	if (!is_shown(q))
		return menu_remove(q->name, err);
	if (menu_store_load(source->name, &menu, err) < 0)
		return -1;
	return menu_write(&shown, &menu, err);
}

/* Those whose programs come from `source`; NULL: whatever they come from. */
static int
write_all(const struct qube_list *list, const struct qube *source, struct err *err)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct qube *own = source_of(list, &list->items[i]);

		if (own != NULL && (source == NULL || own == source) &&
			write_one(&list->items[i], own, err) < 0)
			return -1;
	}
	return 0;
}

static const struct qube *
find_qube(const struct qube_list *list, const char *name, struct err *err)
{
	const struct qube *q = qubes_find(list, name);

	if (q == NULL)
		err_set(err, ENOENT, "no such domain: '%s'", name);
	return q;
}

static const struct qube *
find_source(const struct qube_list *list, const char *name, struct err *err)
{
	const struct qube *q = find_qube(list, name, err);
	const struct qube *source = q != NULL ? source_of(list, q) : NULL;

	if (q != NULL && source == NULL)
		err_set(err, EINVAL, "'%s' has no programs of a qube", name);
	return source;
}

int
menus_keep(const char *qube, const char *untrusted_text, size_t size, struct err *err)
{
	AUTO_QUBES struct qube_list list = {0};
	AUTO_MENU struct menu menu = {0};
	const struct qube *source;

	if (qubes_load(&list, properties, PROPERTY_COUNT, err) < 0)
		return -1;
	source = find_source(&list, qube, err);
	if (source == NULL)
		return -1;
	if (!text_equal(source->name, qube))
		return err_set(err, EPERM, "'%s' has the programs of '%s', not its own", qube,
			source->name);
	if (menu_parse(untrusted_text, size, &menu, err) < 0 ||
		menu_store_save(qube, &menu, err) < 0)
		return -1;
	menu_store_fetch_icons(qube, &menu);
	/* Once more, for those who follow the list: now it has its icons. */
	return menu_store_save(qube, &menu, err);
}

int
menus_write(const char *qube_or_null, struct err *err)
{
	AUTO_QUBES struct qube_list list = {0};
	const struct qube *q, *source;

	if (qubes_load(&list, properties, PROPERTY_COUNT, err) < 0)
		return -1;
	if (qube_or_null == NULL)
		return write_all(&list, NULL, err);
	q = find_qube(&list, qube_or_null, err);
	source = q != NULL ? find_source(&list, q->name, err) : NULL;
	return source == NULL ? -1 : write_one(q, source, err);
}

int
menus_write_of_source(const char *source, struct err *err)
{
	AUTO_QUBES struct qube_list list = {0};
	const struct qube *q;

	if (qubes_load(&list, properties, PROPERTY_COUNT, err) < 0)
		return -1;
	q = find_source(&list, source, err);
	return q == NULL ? -1 : write_all(&list, q, err);
}

char *
menus_source(const char *qube, struct err *err)
{
	AUTO_QUBES struct qube_list list = {0};
	const struct qube *source;

	if (qubes_load(&list, properties, PROPERTY_COUNT, err) < 0)
		return NULL;
	source = find_source(&list, qube, err);
	return source != NULL ? text_copy(source->name) : NULL;
}
