/* qvm-disp-keep: has a disposable become a named qube at its shutdown. */
#include <errno.h>

#include "tools/lib/admin_client.h"
#include "tools/lib/qubes.h"
#include "tools/lib/report.h"
#include "tools/qvm/commands.h"

static int
check_arguments(const struct options *o, bool standalone, bool cancel)
{
	size_t wanted = cancel ? 1 : 2;

	if (cancel && standalone)
		return tool_usage_error(o, "--cancel and --standalone cannot be used together");
	if (o->argument_count < wanted)
		return tool_usage_error(o, "the following arguments are required: %s",
			cancel || o->argument_count == 0 ? "VMNAME" : "NEWNAME");
	if (o->argument_count > wanted)
		return tool_usage_error(o, "too many arguments: '%s'", o->arguments[wanted]);
	if (!cancel && (o->arguments[1][0] == '\0' || !admin_word_valid(o->arguments[1])))
		return tool_usage_error(o, "no name of a qube: '%s'", o->arguments[1]);
	return TOOL_OK;
}

int
command_disp_keep(int argc, char **argv)
{
	bool standalone = false, cancel = false;
	const struct option rows[] = {
		{"VMNAME", .help = "the disposable"},
		{"NEWNAME", .help = "name of the qube that it becomes"},
		{"-s --standalone", .flag = &standalone,
			.help = "keep its root too: it becomes a StandaloneVM"},
		{"--cancel", .flag = &cancel, .help = "do not keep it after all"},
		{NULL},
	};
	AUTO_OPTIONS struct options o = {
		.program = "qvm-disp-keep",
		.summary = "Has a running disposable become a named qube at its shutdown, instead "
			   "of being removed.",
		.usage = "VMNAME NEWNAME",
		.rows = rows,
	};
	AUTO_ERR struct err err = ERR_INIT;
	int status;

	if (!tool_accept(&o, argc, argv, &status))
		return status;
	status = check_arguments(&o, standalone, cancel);
	if (status != TOOL_OK)
		return status;
	if (admin_call("bulkhead.vm.Keep", cancel ? NULL : o.arguments[1], o.arguments[0],
		    standalone ? "class=StandaloneVM" : NULL, NULL, &err) < 0)
		return qube_call_failed(&o, o.arguments[0], &err);
	if (o.verbosity > 0 && !cancel)
		tool_say("'%s' becomes '%s' when it shuts down", o.arguments[0], o.arguments[1]);
	return TOOL_OK;
}
