/* qvm-volume list --states, snapshot and delete: what is kept of a volume, and what it costs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/maybe.h"
#include "base/text.h"
#include "tools/lib/admin_client.h"
#include "tools/lib/report.h"
#include "tools/lib/table.h"
#include "tools/qvm/volume.h"

#define COLUMNS 7

/* The value of a word KEY=VALUE of a line; "-" if it is absent or empty. The caller frees it. */
static char *
word_value(const char *line, const char *key)
{
	size_t length = strlen(key);

	while (*line != '\0') {
		size_t word = strcspn(line, " ");

		if (word > length + 1 && memcmp(line, key, length) == 0 && line[length] == '=')
			return text_format("%.*s", (int)(word - length - 1), line + length + 1);
		line += word;
		line += strspn(line, " ");
	}
	return text_copy("-");
}

static void
add_header(struct table *table)
{
	static const char *const header[COLUMNS] = {
		"VMNAME", "VOLUME_NAME", "STATE", "KIND", "SNAPSHOT", "DATE", "BYTES_ON_DISK"};

	for (size_t i = 0; i < COLUMNS; i++)
		table_add(table, header[i]);
}

/* A line of bulkhead.vm.volume.ListStates. A snapshot's date is that of its name. */
static void
add_state(struct table *table, const struct volume_name *v, const char *line)
{
	static const char *const keys[] = {"id", "kind", "name"};
	AUTO_FREE char *named = word_value(line, "named");
	AUTO_FREE char *time = word_value(line, "time");
	AUTO_FREE char *usage = word_value(line, "usage");

	table_add(table, v->qube);
	table_add(table, v->volume);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		AUTO_FREE char *value = word_value(line, keys[i]);

		table_add(table, value);
	}
	table_add(table, text_equal(named, "-") ? time : named);
	table_add(table, usage);
}

static void
add_states(struct table *table, const struct volume_name *v, char *answer)
{
	char *line;

	while ((line = strsep(&answer, "\n")) != NULL) {
		if (*line != '\0')
			add_state(table, v, line);
	}
}

int
volume_print_states(const struct options *o, const struct volume_name *v)
{
	AUTO_TABLE struct table table;
	AUTO_FREE char *answer = NULL;
	int status;

	table_init(&table, COLUMNS);
	status = volume_call(o, v, "bulkhead.vm.volume.ListStates", NULL, &answer);
	if (status != 0)
		return status;
	add_header(&table);
	add_states(&table, v, answer);
	table_print(&table, stdout);
	return tool_finish_output(o, TOOL_OK);
}

int
volume_list_states(
	const struct options *o, const struct volume_list *volumes, const char *wanted_pool)
{
	struct admin_call *calls = xcalloc(volumes->count + 1, sizeof(*calls));
	AUTO_TABLE struct table table;

	table_init(&table, COLUMNS);
	add_header(&table);
	for (size_t i = 0; i < volumes->count; i++) {
		calls[i].method = "bulkhead.vm.volume.ListStates";
		calls[i].argument = volumes->items[i].name;
		calls[i].destination = volumes->items[i].qube->name;
	}
	admin_calls_run(calls, volumes->count, -1);
	for (size_t i = 0; i < volumes->count; i++) {
		AUTO_FREE char *pool = volume_info_value(volumes->items[i].info, "pool");
		struct volume_name v = {
			(char *)(uintptr_t)calls[i].destination, volumes->items[i].name};

		/* Gone meanwhile, or of another pool. */
		if (calls[i].content != NULL && (wanted_pool == NULL || text_is(pool, wanted_pool)))
			add_states(&table, &v, calls[i].content);
	}
	admin_calls_free(calls, volumes->count);
	table_print(&table, stdout);
	return tool_finish_output(o, TOOL_OK);
}

int
volume_print_work(const struct options *o, const struct volume_name *v)
{
	AUTO_FREE char *answer = NULL, *what = NULL, *percent = NULL;
	int status = volume_call(o, v, "bulkhead.vm.volume.Work", NULL, &answer);

	if (status != 0)
		return status;
	answer[strcspn(answer, "\n")] = '\0';
	what = word_value(answer, "what");
	percent = word_value(answer, "percent");
	if (answer[0] == '\0')
		puts("none");
	else if (text_equal(percent, "-"))
		puts(what);
	else
		printf("%s %s %%\n", what, percent);
	return tool_finish_output(o, TOOL_OK);
}

int
volume_run_snapshot(int argc, char **argv)
{
	bool saved = false;
	const struct option rows[] = {
		{"VMNAME:VOLUME", .help = "the volume"},
		{"NAME", .help = "a letter, then letters, digits and '-_.'"},
		{"--saved", .flag = &saved,
			.help = "of a running qube: keep what was saved at its last stop, not what "
				"it has written since"},
		{NULL},
	};
	AUTO_OPTIONS struct options o = {
		.program = "qvm-volume snapshot",
		.summary = "Keeps the content of a volume under a name, until that is deleted.",
		.usage = "VMNAME:VOLUME NAME",
		.rows = rows,
	};
	AUTO_VOLUME_NAME struct volume_name v = {0};
	AUTO_FREE char *payload = NULL;
	int status;

	if (!volume_accept(
		    &o, argc, argv, 2, 2, "the arguments are VMNAME:VOLUME and NAME", &v, &status))
		return status;
	payload = text_format("%s%s", o.arguments[1], saved ? " saved" : "");
	return volume_call(&o, &v, "bulkhead.vm.volume.Snapshot", payload, NULL);
}

int
volume_run_delete(int argc, char **argv)
{
	const struct option rows[] = {
		{"VMNAME:VOLUME", .help = "the volume"},
		{"STATE", .help = "number of a revision, or name of a snapshot"},
		{NULL},
	};
	AUTO_OPTIONS struct options o = {
		.program = "qvm-volume delete",
		.summary = "Lets go of a kept state of a volume.",
		.usage = "VMNAME:VOLUME STATE",
		.rows = rows,
	};
	AUTO_VOLUME_NAME struct volume_name v = {0};
	int status;

	if (!volume_accept(
		    &o, argc, argv, 2, 2, "the arguments are VMNAME:VOLUME and STATE", &v, &status))
		return status;
	return volume_call(&o, &v, "bulkhead.vm.volume.Delete", o.arguments[1], NULL);
}
