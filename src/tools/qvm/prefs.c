/* qvm-prefs and qubes-prefs: the properties of a qube, or of the whole system. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "tools/lib/admin_client.h"
#include "tools/lib/admin_error.h"
#include "tools/lib/property_value.h"
#include "tools/lib/qubes.h"
#include "tools/lib/report.h"
#include "tools/qvm/commands.h"

/* Whose properties: those of a qube (admin.vm.property.*) or of the system (admin.property.*). */
struct target {
	const struct options *options;
	const char *qube; /* NULL: the system */
	bool hide_default;
};

/* One call on the target. The method's name ends in `verb`. */
static int
call(const struct target *t, const char *verb, const char *property, const char *payload,
	char **ret_content, struct err *err)
{
	AUTO_FREE char *method = text_format(
		"%s.%s", t->qube != NULL ? "admin.vm.property" : "admin.property", verb);

	return admin_call(
		method, property, t->qube != NULL ? t->qube : "dom0", payload, ret_content, err);
}

/* The exit status of a failed call: names that do not exist are mistakes of usage. */
static int
call_failed(const struct target *t, const char *property, const struct err *err)
{
	if (property != NULL && admin_error_is(err, "QubesNoSuchPropertyError"))
		return tool_usage_error(t->options, "no such property: '%s'", property);
	return qube_call_failed(t->options, t->qube != NULL ? t->qube : "dom0", err);
}

static size_t
longest_name(const struct property_list *list)
{
	size_t longest = 0;

	for (size_t i = 0; i < list->count; i++)
		if (strlen(list->items[i].name) > longest)
			longest = strlen(list->items[i].name);
	return longest;
}

static int
list_properties(const struct target *t)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *answer = NULL;
	AUTO_PROPERTIES struct property_list list = {0};
	int width;

	if (call(t, "GetAll", NULL, NULL, &answer, &err) < 0)
		return call_failed(t, NULL, &err);
	if (property_list_parse(answer, &list) < 0)
		return tool_error(t->options, "answer of the daemon: not a list of properties");

	width = (int)longest_name(&list);
	for (size_t i = 0; i < list.count; i++) {
		const struct property_value *p = &list.items[i];

		if (t->hide_default && p->is_default)
			continue;
		if (property_value_absent(p))
			printf("%-*s  U\n", width, p->name);
		else
			printf("%-*s  %c  %s\n", width, p->name, p->is_default ? 'D' : '-',
				property_value_shown(p));
	}
	return tool_finish_output(t->options, TOOL_OK);
}

static int
get_property(const struct target *t, const char *property)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *answer = NULL;
	AUTO_PROPERTY struct property_value value = {0};

	if (call(t, "Get", property, NULL, &answer, &err) < 0)
		return call_failed(t, property, &err);
	if (property_value_parse(answer, &value) < 0)
		return tool_error(t->options, "answer of the daemon: not a property");
	if (value.value[0] != '\0' || text_equal(value.type, "str"))
		printf("%s\n", value.value);
	return tool_finish_output(t->options, TOOL_OK);
}

/* For these properties `None` means no qube; elsewhere it is a text like any other. */
static bool
accepts_none(const char *property)
{
	static const char *const names[] = {"default_dispvm", "netvm", "template", "guivm",
		"audiovm", "default_netvm", "default_template", "default_guivm", "default_audiovm",
		"management_dispvm", "clockvm", "updatevm"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (text_equal(names[i], property))
			return true;
	return false;
}

static int
set_property(const struct target *t, const char *property, const char *value)
{
	AUTO_ERR struct err err = ERR_INIT;

	if (strcasecmp(value, "None") == 0 && accepts_none(property))
		value = "";
	if (call(t, "Set", property, value, NULL, &err) < 0)
		return call_failed(t, property, &err);
	return TOOL_OK;
}

static int
reset_property(const struct target *t, const char *property)
{
	AUTO_ERR struct err err = ERR_INIT;

	if (call(t, "Reset", property, NULL, NULL, &err) < 0)
		return call_failed(t, property, &err);
	return TOOL_OK;
}

/* Prints each property with its help text; one call each, all at once. */
static int
print_help_texts(const struct target *t, char *names)
{
	struct admin_call *calls = xcalloc(strlen(names) + 1, sizeof(*calls));
	size_t count = 0, width = 0;
	char *position = names, *name;

	while ((name = strsep(&position, "\n")) != NULL) {
		if (*name == '\0')
			continue;
		calls[count++] = (struct admin_call){
			.method =
				t->qube != NULL ? "admin.vm.property.Help" : "admin.property.Help",
			.argument = name,
			.destination = t->qube != NULL ? t->qube : "dom0",
		};
		if (strlen(name) > width)
			width = strlen(name);
	}
	admin_calls_run(calls, count, -1);
	for (size_t i = 0; i < count; i++) {
		printf("  %-*s  ", (int)width, calls[i].argument);
		print_wrapped(stdout, calls[i].content != NULL ? calls[i].content : "", width + 4,
			width + 4);
	}
	admin_calls_free(calls, count);
	return tool_finish_output(t->options, TOOL_OK);
}

static int
help_properties(const struct target *t)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *names = NULL;

	if (call(t, "List", NULL, NULL, &names, &err) < 0)
		return call_failed(t, NULL, &err);
	return print_help_texts(t, names);
}

