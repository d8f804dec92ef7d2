/* qvm-volume info, config, resize and revert: what concerns one volume, and calls about it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "tools/lib/admin_client.h"
#include "tools/lib/admin_error.h"
#include "tools/lib/progress_line.h"
#include "tools/lib/qubes.h"
#include "tools/lib/report.h"
#include "tools/lib/size.h"
#include "tools/lib/table.h"
#include "tools/lib/volumes.h"
#include "tools/qvm/volume.h"

void
volume_name_finish(struct volume_name *name)
{
	free(name->qube);
	free(name->volume);
}

int
volume_split_name(const struct options *o, const char *text, struct volume_name *ret)
{
	const char *colon = strchr(text, ':');

	if (colon == NULL || colon == text || colon[1] == '\0')
		return tool_usage_error(o, "'%s' is not of the form VMNAME:VOLUME", text);
	ret->qube = text_format("%.*s", (int)(colon - text), text);
	ret->volume = text_copy(colon + 1);
	return 0;
}

bool
volume_accept(struct options *o, int argc, char **argv, size_t least, size_t most,
	const char *wanted, struct volume_name *ret, int *ret_status)
{
	if (!tool_accept(o, argc, argv, ret_status))
		return false;
	if (o->argument_count < least || o->argument_count > most)
		*ret_status = tool_usage_error(o, "%s", wanted);
	else
		*ret_status = volume_split_name(o, o->arguments[0], ret);
	return *ret_status == 0;
}

int
volume_call(const struct options *o, const struct volume_name *v, const char *method,
	const char *payload, char **ret_content)
{
	AUTO_ERR struct err err = ERR_INIT;

	if (admin_call(method, v->volume, v->qube, payload, ret_content, &err) == 0)
		return 0;
	if (admin_error_is(&err, "QubesVMNotFoundError"))
		return tool_error(o, "no vm '%s'", v->qube);
	if (text_starts_with(err_message(&err), "Argument not in '") ||
		admin_error_is(&err, "QubesVolumeNotFoundError"))
		return tool_error(o, "no volume '%s' in qube '%s'", v->volume, v->qube);
	return tool_error(o, "%s", err_message(&err));
}

/* What is shown of a volume, in this order; the daemon's own order is another. */
static const char *const shown_keys[] = {"pool", "vid", "rw", "source", "save_on_stop",
	"snap_on_start", "size", "usage", "revisions_to_keep", "ephemeral", "is_outdated"};

static void
print_revisions(const char *revisions)
{
	if (*revisions == '\0') {
		puts("List of available revisions (for revert): none");
		return;
	}
	puts("List of available revisions (for revert):");
	while (*revisions != '\0') {
		size_t length = strcspn(revisions, "\n");

		printf("  %.*s\n", (int)length, revisions);
		revisions += length + (revisions[length] == '\n');
	}
}

static int
print_info(const struct options *o, const struct volume_name *v, const char *info)
{
	AUTO_TABLE struct table table;
	AUTO_FREE char *revisions = NULL;
	int status;

	table_init(&table, 2);
	for (size_t i = 0; i < sizeof(shown_keys) / sizeof(shown_keys[0]); i++) {
		AUTO_FREE char *value = volume_info_value(info, shown_keys[i]);

		if (value == NULL)
			continue;
		table_add(&table, shown_keys[i]);
		table_add(&table, value);
	}
	status = volume_call(o, v, "admin.vm.volume.ListSnapshots", NULL, &revisions);
	if (status != 0)
		return status;
	table_print(&table, stdout);
	print_revisions(revisions);
	return tool_finish_output(o, TOOL_OK);
}

int
volume_run_info(int argc, char **argv)
{
	const struct option rows[] = {
		{"VMNAME:VOLUME", .help = "the volume"},
		{"PROPERTY", .help = "show only this; 'revisions' lists the states to revert to, "
				     "'states' all with what they cost, 'work' what is being "
				     "done to the images"},
		{NULL},
	};
	AUTO_OPTIONS struct options o = {
		.program = "qvm-volume info",
		.summary = "Shows what is known of a volume.",
		.usage = "VMNAME:VOLUME [PROPERTY]",
		.rows = rows,
	};
	AUTO_VOLUME_NAME struct volume_name v = {0};
	AUTO_FREE char *answer = NULL, *value = NULL;
	int status;

	if (!volume_accept(&o, argc, argv, 1, 2,
		    "the arguments are VMNAME:VOLUME and perhaps PROPERTY", &v, &status))
		return status;
	if (o.argument_count == 2 && text_equal(o.arguments[1], "revisions")) {
		status = volume_call(&o, &v, "admin.vm.volume.ListSnapshots", NULL, &answer);
		if (status == 0)
			fputs(answer, stdout);
		return status != 0 ? status : tool_finish_output(&o, TOOL_OK);
	}
	if (o.argument_count == 2 && text_equal(o.arguments[1], "states"))
		return volume_print_states(&o, &v);
	if (o.argument_count == 2 && text_equal(o.arguments[1], "work"))
		return volume_print_work(&o, &v);
	status = volume_call(&o, &v, "admin.vm.volume.Info", NULL, &answer);
	if (status != 0)
		return status;
	if (o.argument_count == 1)
		return print_info(&o, &v, answer);
	value = volume_info_value(answer, o.arguments[1]);
	if (value == NULL)
		return tool_error(&o, "no such property: '%s'", o.arguments[1]);
	puts(value);
	return tool_finish_output(&o, TOOL_OK);
}

