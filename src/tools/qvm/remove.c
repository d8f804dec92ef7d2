/* qvm-remove: removes qubes and all that is theirs, and says who needs those that can not go. */
#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "tools/lib/admin_client.h"
#include "tools/lib/admin_error.h"
#include "tools/lib/property_value.h"
#include "tools/lib/qubes.h"
#include "tools/lib/report.h"
#include "tools/qvm/commands.h"

static bool
refers_to(const struct property_value *p, const char *name)
{
	return text_equal(p->type, "vm") && !p->is_default && text_equal(p->value, name);
}

/* One line for each property among these that was set to the qube. */
static void
explain_properties(const char *answer, const char *name, const char *holder, size_t *lines)
{
	AUTO_PROPERTIES struct property_list list = {0};

	if (property_list_parse(answer, &list) < 0)
		return;
	for (size_t i = 0; i < list.count; i++) {
		if (!refers_to(&list.items[i], name))
			continue;
		if ((*lines)++ == 0)
			tool_say("VM %s cannot be removed. It is in use as:", name);
		if (holder == NULL)
			tool_say(" - global property %s", list.items[i].name);
		else
			tool_say(" - %s for %s", list.items[i].name, holder);
	}
}

/* Says which properties refer to the qube: those of the system, then those of other qubes. */
static void
explain_use(const struct qube_list *list, const char *name)
{
	struct admin_call *calls = xcalloc(list->count + 1, sizeof(*calls));
	size_t lines = 0;

	calls[0].method = "admin.property.GetAll";
	calls[0].destination = "dom0";
	for (size_t i = 0; i < list->count; i++) {
		calls[i + 1].method = "admin.vm.property.GetAll";
		calls[i + 1].destination = list->items[i].name;
	}
	admin_calls_run(calls, list->count + 1, -1);
	for (size_t i = 0; i < list->count + 1; i++)
		if (calls[i].content != NULL)
			explain_properties(calls[i].content, name,
				i == 0 ? NULL : calls[i].destination, &lines);
	admin_calls_free(calls, list->count + 1);
}

static int
remove_chosen(const struct options *o, const struct qube_list *list)
{
	int status = TOOL_OK;

	for (size_t i = 0; i < list->count; i++) {
		AUTO_ERR struct err err = ERR_INIT;
		const char *name = list->items[i].name;

		if (!list->items[i].chosen ||
			admin_call("admin.vm.Remove", NULL, name, NULL, NULL, &err) == 0)
			continue;
		if (admin_error_is(&err, "QubesVMInUseError"))
			explain_use(list, name);
		status = tool_error(o, "%s", err_message(&err));
	}
	return status;
}

static bool
confirm(const struct qube_list *list)
{
	tool_say("This will completely remove the selected VM(s)...");
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].chosen)
			printf("  %s\n", list->items[i].name);
	return tool_ask("Are you sure? [y/N] ");
}

int
command_remove(int argc, char **argv)
{
	AUTO_CHOICE struct qube_choice choice = {0};
	bool force = false;
	const struct option rows[] = {
		QUBE_CHOICE_ROWS(choice),
		{"-f --force", .flag = &force, .help = "do not ask"},
		{NULL},
	};
	AUTO_OPTIONS struct options o = {
		.program = "qvm-remove",
		.summary = "Removes qubes with all their data. This can not be undone.",
		.usage = "[VMNAME ...]",
		.rows = rows,
	};
	AUTO_QUBES struct qube_list list = {0};
	int status;

	if (!tool_accept(&o, argc, argv, &status) ||
		!qubes_accept(&o, &choice, NULL, 0, &list, &status))
		return status;
	for (size_t i = 0; i < list.count; i++)
		if (list.items[i].chosen && qube_is_admin(&list.items[i]))
			return tool_error(&o, "Domain '%s' cannot be removed", list.items[i].name);
	if (!force && !confirm(&list))
		return TOOL_FAILURE;
	return remove_chosen(&o, &list);
}
