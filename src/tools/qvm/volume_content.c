/* qvm-volume import, clone and clear: what replaces the content of a volume. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "tools/lib/admin_client.h"
#include "tools/lib/progress_line.h"
#include "tools/lib/report.h"
#include "tools/lib/size.h"
#include "tools/lib/volume_import.h"
#include "tools/qvm/volume.h"

static void
show_import(uint64_t done, uint64_t all, void *data)
{
	progress_line_show(data, done, all);
}

/* The size that the volume is to have: as asked for, that of the file, or as it is. */
static int
choose_size(struct volume_import *import, const char *size, bool no_resize, struct err *err)
{
	struct stat st;

	if (size != NULL) {
		import->has_size = true;
		return size_parse(size, &import->size_bytes) < 0
			       ? err_set(err, EINVAL, "Invalid size: %s.", size)
			       : 0;
	}
	if (fstat(import->fd, &st) < 0)
		return err_set_errno(err, errno, "cannot look at the data");
	import->has_size = !no_resize && S_ISREG(st.st_mode);
	import->size_bytes = (uint64_t)st.st_size;
	return 0;
}

static int
import(const struct options *o, const struct volume_name *v, const char *path, const char *size,
	bool no_resize)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *line = text_format("%s:%s: importing", v->qube, v->volume);
	AUTO_FD int fd =
		text_equal(path, "-") ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	struct volume_import request = {
		.qube = v->qube, .volume = v->volume, .fd = fd, .tell = show_import, .data = line};
	int result;

	if (fd < 0)
		return tool_error(o, "cannot open '%s': %s", path, strerror(errno));
	if (!admin_is_local())
		return tool_error(o, "works in dom0 only: in a qube call the service "
				     "admin.vm.volume.ImportWithSize");
	if (choose_size(&request, size, no_resize, &err) < 0)
		return tool_error(o, "%s", err_message(&err));
	/* Says what is wrong with the names in the words of all sub-commands. */
	result = volume_call(o, v, "admin.vm.volume.Info", NULL, NULL);
	if (result != 0)
		return result;
	result = volume_import_run(&request, &err);
	progress_line_end();
	return result == 0 ? TOOL_OK : tool_error(o, "%s", err_message(&err));
}

int
volume_run_import(int argc, char **argv)
{
	const char *size = NULL;
	bool no_resize = false;
	const struct option rows[] = {
		{"VMNAME:VOLUME", .help = "the volume, of a halted qube"},
		{"PATH", .help = "a raw image, or - for stdin"},
		{"--size", .text = &size, .value = "SIZE",
			.help = "of the data, where PATH is no file"},
		{"--no-resize", .flag = &no_resize,
			.help = "keep the volume's size: the data must have it"},
		{NULL},
	};
	AUTO_OPTIONS struct options o = {
		.program = "qvm-volume import",
		.summary = "Replaces the content of a volume by that of a file.",
		.usage = "VMNAME:VOLUME PATH",
		.rows = rows,
	};
	AUTO_VOLUME_NAME struct volume_name v = {0};
	int status;

	if (!tool_accept(&o, argc, argv, &status))
		return status;
	if (o.argument_count != 2)
		return tool_usage_error(&o, "the arguments are VMNAME:VOLUME and PATH");
	if (size != NULL && no_resize)
		return tool_usage_error(&o, "--size and --no-resize cannot be used together");
	status = volume_split_name(&o, o.arguments[0], &v);
	return status != 0 ? status : import(&o, &v, o.arguments[1], size, no_resize);
}

/* Whether the user wants the content of a volume to be replaced. */
static bool
may_replace(const struct volume_name *v, const char *how)
{
	AUTO_FREE char *question =
		text_format("The content of volume %s:%s will be %s. Continue? [y/N] ", v->qube,
			v->volume, how);

	return tool_ask(question);
}

int
volume_run_clone(int argc, char **argv)
{
	bool force = false;
	const struct option rows[] = {
		{"SOURCE:VOLUME", .help = "the volume to copy; of a running qube what was saved at "
					  "its last stop"},
		{"TARGET:VOLUME", .help = "the volume to replace, of a halted qube"},
		{"-f --force", .flag = &force, .help = "do not ask"},
		{NULL},
	};
	AUTO_OPTIONS struct options o = {
		.program = "qvm-volume clone",
		.summary = "Replaces the content of a volume by that of another.",
		.usage = "SOURCE:VOLUME TARGET:VOLUME",
		.rows = rows,
	};
	AUTO_VOLUME_NAME struct volume_name from = {0};
	AUTO_VOLUME_NAME struct volume_name to = {0};
	AUTO_FREE char *token = NULL;
	pid_t watcher;
	int status;

	if (!tool_accept(&o, argc, argv, &status))
		return status;
	if (o.argument_count != 2)
		return tool_usage_error(&o, "the arguments are two volumes");
	status = volume_split_name(&o, o.arguments[0], &from);
	if (status == 0)
		status = volume_split_name(&o, o.arguments[1], &to);
	if (status != 0)
		return status;
	if (!force && !may_replace(&to, "overwritten"))
		return TOOL_FAILURE;
	status = volume_call(&o, &from, "admin.vm.volume.CloneFrom", NULL, &token);
	if (status != 0)
		return status;
	watcher = progress_watch_begin(to.qube, to.volume);
	status = volume_call(&o, &to, "admin.vm.volume.CloneTo", token, NULL);
	progress_watch_end(watcher);
	return status;
}

int
volume_run_clear(int argc, char **argv)
{
	bool force = false;
	const struct option rows[] = {
		{"VMNAME:VOLUME", .help = "the volume, of a halted qube"},
		{"-f --force", .flag = &force, .help = "do not ask"},
		{NULL},
	};
	AUTO_OPTIONS struct options o = {
		.program = "qvm-volume clear",
		.summary = "Replaces the content of a volume by nothing.",
		.usage = "VMNAME:VOLUME",
		.rows = rows,
	};
	AUTO_VOLUME_NAME struct volume_name v = {0};
	int status;

	if (!volume_accept(&o, argc, argv, 1, 1, "the argument is VMNAME:VOLUME", &v, &status))
		return status;
	if (!force && !may_replace(&v, "removed"))
		return TOOL_FAILURE;
	return volume_call(&o, &v, "admin.vm.volume.Clear", NULL, NULL);
}
