/* qvm-features and qvm-service: free-form marks of a qube, and those that switch services. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "tools/lib/admin_client.h"
#include "tools/lib/admin_error.h"
#include "tools/lib/qubes.h"
#include "tools/lib/report.h"
#include "tools/lib/table.h"
#include "tools/qvm/commands.h"

#define SERVICE_PREFIX "service."

/* Lists features and values; with `services` only service.*, without that prefix, as on or off. */
static int
list_features(const struct options *o, const char *qube, bool services)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *names = NULL;
	AUTO_TABLE struct table table;
	struct admin_call *calls;
	size_t count = 0, prefix = services ? strlen(SERVICE_PREFIX) : 0;
	char *position, *name;

	table_init(&table, 2);
	if (admin_call("admin.vm.feature.List", NULL, qube, NULL, &names, &err) < 0)
		return qube_call_failed(o, qube, &err);

	calls = xcalloc(strlen(names) + 1, sizeof(*calls));
	position = names;
	while ((name = strsep(&position, "\n")) != NULL) {
		if (*name == '\0' || (services && !text_starts_with(name, SERVICE_PREFIX)))
			continue;
		calls[count++] = (struct admin_call){
			.method = "admin.vm.feature.Get",
			.argument = name,
			.destination = qube,
		};
	}
	admin_calls_run(calls, count, -1);
	for (size_t i = 0; i < count; i++) {
		/* A feature removed in between is left out. */
		if (calls[i].content == NULL)
			continue;
		table_add(&table, calls[i].argument + prefix);
		if (services)
			table_add(&table, calls[i].size > 0 ? "on" : "off");
		else
			table_add(&table, calls[i].content);
	}
	table_print(&table, stdout);
	admin_calls_free(calls, count);
	return tool_finish_output(o, TOOL_OK);
}

static int
get_feature(const struct options *o, const char *qube, const char *feature, bool service)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *value = NULL;

	if (admin_call("admin.vm.feature.Get", feature, qube, NULL, &value, &err) < 0) {
		if (admin_error_is(&err, "QubesFeatureNotFoundError"))
			return TOOL_FAILURE;
		return qube_call_failed(o, qube, &err);
	}
	if (service)
		puts(*value != '\0' ? "on" : "off");
	else
		puts(value);
	return tool_finish_output(o, TOOL_OK);
}

static int
set_feature(const struct options *o, const char *qube, const char *feature, const char *value)
{
	AUTO_ERR struct err err = ERR_INIT;

	if (admin_call("admin.vm.feature.Set", feature, qube, value, NULL, &err) < 0)
		return qube_call_failed(o, qube, &err);
	return TOOL_OK;
}

static int
unset_feature(const struct options *o, const char *qube, const char *feature)
{
	AUTO_ERR struct err err = ERR_INIT;

	if (admin_call("admin.vm.feature.Remove", feature, qube, NULL, NULL, &err) < 0 &&
		!admin_error_is(&err, "QubesFeatureNotFoundError"))
		return qube_call_failed(o, qube, &err);
	return TOOL_OK;
}

int
command_features(int argc, char **argv)
{
	bool unset = false;
	const struct option rows[] = {
		{"VMNAME", .help = "name of the qube"},
		{"FEATURE", .help = "name of the feature"},
		{"VALUE", .help = "the value to set; the empty text is a value too"},
		{"-D --unset --default --delete", .flag = &unset, .help = "remove the feature"},
		{NULL},
	};
	AUTO_OPTIONS struct options o = {
		.program = "qvm-features",
		.summary = "Lists, shows, sets and removes features of a qube.",
		.usage = "VMNAME [FEATURE [VALUE]]",
		.rows = rows,
	};
	const char *const *words;
	int status;

	if (!tool_accept(&o, argc, argv, &status))
		return status;
	words = o.arguments;
	if (o.argument_count == 0)
		return tool_usage_error(&o, "the following arguments are required: VMNAME");
	if (o.argument_count > 3)
		return tool_usage_error(&o, "too many arguments: '%s'", words[3]);
	if (unset && o.argument_count != 2)
		return tool_usage_error(&o, "--unset needs a FEATURE and takes no VALUE");

	if (o.argument_count == 1)
		return list_features(&o, words[0], false);
	if (unset)
		return unset_feature(&o, words[0], words[1]);
	return o.argument_count == 2 ? get_feature(&o, words[0], words[1], false)
				     : set_feature(&o, words[0], words[1], words[2]);
}

/* What an invocation of qvm-service asks for, after the several ways to say it. */
enum service_action {
	SERVICE_NOTHING_SAID,
	SERVICE_ENABLE,
	SERVICE_DISABLE,
	SERVICE_UNSET,
	SERVICE_LIST,
};

int
command_service(int argc, char **argv)
{
	int action = SERVICE_NOTHING_SAID;
	const struct option rows[] = {
		{"VMNAME", .help = "name of the qube"},
		{"SERVICE", .help = "name of the service"},
		{"on|off", .help = "whether the service shall run"},
		{"-e --enable", .number = &action, .constant = SERVICE_ENABLE,
			.help = "the same as 'on'"},
		{"-d --disable", .number = &action, .constant = SERVICE_DISABLE,
			.help = "the same as 'off'"},
		{"-D --unset --default --delete", .number = &action, .constant = SERVICE_UNSET,
			.help = "leave it to the qube"},
		{"-l --list", .number = &action, .constant = SERVICE_LIST,
			.help = "list the services; this needs no option"},
		{NULL},
	};
	AUTO_OPTIONS struct options o = {
		.program = "qvm-service",
		.summary = "Lists, shows and switches services of a qube.",
		.usage = "VMNAME [SERVICE [on|off]]",
		.rows = rows,
	};
	int status;

	if (!tool_accept(&o, argc, argv, &status))
		return status;
	if (o.argument_count == 0)
		return tool_usage_error(&o, "the following arguments are required: VMNAME");
	if (o.argument_count > 3)
		return tool_usage_error(&o, "too many arguments: '%s'", o.arguments[3]);

	const char *qube = o.arguments[0];

	if (o.argument_count == 1 && action != SERVICE_NOTHING_SAID && action != SERVICE_LIST)
		return tool_usage_error(&o, "the following arguments are required: SERVICE");
	if (o.argument_count == 1 || action == SERVICE_LIST)
		return list_features(&o, qube, true);
	if (o.argument_count == 3 && action != SERVICE_NOTHING_SAID)
		return tool_usage_error(&o, "'%s' cannot be used with an option", o.arguments[2]);
	if (o.argument_count == 3 && text_equal(o.arguments[2], "on"))
		action = SERVICE_ENABLE;
	else if (o.argument_count == 3 && text_equal(o.arguments[2], "off"))
		action = SERVICE_DISABLE;
	else if (o.argument_count == 3)
		return tool_usage_error(&o, "'%s' is neither 'on' nor 'off'", o.arguments[2]);

	AUTO_FREE char *feature = text_format(SERVICE_PREFIX "%s", o.arguments[1]);

	switch (action) {
	case SERVICE_ENABLE:
		return set_feature(&o, qube, feature, "1");
	case SERVICE_DISABLE:
		return set_feature(&o, qube, feature, "");
	case SERVICE_UNSET:
		return unset_feature(&o, qube, feature);
	default:
		return get_feature(&o, qube, feature, true);
	}
}