static void
dashes_to_underscores(char *text)
{
	for (; *text != '\0'; text++)
		if (*text == '-')
			*text = '_';
}

/* Both commands, once it is known whose properties are meant. */
static int
run(const struct target *t, const char *const *arguments, size_t count, bool help, bool reset)
{
	AUTO_FREE char *property = count > 0 ? text_copy(arguments[0]) : NULL;

	if (help)
		return help_properties(t);
	if (count > 2)
		return tool_usage_error(t->options, "too many arguments: '%s'", arguments[2]);
	if (property == NULL)
		return reset ? tool_usage_error(t->options, "--default needs a PROPERTY")
			     : list_properties(t);
	dashes_to_underscores(property);
	if (reset)
		return count > 1 ? tool_usage_error(t->options, "--default takes no VALUE")
				 : reset_property(t, property);
	return count > 1 ? set_property(t, property, arguments[1]) : get_property(t, property);
}

static const char notes[] = "In the list, D marks a value that is the default, - one that was set, "
			    "U a property without\n"
			    "any value. A property that refers to no qube shows None, and None "
			    "sets it so; a text that is\n"
			    "empty shows nothing.";

#define PREFS_ROWS                                                                                 \
	{"PROPERTY", .help = "name of the property; dashes may stand for underscores"},            \
		{"VALUE", .help = "the value to set"},                                             \
		{"--help-properties", .flag = &help,                                               \
			.help = "list the properties and explain them"},                           \
		{"--hide-default", .flag = &target.hide_default,                                   \
			.help = "leave out what has its default value"},                           \
		{"-g --get", .flag = &ignored, .help = "ignored, as getting needs no option"},     \
		{"-s --set", .flag = &ignored, .help = "ignored, as setting needs no option"},     \
	{                                                                                          \
		"-D --default", .flag = &reset,                                                    \
				.help = "give the property its default value again"                \
	}

int
command_prefs(int argc, char **argv)
{
	struct target target = {0};
	bool help = false, ignored = false, reset = false;
	const struct option rows[] = {{"VMNAME", .help = "name of the qube"}, PREFS_ROWS, {NULL}};
	AUTO_OPTIONS struct options o = {
		.program = "qvm-prefs",
		.summary = "Lists, shows and sets the properties of a qube.",
		.usage = "VMNAME [PROPERTY [VALUE]]",
		.rows = rows,
		.notes = notes,
	};
	int status;

	if (!tool_accept(&o, argc, argv, &status))
		return status;
	if (o.argument_count == 0)
		return tool_usage_error(&o, "the following arguments are required: VMNAME");
	target.options = &o;
	target.qube = o.arguments[0];
	return run(&target, o.arguments + 1, o.argument_count - 1, help, reset);
}

int
command_global_prefs(int argc, char **argv)
{
	struct target target = {0};
	bool help = false, ignored = false, reset = false;
	const struct option rows[] = {PREFS_ROWS, {NULL}};
	AUTO_OPTIONS struct options o = {
		.program = "qubes-prefs",
		.summary = "Lists, shows and sets the properties of the whole system.",
		.usage = "[PROPERTY [VALUE]]",
		.rows = rows,
		.notes = notes,
	};
	int status;

	if (!tool_accept(&o, argc, argv, &status))
		return status;
	target.options = &o;
	return run(&target, o.arguments, o.argument_count, help, reset);
}
