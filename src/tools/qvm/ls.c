/* qvm-ls: lists qubes. Its command line, and the order in which the parts work. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "tools/lib/report.h"
#include "tools/qvm/commands.h"
#include "tools/qvm/ls_columns.h"
#include "tools/qvm/ls_data.h"
#include "tools/qvm/ls_filter.h"
#include "tools/qvm/ls_print.h"

struct ls_options {
	struct qube_choice choice;
	struct ls_filter filter;
	const char *format, *fields, *sort;
	bool disk, network, kernel, tree, raw_data, raw_list, json;
	bool help_formats, help_columns, reverse, ignore_case, spinner;
};

/* The fields that the options ask for; NULL after a message. */
static const char *
choose_fields(const struct options *o, const struct ls_options *given)
{
	const char *format = given->disk             ? "disk"
			     : given->network        ? "network"
			     : given->kernel         ? "kernel"
			     : given->format != NULL ? given->format
						     : "simple";
	const int formats = given->disk + given->network + given->kernel + (given->format != NULL) +
			    (given->fields != NULL);

	if (formats > 1) {
		tool_usage_error(o,
			"only one of --format, --fields, --disk, --network and --kernel "
			"can be used");
		return NULL;
	}
	if (given->fields != NULL)
		return given->fields;
	if (format_fields(format) == NULL)
		tool_usage_error(o, "no such format: '%s'; --help-formats lists them", format);
	return format_fields(format);
}

/* Without names every qube is meant, dom0 too. */
static int
choose_qubes(const struct options *o, const struct ls_options *given, struct qube_list *qubes)
{
	AUTO_ERR struct err err = ERR_INIT;

	if (qubes_choose(qubes, o->arguments, o->argument_count, &given->choice, &err) < 0)
		return tool_usage_error(o, "%s", err_message(&err));
	for (size_t i = 0; o->argument_count == 0 && !given->choice.all && i < qubes->count; i++)
		qubes->items[i].chosen = true;
	return TOOL_OK;
}

static int
load_and_print(const struct options *o, const struct ls_options *given, struct ls_view *view,
	struct ls_data *data)
{
	AUTO_ERR struct err err = ERR_INIT;
	int status;

	ls_filter_need(&given->filter, data);
	if (given->tree)
		name_set_add(&data->properties, "netvm");
	if (!given->raw_list || given->sort != NULL)
		columns_need(view->columns, data);
	if (ls_data_load(data, &err) < 0)
		return tool_error(o, "%s", err_message(&err));
	status = choose_qubes(o, given, &data->qubes);
	if (status != TOOL_OK)
		return status;
	ls_filter_first(&given->filter, data);
	if (ls_data_load_details(data, &err) < 0)
		return tool_error(o, "%s", err_message(&err));
	ls_filter_details(&given->filter, data);
	ls_print(view);
	return tool_finish_output(o, TOOL_OK);
}

static int
run(const struct options *o, const struct ls_options *given)
{
	struct ls_data data = {0};
	struct column_set columns;
	struct ls_view view = {
		.data = &data,
		.columns = &columns,
		.form = given->json       ? LS_JSON
			: given->raw_list ? LS_RAW_LIST
			: given->raw_data ? LS_RAW_DATA
					  : LS_TABLE,
		.reverse = given->reverse,
		.ignore_case = given->ignore_case,
		.tree = given->tree,
	};
	const char *fields = choose_fields(o, given), *bad;
	int status;

	if (fields == NULL)
		return TOOL_USAGE;
	if (!ls_filter_valid(&given->filter, &bad))
		return tool_usage_error(o, "%s: the value is y or n", bad);
	columns_parse(&columns, fields);
	view.sort = given->sort != NULL ? columns_find(&columns, given->sort) : NULL;
	if (columns.count == 0)
		status = tool_usage_error(o, "--fields: no column");
	else if (given->sort != NULL && view.sort == NULL)
		status = tool_usage_error(o, "--sort: column '%s' is not shown", given->sort);
	else
		status = load_and_print(o, given, &view, &data);
	ls_data_finish(&data);
	columns_finish(&columns);
	return status;
}

