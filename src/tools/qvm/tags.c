/* qvm-tags: lists, adds and removes the tags of a qube. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "tools/lib/admin_client.h"
#include "tools/lib/admin_error.h"
#include "tools/lib/qubes.h"
#include "tools/lib/report.h"
#include "tools/qvm/commands.h"

static int
list_tags(const struct options *o, const char *qube, const char *const *tags, size_t count)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *answer = NULL;

	if (count > 1)
		return tool_usage_error(o, "too many arguments: '%s'", tags[1]);
	if (count == 0) {
		if (admin_call("admin.vm.tag.List", NULL, qube, NULL, &answer, &err) < 0)
			return qube_call_failed(o, qube, &err);
		fputs(answer, stdout);
		return tool_finish_output(o, TOOL_OK);
	}
	if (admin_call("admin.vm.tag.Get", tags[0], qube, NULL, &answer, &err) < 0)
		return qube_call_failed(o, qube, &err);
	if (!text_equal(answer, "1"))
		return TOOL_FAILURE;
	puts(tags[0]);
	return tool_finish_output(o, TOOL_OK);
}

static int
add_tags(const struct options *o, const char *qube, const char *const *tags, size_t count)
{
	AUTO_ERR struct err err = ERR_INIT;

	if (count == 0)
		return tool_usage_error(o, "the following arguments are required: TAG");
	for (size_t i = 0; i < count; i++)
		if (admin_call("admin.vm.tag.Set", tags[i], qube, NULL, NULL, &err) < 0)
			return qube_call_failed(o, qube, &err);
	return TOOL_OK;
}

static int
remove_tags(const struct options *o, const char *qube, const char *const *tags, size_t count)
{
	AUTO_ERR struct err err = ERR_INIT;

	if (count == 0)
		return tool_usage_error(o, "the following arguments are required: TAG");
	for (size_t i = 0; i < count; i++)
		if (admin_call("admin.vm.tag.Remove", tags[i], qube, NULL, NULL, &err) < 0 &&
			!admin_error_is(&err, "QubesTagNotFoundError"))
			return qube_call_failed(o, qube, &err);
	return TOOL_OK;
}

static const struct sub_command {
	const char *names; /* separated by spaces */
	int (*run)(
		const struct options *o, const char *qube, const char *const *tags, size_t count);
} sub_commands[] = {
	{"list ls l", list_tags},
	{"add a set", add_tags},
	{"del d unset u", remove_tags},
};

static bool
is_named(const char *names, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = strstr(names, word); at != NULL && length > 0;
		at = strstr(at + 1, word))
		if ((at == names || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
			return true;
	return false;
}

int
command_tags(int argc, char **argv)
{
	const struct option rows[] = {
		{"VMNAME", .help = "name of the qube"},
		{"list [TAG]",
			.help = "list all tags, or tell whether the qube has one (also: ls, l)"},
		{"add TAG ...", .help = "add tags (also: a, set)"},
		{"del TAG ...", .help = "remove tags (also: d, unset, u)"},
		{NULL},
	};
	AUTO_OPTIONS struct options o = {
		.program = "qvm-tags",
		.summary = "Lists, adds and removes tags of a qube.",
		.usage = "VMNAME [list [TAG] | add TAG ... | del TAG ...]",
		.rows = rows,
	};
	int status;

	if (!tool_accept(&o, argc, argv, &status))
		return status;
	if (o.argument_count == 0)
		return tool_usage_error(&o, "the following arguments are required: VMNAME");
	if (o.argument_count == 1)
		return list_tags(&o, o.arguments[0], NULL, 0);
	for (size_t i = 0; i < sizeof(sub_commands) / sizeof(sub_commands[0]); i++)
		if (is_named(sub_commands[i].names, o.arguments[1]))
			return sub_commands[i].run(
				&o, o.arguments[0], o.arguments + 2, o.argument_count - 2);
	return tool_usage_error(&o, "no such command: '%s'", o.arguments[1]);
}
