/* qvm-create: makes a new qube. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "tools/lib/admin_client.h"
#include "tools/lib/admin_error.h"
#include "tools/lib/report.h"
#include "tools/qvm/clone_parts.h"
#include "tools/qvm/commands.h"
#include "tools/qvm/root_import.h"

/* The qube is there, but not all that was asked of it. */
#define STATUS_PROPERTY_FAILED 2
#define STATUS_ROOT_FAILED 3

struct creation {
	const struct options *options;
	const char *name, *class, *template, *label, *pool;
	const char *root_copy, *root_move;
	bool standalone, disposable, help_classes;
	struct option_list properties, pools;
};

/* Whether `word` is a line of the text. */
static bool
has_line(const char *text, const char *word)
{
	size_t length = strlen(word);

	for (const char *line = text; *line != '\0';) {
		size_t line_length = strcspn(line, "\n");

		if (line_length == length && memcmp(line, word, length) == 0)
			return true;
		line += line_length + (line[line_length] == '\n');
	}
	return false;
}

static char *
join_lines(const char *text)
{
	char *joined = text_copy("");

	while (*text != '\0') {
		size_t length = strcspn(text, "\n");
		char *longer = text_format(
			"%s%s%.*s", joined, *joined != '\0' ? ", " : "", (int)length, text);

		free(joined);
		joined = longer;
		text += length + (text[length] == '\n');
	}
	return joined;
}

/* Classes and labels that the daemon knows, asked together. A status after a message, or 0. */
static int
check_class_and_label(const struct creation *c)
{
	const struct options *o = c->options;
	struct admin_call calls[] = {
		{.method = "admin.vmclass.List", .destination = "dom0"},
		{.method = "admin.label.List", .destination = "dom0"},
	};
	int status = TOOL_OK;

	admin_calls_run(calls, 2, -1);
	if (calls[0].content == NULL || calls[1].content == NULL) {
		status = tool_error(
			o, "%s", err_message(&calls[calls[0].content == NULL ? 0 : 1].err));
	} else if (!has_line(calls[0].content, c->class)) {
		status = tool_usage_error(o, "no such domain class: '%s'", c->class);
	} else if (!has_line(calls[1].content, c->label)) {
		AUTO_FREE char *labels = join_lines(calls[1].content);

		status =
			tool_usage_error(o, "no such label: '%s'; available: %s", c->label, labels);
	}
	admin_call_finish(&calls[0]);
	admin_call_finish(&calls[1]);
	return status;
}

static int
check_root_file(const struct creation *c)
{
	const struct options *o = c->options;
	const char *path = c->root_copy != NULL ? c->root_copy : c->root_move;

	if (path == NULL)
		return TOOL_OK;
	if (c->root_copy != NULL && c->root_move != NULL)
		return tool_usage_error(
			o, "--root-copy-from and --root-move-from cannot be used together");
	if (access(path, R_OK) < 0)
		return tool_usage_error(
			o, "File pointed by --root-copy-from/--root-move-from does not exist");
	if (text_equal(c->class, "AppVM") || text_equal(c->class, "DispVM"))
		return tool_usage_error(o,
			"--root-copy-from/--root-move-from: a qube of class %s has no own root "
			"volume",
			c->class);
	return TOOL_OK;
}

static int
check_options(struct creation *c)
{
	const struct options *o = c->options;
	const char *bad;

	if (c->standalone && c->class != NULL && !text_equal(c->class, "StandaloneVM"))
		return tool_usage_error(
			o, "--standalone and --class %s cannot be used together", c->class);
	if (c->disposable && c->class != NULL && !text_equal(c->class, "DispVM"))
		return tool_usage_error(
			o, "--disp and --class %s cannot be used together", c->class);
	if (c->standalone && c->disposable)
		return tool_usage_error(o, "--standalone and --disp cannot be used together");
	if (c->standalone)
		c->class = "StandaloneVM";
	if (c->disposable)
		c->class = "DispVM";
	if (c->class == NULL)
		c->class = "AppVM";
	if (c->disposable && c->label == NULL)
		c->label = "red";

	if (c->pool != NULL && c->pools.count > 0)
		return tool_usage_error(o, "-P and --pool cannot be used together");
	if (!pool_options_valid(&c->pools, &bad))
		return tool_usage_error(
			o, "Pool argument must be of form: -p volume_name=pool_name");
	for (size_t i = 0; i < c->properties.count; i++)
		if (strchr(c->properties.items[i], '=') == NULL)
			return tool_usage_error(o, "--property must be of form NAME=VALUE: '%s'",
				c->properties.items[i]);
	if (c->label == NULL)
		return tool_usage_error(o, "--label option is mandatory");
	if (o->argument_count == 0)
		return tool_usage_error(o, "VMNAME is mandatory");
	if (o->argument_count > 1)
		return tool_usage_error(o, "too many arguments: '%s'", o->arguments[1]);
	c->name = o->arguments[0];
	return check_root_file(c);
}