static int
print_lists(const struct options *o, const struct ls_options *given)
{
	if (given->help_formats)
		print_format_help();
	if (given->help_columns)
		print_column_help();
	return tool_finish_output(o, TOOL_OK);
}

int
command_ls(int argc, char **argv)
{
	struct ls_options given = {0};
	struct ls_filter *f = &given.filter;
	const struct option rows[] = {
		{"VMNAME", .help = "names of qubes, or patterns; without one: all, and dom0"},
		{"-o --format", .text = &given.format, .value = "FORMAT",
			.help = "a set of columns"},
		{"-O --fields", .text = &given.fields, .value = "FIELD,...",
			.help = "these columns, by name"},
		{"-d --disk", .flag = &given.disk, .help = "the same as --format disk"},
		{"-n --network", .flag = &given.network, .help = "the same as --format network"},
		{"-k --kernel", .flag = &given.kernel, .help = "the same as --format kernel"},
		{"-t --tree", .flag = &given.tree, .help = "show qubes below their netvm"},
		{"--raw-data", .flag = &given.raw_data,
			.help = "no header; columns separated by |"},
		{"--raw-list", .flag = &given.raw_list, .help = "only names, one a line"},
		{"--json", .flag = &given.json,
			.help = "a JSON array with an object for each qube"},
		{"--help-formats", .flag = &given.help_formats, .help = "list the formats"},
		{"--help-columns", .flag = &given.help_columns, .help = "list the columns"},
		{"--class", .list = &f->classes, .value = "CLASS", .many = true,
			.help = "only qubes of these classes"},
		{"--label", .list = &f->labels, .value = "LABEL", .many = true,
			.help = "only qubes with one of these labels"},
		{"--tags", .list = &f->tags, .value = "TAG", .many = true,
			.help = "only qubes with one of these tags"},
		{"--exclude-tags", .list = &f->exclude_tags, .value = "TAG", .many = true,
			.help = "only qubes with none of these tags"},
		{"--running", .flag = &f->running, .help = "only qubes that run"},
		{"--paused", .flag = &f->paused, .help = "only paused qubes"},
		{"--halted", .flag = &f->halted, .help = "only halted qubes"},
		{"--template-source", .list = &f->templates, .value = "TEMPLATE", .many = true,
			.help = "only qubes with one of these templates"},
		{"--netvm-is", .list = &f->netvms, .value = "NETVM", .many = true,
			.help = "only qubes with one of these netvms; None: without one"},
		{"--internal", .text = &f->internal, .value = "y|n",
			.help = "only qubes that are internal, or that are not"},
		{"--servicevm", .text = &f->servicevm, .value = "y|n",
			.help = "only qubes that serve others, or that do not"},
		{"--pending-update", .flag = &f->pending_update,
			.help = "only qubes for which there are updates"},
		{"--features", .list = &f->features, .value = "FEATURE=VALUE", .many = true,
			.help = "only qubes whose features have these values; FEATURE alone: not "
				"set"},
		{"--prefs", .list = &f->properties, .value = "PROPERTY=VALUE", .many = true,
			.help = "only qubes whose properties have these values"},
		{"--sort", .text = &given.sort, .value = "COLUMN",
			.help = "sort by a shown column"},
		{"--reverse", .flag = &given.reverse, .help = "sort the other way round"},
		{"--ignore-case", .flag = &given.ignore_case,
			.help = "sort capitals among small letters"},
		{"--spinner", .flag = &given.spinner,
			.help = "accepted; the answer comes sooner than a spinner would turn"},
		{"--no-spinner", .flag = &given.spinner, .help = "accepted"},
		{"--all", .flag = &given.choice.all, .help = "all qubes but dom0"},
		{"--exclude", .list = &given.choice.exclude, .value = "VMNAME",
			.help = "leave this qube out of --all; may be given several times"},
		{NULL},
	};
	AUTO_OPTIONS struct options o = {
		.program = "qvm-ls",
		.summary = "Lists qubes and what is known of them.",
		.usage = "[VMNAME ...]",
		.rows = rows,
	};
	int status;

	if (tool_accept(&o, argc, argv, &status))
		status = given.help_formats || given.help_columns ? print_lists(&o, &given)
								  : run(&o, &given);
	ls_filter_finish(f);
	qube_choice_finish(&given.choice);
	return status;
}
