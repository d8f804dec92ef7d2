/* qvm-volume list, and the table of all its sub-commands. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "tools/lib/qubes.h"
#include "tools/lib/report.h"
#include "tools/lib/table.h"
#include "tools/lib/volumes.h"
#include "tools/qvm/commands.h"
#include "tools/qvm/sub_command.h"
#include "tools/qvm/volume.h"

/* One row of the list: a volume, and whose it is. */
struct row {
	char *id; /* POOL:VID */
	const struct volume *volume;
};

static int
compare_rows(const void *a, const void *b)
{
	const struct row *left = a, *right = b;
	int order = strcmp(left->id, right->id);

	if (order == 0)
		order = strcmp(left->volume->qube->name, right->volume->qube->name);
	return order != 0 ? order : strcmp(left->volume->name, right->volume->name);
}

/* Sorted rows for the volumes of one pool, or of all; the caller frees ids and array. */
static struct row *
make_rows(const struct volume_list *volumes, const char *wanted_pool, size_t *ret_count)
{
	struct row *rows = xcalloc(volumes->count + 1, sizeof(*rows));
	size_t count = 0;

	for (size_t i = 0; i < volumes->count; i++) {
		AUTO_FREE char *pool = volume_info_value(volumes->items[i].info, "pool");
		AUTO_FREE char *vid = volume_info_value(volumes->items[i].info, "vid");

		/* The kernel volume of a qube without a kernel is none. */
		if (pool == NULL || vid == NULL || *vid == '\0')
			continue;
		if (wanted_pool != NULL && !text_equal(pool, wanted_pool))
			continue;
		rows[count].id = text_format("%s:%s", pool, vid);
		rows[count++].volume = &volumes->items[i];
	}
	qsort(rows, count, sizeof(*rows), compare_rows);
	*ret_count = count;
	return rows;
}

/* The owners of the rows from `first` that share its id: "app1", "app1, app2", "app1 and 7 more".
 */
static char *
describe_owners(const struct row *rows, size_t first, size_t same)
{
	const char *name = rows[first].volume->qube->name;

	if (same == 1)
		return text_copy(name);
	if (same == 2)
		return text_format("%s, %s", name, rows[first + 1].volume->qube->name);
	return text_format("%s and %zu more", name, same - 1);
}

static void
print_rows(const struct row *rows, size_t count, bool collapse)
{
	static const char *const header[] = {
		"POOL:VOLUME", "VMNAME", "VOLUME_NAME", "REVERT_POSSIBLE"};
	AUTO_TABLE struct table table;

	table_init(&table, 4);
	for (size_t i = 0; i < 4; i++)
		table_add(&table, header[i]);
	for (size_t i = 0, same; i < count; i += same) {
		const char *revisions = rows[i].volume->revisions;

		for (same = 1; collapse && i + same < count; same++)
			if (!text_equal(rows[i].id, rows[i + same].id))
				break;

		AUTO_FREE char *owners = describe_owners(rows, i, same);

		table_add(&table, rows[i].id);
		table_add(&table, owners);
		table_add(&table, rows[i].volume->name);
		table_add(&table, revisions != NULL && *revisions != '\0' ? "Yes" : "No");
	}
	table_print(&table, stdout);
}

static int
list_volumes(const struct options *o, const struct qube_choice *choice, const char *pool, bool full,
	bool states)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_QUBES struct qube_list qubes = {0};
	AUTO_VOLUMES struct volume_list volumes = {0};
	struct row *rows;
	size_t count;

	if (qubes_load(&qubes, NULL, 0, &err) < 0)
		return tool_error(o, "%s", err_message(&err));
	if (qubes_choose(&qubes, o->arguments, o->argument_count, choice, &err) < 0)
		return tool_usage_error(o, "%s", err_message(&err));
	for (size_t i = 0; o->argument_count == 0 && !choice->all && i < qubes.count; i++)
		qubes.items[i].chosen = true;
	if (volumes_load(&volumes, &qubes, true, &err) < 0)
		return tool_error(o, "%s", err_message(&err));

	if (states)
		return volume_list_states(o, &volumes, pool);
	rows = make_rows(&volumes, pool, &count);
	print_rows(rows, count, !full && isatty(STDOUT_FILENO));
	for (size_t i = 0; i < count; i++)
		free(rows[i].id);
	free(rows);
	return tool_finish_output(o, TOOL_OK);
}

static int
run_list(int argc, char **argv)
{
	AUTO_CHOICE struct qube_choice choice = {0};
	const char *pool = NULL;
	bool full = false, states = false;
	const struct option rows[] = {
		QUBE_CHOICE_ROWS(choice),
		{"-p --pool", .text = &pool, .value = "POOL", .help = "only volumes in this pool"},
		{"--full", .flag = &full,
			.help = "a row for each qube also when they share a volume"},
		{"--states", .flag = &states,
			.help = "a row for each state that is kept of a volume, with what it "
				"costs"},
		{NULL},
	};
	AUTO_OPTIONS struct options o = {
		.program = "qvm-volume list",
		.summary = "Lists volumes.",
		.usage = "[VMNAME ...]",
		.rows = rows,
	};
	int status;

	if (!tool_accept(&o, argc, argv, &status))
		return status;
	return list_volumes(&o, &choice, pool, full, states);
}

int
command_volume(int argc, char **argv)
{
	static const struct sub_command table[] = {
		{"list ls l", run_list},
		{"info i", volume_run_info},
		{"config c set s", volume_run_config},
		{"resize extend", volume_run_resize},
		{"revert rv r", volume_run_revert},
		{"snapshot", volume_run_snapshot},
		{"delete", volume_run_delete},
		{"import", volume_run_import},
		{"clone", volume_run_clone},
		{"clear", volume_run_clear},
		{NULL, NULL},
	};
	static const struct option rows[] = {
		{"list", .help = "list volumes (also: ls, l; the default)"},
		{"info", .help = "show what is known of a volume (also: i)"},
		{"config", .help = "change how a volume is kept (also: c, set, s)"},
		{"resize", .help = "change the size of a volume (also: extend)"},
		{"revert", .help = "return a volume to an earlier state (also: rv, r)"},
		{"snapshot", .help = "keep the content of a volume under a name"},
		{"delete", .help = "let go of a kept state"},
		{"import", .help = "replace the content of a volume by that of a file"},
		{"clone", .help = "replace the content of a volume by that of another"},
		{"clear", .help = "replace the content of a volume by nothing"},
		{NULL},
	};
	const struct options general = {
		.program = "qvm-volume",
		.summary = "Shows and changes the volumes of qubes.",
		.usage = "COMMAND ...",
		.rows = rows,
	};

	return sub_command_run(&general, table, argc, argv);
}
