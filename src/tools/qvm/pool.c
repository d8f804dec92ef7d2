/* qvm-pool: shows storage pools and the drivers they can have. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "tools/lib/admin_client.h"
#include "tools/lib/report.h"
#include "tools/lib/table.h"
#include "tools/lib/volumes.h"
#include "tools/qvm/commands.h"
#include "tools/qvm/sub_command.h"

/* admin.pool.Info of each name in the text, one a line, all at once. */
static struct admin_call *
ask_info(char *names, size_t *ret_count)
{
	struct admin_call *calls = xcalloc(strlen(names) + 1, sizeof(*calls));
	char *position = names, *name;
	size_t count = 0;

	while ((name = strsep(&position, "\n")) != NULL)
		if (*name != '\0')
			calls[count++] = (struct admin_call){
				.method = "admin.pool.Info",
				.argument = name,
				.destination = "dom0",
			};
	admin_calls_run(calls, count, -1);
	*ret_count = count;
	return calls;
}

static int
run_list(int argc, char **argv)
{
	AUTO_OPTIONS struct options o = {
		.program = "qvm-pool list",
		.summary = "Lists storage pools.",
		.usage = "",
	};
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_TABLE struct table table;
	AUTO_FREE char *names = NULL;
	struct admin_call *calls;
	size_t count;
	int status;

	table_init(&table, 2);
	if (!tool_accept(&o, argc, argv, &status))
		return status;
	if (o.argument_count > 0)
		return tool_usage_error(&o, "too many arguments: '%s'", o.arguments[0]);
	if (admin_call("admin.pool.List", NULL, "dom0", NULL, &names, &err) < 0)
		return tool_error(&o, "%s", err_message(&err));
	calls = ask_info(names, &count);
	table_add(&table, "NAME");
	table_add(&table, "DRIVER");
	for (size_t i = 0; i < count; i++) {
		AUTO_FREE char *driver = calls[i].content != NULL
						 ? volume_info_value(calls[i].content, "driver")
						 : NULL;

		table_add(&table, calls[i].argument);
		table_add(&table, driver != NULL ? driver : "-");
	}
	admin_calls_free(calls, count);
	table_print(&table, stdout);
	return tool_finish_output(&o, TOOL_OK);
}

/* The pools among `wanted` that do not exist: "['a', 'b']"; NULL when all do. */
static char *
missing_pools(const char *names, const char *const *wanted, size_t count)
{
	AUTO_BUF struct buf text;
	bool any = false;

	buf_init(&text, 65536);
	buf_put_string(&text, "[");
	for (size_t i = 0; i < count; i++) {
		bool found = false;

		for (const char *line = names; *line != '\0' && !found;) {
			size_t length = strcspn(line, "\n");

			found = length == strlen(wanted[i]) && memcmp(line, wanted[i], length) == 0;
			line += length + (line[length] == '\n');
		}
		if (found)
			continue;
		buf_printf(&text, "%s'%s'", any ? ", " : "", wanted[i]);
		any = true;
	}
	buf_put_string(&text, "]");
	return any ? buf_steal_string(&text) : NULL;
}

/* Name first, then the configuration, size and usage in the daemon's order. */
static void
print_info(const char *name, char *info)
{
	AUTO_TABLE struct table table;
	char *line;

	table_init(&table, 2);
	table_add(&table, "name");
	table_add(&table, name);
	while ((line = strsep(&info, "\n")) != NULL) {
		char *key = strsep(&line, "=");

		if (line == NULL || text_equal(key, "name"))
			continue;
		table_add(&table, key);
		table_add(&table, line);
	}
	table_print(&table, stdout);
}

static int
run_info(int argc, char **argv)
{
	const struct option rows[] = {{"NAME", .help = "name of a pool"}, {NULL}};
	AUTO_OPTIONS struct options o = {
		.program = "qvm-pool info",
		.summary = "Shows what is known of storage pools.",
		.usage = "NAME ...",
		.rows = rows,
	};
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *names = NULL, *missing = NULL;
	int status;

	if (!tool_accept(&o, argc, argv, &status))
		return status;
	if (o.argument_count == 0)
		return tool_usage_error(&o, "the following arguments are required: NAME");
	if (admin_call("admin.pool.List", NULL, "dom0", NULL, &names, &err) < 0)
		return tool_error(&o, "%s", err_message(&err));
	missing = missing_pools(names, o.arguments, o.argument_count);
	if (missing != NULL)
		return tool_usage_error(&o, "No such pools: %s", missing);
	for (size_t i = 0; i < o.argument_count; i++) {
		AUTO_FREE char *info = NULL;

		if (admin_call("admin.pool.Info", o.arguments[i], "dom0", NULL, &info, &err) < 0)
			return tool_error(&o, "%s", err_message(&err));
		print_info(o.arguments[i], info);
	}
	return tool_finish_output(&o, TOOL_OK);
}

static int
run_drivers(int argc, char **argv)
{
	AUTO_OPTIONS struct options o = {
		.program = "qvm-pool drivers",
		.summary = "Lists the drivers that pools can have, and their options.",
		.usage = "",
	};
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_TABLE struct table table;
	AUTO_FREE char *answer = NULL;
	char *position, *line;
	int status;

	table_init(&table, 2);
	if (!tool_accept(&o, argc, argv, &status))
		return status;
	if (admin_call("admin.pool.ListDrivers", NULL, "dom0", NULL, &answer, &err) < 0)
		return tool_error(&o, "%s", err_message(&err));
	table_add(&table, "DRIVER");
	table_add(&table, "OPTIONS");
	position = answer;
	while ((line = strsep(&position, "\n")) != NULL) {
		AUTO_BUF struct buf names;
		char *driver = strsep(&line, " "), *name;

		if (*driver == '\0')
			continue;
		buf_init(&names, 65536);
		while ((name = strsep(&line, " ")) != NULL)
			buf_printf(&names, "%s%s", buf_len(&names) > 0 ? ", " : "", name);

		AUTO_FREE char *joined = buf_steal_string(&names);

		table_add(&table, driver);
		table_add(&table, joined != NULL ? joined : "");
	}
	table_print(&table, stdout);
	return tool_finish_output(&o, TOOL_OK);
}

int
command_pool(int argc, char **argv)
{
	static const struct sub_command table[] = {
		{"list l ls", run_list},
		{"info i", run_info},
		{"drivers d", run_drivers},
		{NULL, NULL},
	};
	static const struct option rows[] = {
		{"list", .help = "list pools (also: l, ls; the default)"},
		{"info", .help = "show what is known of pools (also: i)"},
		{"drivers", .help = "list the drivers that pools can have (also: d)"},
		{NULL},
	};
	const struct options general = {
		.program = "qvm-pool",
		.summary = "Shows storage pools.",
		.usage = "COMMAND ...",
		.rows = rows,
	};

	return sub_command_run(&general, table, argc, argv);
}