/* A standalone qube from a template is a copy of that template, but for its private data. */
static int
create_standalone(const struct creation *c, struct err *err)
{
	const struct clone_request request = {
		.source = c->template,
		.target = c->name,
		.class = c->class,
		.label = c->label,
		.pool = c->pool,
		.pools = &c->pools,
		.no_private = true,
	};

	return clone_qube(&request, err);
}

static int
create(const struct creation *c, struct err *err)
{
	AUTO_FREE char *method = NULL, *payload = NULL;

	if (text_equal(c->class, "StandaloneVM") && c->template != NULL)
		return create_standalone(c, err);
	create_request_build(c->class, c->name, c->label, c->pool, &c->pools, &method, &payload);
	return admin_call(method, c->template, "dom0", payload, NULL, err);
}

static int
set_properties(const struct creation *c)
{
	int status = TOOL_OK;

	for (size_t i = 0; i < c->properties.count; i++) {
		AUTO_ERR struct err err = ERR_INIT;
		AUTO_FREE char *name = text_copy(c->properties.items[i]);
		char *value = strchr(name, '=');

		*value++ = '\0';
		for (char *dash = name; *dash != '\0'; dash++)
			if (*dash == '-')
				*dash = '_';
		if (admin_call("admin.vm.property.Set", name, c->name, value, NULL, &err) == 0)
			continue;
		tool_say("app: Error setting property %s (but VM created): %s", name,
			err_message(&err));
		status = STATUS_PROPERTY_FAILED;
	}
	return status;
}

static int
import_root(const struct creation *c)
{
	AUTO_ERR struct err err = ERR_INIT;
	const char *path = c->root_copy != NULL ? c->root_copy : c->root_move;

	if (path == NULL)
		return TOOL_OK;
	if (root_import(c->name, path, &err) < 0) {
		tool_say(
			"app: Error importing root volume (but VM created): %s", err_message(&err));
		return STATUS_ROOT_FAILED;
	}
	if (c->root_move != NULL && unlink(path) < 0) {
		tool_say("app: cannot remove '%s': %s", path, strerror(errno));
		return STATUS_ROOT_FAILED;
	}
	return TOOL_OK;
}

static int
print_classes(const struct options *o)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *classes = NULL;

	if (admin_call("admin.vmclass.List", NULL, "dom0", NULL, &classes, &err) < 0)
		return tool_error(o, "%s", err_message(&err));
	fputs(classes, stdout);
	return tool_finish_output(o, TOOL_OK);
}

static int
run(struct creation *c)
{
	AUTO_ERR struct err err = ERR_INIT;
	int status, imported;

	if (c->help_classes)
		return print_classes(c->options);
	status = check_options(c);
	if (status == TOOL_OK)
		status = check_class_and_label(c);
	if (status != TOOL_OK)
		return status;
	if (create(c, &err) < 0) {
		tool_say("app: Error creating VM: %s", err_message(&err));
		return TOOL_FAILURE;
	}
	status = set_properties(c);
	imported = import_root(c);
	return imported != TOOL_OK ? imported : status;
}

int
command_create(int argc, char **argv)
{
	struct creation c = {0};
	const struct option rows[] = {
		{"VMNAME", .help = "name of the new qube"},
		{"-C --class", .text = &c.class, .value = "CLASS",
			.help = "class of the qube (default: AppVM)"},
		{"--standalone", .flag = &c.standalone, .help = "the same as --class StandaloneVM"},
		{"--disp", .flag = &c.disposable, .help = "the same as --class DispVM --label red"},
		{"--property --prop", .list = &c.properties, .value = "NAME=VALUE",
			.help = "set a property; may be given several times"},
		{"-p --pool", .list = &c.pools, .value = "VOLUME=POOL",
			.help = "pool for one volume; may be given several times"},
		{"-P", .text = &c.pool, .value = "POOL", .help = "pool for all volumes"},
		{"-t --template", .text = &c.template, .value = "TEMPLATE",
			.help = "template of the qube; a standalone qube becomes a copy of it"},
		{"-l --label", .text = &c.label, .value = "LABEL",
			.help = "colour of its windows' borders"},
		{"--help-classes", .flag = &c.help_classes, .help = "list the classes"},
		{"-r --root-copy-from", .text = &c.root_copy, .value = "FILE",
			.help = "fill the root volume from this image"},
		{"-R --root-move-from", .text = &c.root_move, .value = "FILE",
			.help = "the same, and remove the file"},
		{NULL},
	};
	AUTO_OPTIONS struct options o = {
		.program = "qvm-create",
		.summary = "Creates a qube.",
		.usage = "VMNAME",
		.rows = rows,
	};
	int status;

	c.options = &o;
	if (tool_accept(&o, argc, argv, &status))
		status = run(&c);
	option_list_finish(&c.properties);
	option_list_finish(&c.pools);
	return status;
}
