/* qvm-notes: shows and changes what the user noted about a qube. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/editor.h"
#include "base/path.h"
#include "base/text.h"
#include "tools/lib/admin_client.h"
#include "tools/lib/qubes.h"
#include "tools/lib/report.h"
#include "tools/qvm/commands.h"

#define NOTES_MAX_BYTES 256000

/* What is to be done; at most one of these is set. */
struct wish {
	bool edit, print, remove, force;
	const char *import, *set, *append;
};

static int
get(const struct options *o, const char *qube, char **ret_text)
{
	AUTO_ERR struct err err = ERR_INIT;

	if (admin_call("admin.vm.notes.Get", NULL, qube, NULL, ret_text, &err) < 0)
		return qube_call_failed(o, qube, &err);
	return TOOL_OK;
}

static int
put(const struct options *o, const char *qube, const char *text)
{
	AUTO_ERR struct err err = ERR_INIT;

	if (strlen(text) > NOTES_MAX_BYTES)
		return tool_error(o, "notes are limited to %d bytes", NOTES_MAX_BYTES);
	if (admin_call("admin.vm.notes.Set", NULL, qube, text, NULL, &err) < 0)
		return qube_call_failed(o, qube, &err);
	return TOOL_OK;
}

static int
print(const struct options *o, const char *qube)
{
	AUTO_FREE char *text = NULL;
	int status = get(o, qube, &text);

	if (status != TOOL_OK)
		return status;
	puts(text);
	return tool_finish_output(o, TOOL_OK);
}

static int
append(const struct options *o, const char *qube, const char *addition)
{
	AUTO_FREE char *text = NULL, *longer = NULL;
	int status = get(o, qube, &text);
	bool needs_newline;

	if (status != TOOL_OK)
		return status;
	needs_newline = text[0] != '\0' && !text_ends_with(text, "\n");
	longer = text_format("%s%s%s", text, needs_newline ? "\n" : "", addition);
	return put(o, qube, longer);
}

static int
import(const struct options *o, const char *qube, const char *path)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *text = NULL;
	size_t size;

	if (read_file(text_equal(path, "-") ? "/dev/stdin" : path, NOTES_MAX_BYTES, &text, &size,
		    &err) < 0)
		return tool_error(o, "%s", err_message(&err));
	if (strlen(text) != size)
		return tool_error(o, "file '%s': is not text", path);
	return put(o, qube, text);
}

/* The copy is kept when it can not be stored: it is the user's work. */
static int
edit(const struct options *o, const char *qube)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *before = NULL, *after = NULL, *path = NULL;
	int status = get(o, qube, &before);

	if (status != TOOL_OK)
		return status;
	path = editor_temporary("qvm-notes", ".txt", before, strlen(before), &err);
	if (path == NULL || editor_run(path, &err) < 0 ||
		read_file(path, NOTES_MAX_BYTES, &after, NULL, &err) < 0) {
		status = tool_error(o, "%s", err_message(&err));
	} else if (!text_equal(before, after)) {
		status = put(o, qube, after);
		if (status != TOOL_OK)
			tool_say("the text is in %s", path);
	}
	if (path != NULL && (status == TOOL_OK || after == NULL))
		(void)unlink(path);
	return status;
}

static int
delete_notes(const struct options *o, const char *qube, bool force)
{
	AUTO_FREE char *question = text_format("Delete the notes of '%s'? [y/N] ", qube);

	if (!force && !tool_ask(question))
		return TOOL_FAILURE;
	return put(o, qube, "");
}

static int
carry_out(const struct options *o, const char *qube, const struct wish *w)
{
	if (w->print)
		return print(o, qube);
	if (w->import != NULL)
		return import(o, qube, w->import);
	if (w->set != NULL)
		return put(o, qube, w->set);
	if (w->append != NULL)
		return append(o, qube, w->append);
	if (w->remove)
		return delete_notes(o, qube, w->force);
	return edit(o, qube);
}

int
command_notes(int argc, char **argv)
{
	struct wish w = {0};
	const struct option rows[] = {
		{"VMNAME", .help = "name of the qube"},
		{"-e --edit", .flag = &w.edit, .help = "edit them in $EDITOR (the default)"},
		{"-p --print", .flag = &w.print, .help = "print them"},
		{"-i --import", .text = &w.import, .value = "FILE",
			.help = "replace them by a file, - for the standard input"},
		{"-s --set", .text = &w.set, .value = "TEXT", .help = "replace them by this text"},
		{"--append", .text = &w.append, .value = "TEXT", .help = "add a line"},
		{"-d --delete", .flag = &w.remove, .help = "delete them"},
		{"-f --force", .flag = &w.force, .help = "do not ask"},
		{NULL},
	};
	AUTO_OPTIONS struct options o = {
		.program = "qvm-notes",
		.summary = "Shows and changes the notes of a qube.",
		.usage = "VMNAME",
		.rows = rows,
	};
	int status;

	if (!tool_accept(&o, argc, argv, &status))
		return status;
	if (o.argument_count == 0)
		return tool_usage_error(&o, "the following arguments are required: VMNAME");
	if (o.argument_count > 1)
		return tool_usage_error(&o, "too many arguments: '%s'", o.arguments[1]);
	if (w.edit + w.print + w.remove + (w.import != NULL) + (w.set != NULL) +
			(w.append != NULL) >
		1)
		return tool_usage_error(&o, "only one of the actions is possible at a time");
	return carry_out(&o, o.arguments[0], &w);
}
