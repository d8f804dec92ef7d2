/* qvm-clone: makes a qube that is a copy of another. */
#include "base/text.h"
#include "tools/lib/admin_error.h"
#include "tools/lib/qubes.h"
#include "tools/lib/report.h"
#include "tools/qvm/clone_parts.h"
#include "tools/qvm/commands.h"

static int
clone(const struct options *o, struct clone_request *r, const struct option_list *pools)
{
	AUTO_ERR struct err err = ERR_INIT;
	const char *bad;

	if (o->argument_count != 2)
		return tool_usage_error(o, "the arguments are VMNAME and NEWVM");
	if (r->pool != NULL && pools->count > 0)
		return tool_usage_error(o, "-P and --pool cannot be used together");
	if (!pool_options_valid(pools, &bad))
		return tool_usage_error(
			o, "Pool argument must be of form: -p volume_name=pool_name");
	r->source = o->arguments[0];
	r->target = o->arguments[1];
	r->pools = pools;
	r->verbose = o->verbosity > 1;
	if (clone_qube(r, &err) == 0)
		return TOOL_OK;
	return qube_call_failed(o, r->source, &err);
}

int
command_clone(int argc, char **argv)
{
	struct clone_request r = {0};
	AUTO_OPTION_LIST struct option_list pools = {0};
	const struct option rows[] = {
		{"VMNAME", .help = "the qube to copy"},
		{"NEWVM", .help = "name of the new qube"},
		{"-C --class", .text = &r.class, .value = "CLASS",
			.help = "make it of another class"},
		{"--ignore-errors", .flag = &r.ignore_errors,
			.help = "go on when something other than a volume can not be copied"},
		{"-P", .text = &r.pool, .value = "POOL",
			.help = "pool for all volumes of the new qube"},
		{"-p --pool", .list = &pools, .value = "VOLUME=POOL",
			.help = "pool for one volume; may be given several times"},
		{NULL},
	};
	AUTO_OPTIONS struct options o = {
		.program = "qvm-clone",
		.summary = "Makes a qube that is a copy of another.",
		.usage = "VMNAME NEWVM",
		.rows = rows,
	};
	int status;

	if (!tool_accept(&o, argc, argv, &status))
		return status;
	return clone(&o, &r, &pools);
}