int
volume_run_config(int argc, char **argv)
{
	static const char *const settable[] = {"revisions_to_keep", "rw", "ephemeral"};
	const struct option rows[] = {
		{"VMNAME:VOLUME", .help = "the volume"},
		{"PROPERTY", .help = "revisions_to_keep, rw, or ephemeral: encrypted by a key that "
				     "is gone with each stop (of what is not kept)"},
		{"VALUE", .help = "the value to set"},
		{NULL},
	};
	AUTO_OPTIONS struct options o = {
		.program = "qvm-volume config",
		.summary = "Changes how a volume is kept.",
		.usage = "VMNAME:VOLUME PROPERTY VALUE",
		.rows = rows,
	};
	AUTO_VOLUME_NAME struct volume_name v = {0};
	int status;

	if (!volume_accept(&o, argc, argv, 3, 3,
		    "the arguments are VMNAME:VOLUME, PROPERTY and VALUE", &v, &status))
		return status;
	for (size_t i = 0; i < sizeof(settable) / sizeof(settable[0]); i++) {
		if (!text_equal(settable[i], o.arguments[1]))
			continue;
		AUTO_FREE char *method = text_format("admin.vm.volume.Set.%s", settable[i]);

		return volume_call(&o, &v, method, o.arguments[2], NULL);
	}
	return tool_usage_error(&o,
		"no such property: '%s'; available: revisions_to_keep, rw, ephemeral",
		o.arguments[1]);
}

static int
resize(const struct options *o, const struct volume_name *v, uint64_t size, bool force)
{
	AUTO_FREE char *info = NULL, *current = NULL, *payload = NULL, *line = NULL;
	uint64_t current_size;
	int status = volume_call(o, v, "admin.vm.volume.Info", NULL, &info);

	if (status != 0)
		return status;
	current = volume_info_value(info, "size");
	if (current == NULL || text_parse_u64(current, UINT64_MAX, &current_size) < 0)
		return tool_error(o, "answer of the daemon: no size");
	if (size < current_size && !force) {
		tool_say("Error: Refusing to shrink volume %s:%s from %" PRIu64 " to %" PRIu64
			 " bytes.",
			v->qube, v->volume, current_size, size);
		tool_say(
			"A smaller volume loses what lies behind its new end. Shrink what is in it "
			"first, then use --force.");
		return TOOL_FAILURE;
	}
	payload = text_format("%" PRIu64, size);
	/* A running qube grows the file system in it before the answer. */
	line = text_format("%s:%s: growing", v->qube, v->volume);
	progress_line_show(line, 0, 0);
	status = volume_call(o, v, "admin.vm.volume.Resize", payload, NULL);
	progress_line_end();
	return status;
}

int
volume_run_resize(int argc, char **argv)
{
	bool force = false;
	const struct option rows[] = {
		{"VMNAME:VOLUME", .help = "the volume"},
		{"SIZE", .help = "bytes, or with K, M, G (powers of 1000) or Ki, Mi, Gi (of 1024)"},
		{"-f --force", .flag = &force,
			.help = "leave it to the daemon whether it may be made smaller"},
		{NULL},
	};
	AUTO_OPTIONS struct options o = {
		.program = "qvm-volume resize",
		.summary = "Changes the size of a volume.",
		.usage = "VMNAME:VOLUME SIZE",
		.rows = rows,
	};
	AUTO_VOLUME_NAME struct volume_name v = {0};
	uint64_t size;
	int status;

	if (!volume_accept(
		    &o, argc, argv, 2, 2, "the arguments are VMNAME:VOLUME and SIZE", &v, &status))
		return status;
	if (size_parse(o.arguments[1], &size) < 0)
		return tool_usage_error(&o, "Invalid size: %s.", o.arguments[1]);
	return resize(&o, &v, size, force);
}

/* The last line of a text without its end, in place. */
static char *
last_line(char *text)
{
	size_t length = strlen(text);
	char *newline;

	while (length > 0 && text[length - 1] == '\n')
		text[--length] = '\0';
	newline = strrchr(text, '\n');
	return newline != NULL ? newline + 1 : text;
}

int
volume_run_revert(int argc, char **argv)
{
	const struct option rows[] = {
		{"VMNAME:VOLUME", .help = "the volume"},
		{"REVISION", .help = "the state to return to, by number or by the name of a "
				     "snapshot (default: the latest)"},
		{NULL},
	};
	AUTO_OPTIONS struct options o = {
		.program = "qvm-volume revert",
		.summary = "Returns a volume to an earlier state.",
		.usage = "VMNAME:VOLUME [REVISION]",
		.rows = rows,
	};
	AUTO_VOLUME_NAME struct volume_name v = {0};
	AUTO_FREE char *revisions = NULL;
	const char *revision;
	int status;

	if (!volume_accept(&o, argc, argv, 1, 2,
		    "the arguments are VMNAME:VOLUME and perhaps REVISION", &v, &status))
		return status;
	revision = o.argument_count == 2 ? o.arguments[1] : NULL;
	if (revision == NULL) {
		status = volume_call(&o, &v, "admin.vm.volume.ListSnapshots", NULL, &revisions);
		if (status != 0)
			return status;
		revision = last_line(revisions);
	}
	if (*revision == '\0') {
		tool_say("Error: No snapshots available");
		return TOOL_FAILURE;
	}
	return volume_call(&o, &v, "admin.vm.volume.Revert", revision, NULL);
}
