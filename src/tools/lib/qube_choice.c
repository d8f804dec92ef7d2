/* Which qubes a command line means (qubes.h). */
#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "base/text.h"
#include "tools/lib/admin_error.h"
#include "tools/lib/qubes.h"
#include "tools/lib/report.h"

void
qube_choice_finish(struct qube_choice *choice)
{
	option_list_finish(&choice->exclude);
}

static bool
is_pattern(const char *name)
{
	return strpbrk(name, "*?[") != NULL;
}

static int
choose_all(struct qube_list *list, const struct qube_choice *choice, struct err *err)
{
	int count = 0;

	for (size_t i = 0; i < choice->exclude.count; i++)
		if (qubes_find(list, choice->exclude.items[i]) == NULL)
			return err_set(
				err, ENOENT, "no such domain: '%s'", choice->exclude.items[i]);
	for (size_t i = 0; i < list->count; i++)
		list->items[i].chosen = !qube_is_admin(&list->items[i]);
	for (size_t i = 0; i < choice->exclude.count; i++)
		qubes_find(list, choice->exclude.items[i])->chosen = false;
	for (size_t i = 0; i < list->count; i++)
		count += list->items[i].chosen;
	return count;
}

static int
choose_pattern(struct qube_list *list, const char *pattern, struct err *err)
{
	bool matched = false;

	for (size_t i = 0; i < list->count; i++)
		if (fnmatch(pattern, list->items[i].name, 0) == 0)
			matched = list->items[i].chosen = true;
	return matched ? 0 : err_set(err, ENOENT, "no such domain: '%s'", pattern);
}

int
qubes_choose(struct qube_list *list, const char *const *names, size_t name_count,
	const struct qube_choice *choice, struct err *err)
{
	int count = 0;

	if (choice->all && name_count > 0)
		return err_set(err, EINVAL, "VMNAME and --all cannot be used together");
	if (choice->all)
		return choose_all(list, choice, err);
	if (choice->exclude.count > 0)
		return err_set(err, EINVAL, "--exclude can only be used with --all");

	for (size_t i = 0; i < name_count; i++) {
		struct qube *q = qubes_find(list, names[i]);

		if (q != NULL)
			q->chosen = true;
		else if (!is_pattern(names[i]))
			return err_set(err, ENOENT, "no such domain: '%s'", names[i]);
		else if (choose_pattern(list, names[i], err) < 0)
			return -1;
	}
	for (size_t i = 0; i < list->count; i++)
		count += list->items[i].chosen;
	return count;
}

bool
qubes_accept(struct options *o, const struct qube_choice *choice, const char *const *properties,
	size_t property_count, struct qube_list *ret_list, int *ret_status)
{
	AUTO_ERR struct err err = ERR_INIT;

	if (o->argument_count == 0 && !choice->all && choice->exclude.count == 0) {
		*ret_status = tool_usage_error(o, "one of the arguments --all VMNAME is required");
		return false;
	}
	if (qubes_load(ret_list, properties, property_count, &err) < 0) {
		*ret_status = tool_error(o, "%s", err_message(&err));
		return false;
	}
	if (qubes_choose(ret_list, o->arguments, o->argument_count, choice, &err) < 0) {
		*ret_status = tool_usage_error(o, "%s", err_message(&err));
		return false;
	}
	return true;
}

int
qube_call_failed(const struct options *o, const char *name, const struct err *err)
{
	if (admin_error_is(err, "QubesVMNotFoundError"))
		return tool_usage_error(o, "no such domain: '%s'", name);
	return tool_error(o, "%s", err_message(err));
}
