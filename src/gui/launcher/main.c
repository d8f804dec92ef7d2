/* qvm-start-daemon, also qvm-start-gui: the command line (spec cli.md section 13). */
#include <stdlib.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "gui/launcher/launcher.h"
#include "gui/launcher/watch.h"
#include "tools/lib/qubes.h"
#include "tools/lib/report.h"

/* One qube now: 0 or the status of an error. */
static int
start_one(const struct launcher_options *o, const char *name)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct gui_qube q;
	int status = TOOL_OK, wait_status;
	pid_t pid = -1;

	if (gui_qube_load(&q, name, &err) == 0) {
		if (q.wanted || o->force)
			pid = launcher_start_daemon(&q, false, -1, o, &err);
	}
	if (err.code != 0)
		status = tool_qube_error("Cannot start the GUI daemon", name, &err);
	else if (pid > 0 && (waitpid(pid, &wait_status, 0) < 0 || wait_status != 0))
		status = TOOL_FAILURE;
	gui_qube_finish(&q);
	return status;
}

static bool
is_in(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (text_equal(names[i], name))
			return true;
	}
	return false;
}

static int
tell_monitors(const char *name)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct monitors *m = monitors_open(NULL, NULL, NULL, NULL, &err);

	if (m == NULL) {
		tool_say("qvm-start-daemon: %s", err_message(&err));
		return TOOL_FAILURE;
	}
	monitors_send(m, name);
	monitors_close(m);
	return TOOL_OK;
}

static int
start_chosen(const struct launcher_options *o)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_QUBES struct qube_list list = {0};
	int status = TOOL_OK;

	if (qubes_load(&list, NULL, 0, &err) < 0) {
		tool_say("qvm-start-daemon: %s", err_message(&err));
		return TOOL_FAILURE;
	}
	for (size_t i = 0; i < list.count; i++) {
		const char *name = list.items[i].name;
		int result;

		if (text_equal(name, "dom0") || !text_equal(list.items[i].state, "Running") ||
			is_in(o->excluded, o->excluded_count, name) ||
			(o->name_count > 0 && !is_in(o->names, o->name_count, name)))
			continue;
		result = o->notify_layout ? tell_monitors(name) : start_one(o, name);
		status = result != TOOL_OK ? result : status;
	}
	return status;
}

int
launcher_run(const struct launcher_options *options)
{
	return options->watch ? watch_run(options) : start_chosen(options);
}

int
main(int argc, char **argv)
{
	struct launcher_options l = {0};
	AUTO_OPTION_LIST struct option_list excluded = {0};
	const struct option rows[] = {
		{"VMNAME", .help = "qubes to show; without any, all that run"},
		{"-d --debug", .flag = &l.debug, .help = "let the daemons say more"},
		{"--watch", .flag = &l.watch,
			.help = "stay, and follow qubes as they start and stop"},
		{"--pidfile", .value = "FILE", .text = &l.pidfile,
			.help = "write our process number there"},
		{"--notify-monitor-layout", .flag = &l.notify_layout,
			.help = "tell the qubes which monitors there are, and nothing else"},
		{"--kde", .flag = &l.kde, .help = "set what KDE's window manager wants"},
		{"--force", .flag = &l.force, .help = "also for qubes without windows"},
		{"--all", .flag = &l.all, .help = "all qubes that run"},
		{"--exclude", .value = "VMNAME", .list = &excluded, .help = "but not this one"},
		{NULL},
	};
	AUTO_OPTIONS struct options o = {
		.program = "qvm-start-daemon",
		.summary = "Starts the daemons that show the windows of qubes.",
		.usage = "[VMNAME ...]",
		.rows = rows,
	};
	int status;

	log_init("qvm-start-daemon");
	if (!tool_accept(&o, argc, argv, &status))
		return status;
	l.names = o.arguments;
	l.name_count = l.all ? 0 : o.argument_count;
	l.excluded = excluded.items;
	l.excluded_count = excluded.count;
	return launcher_run(&l);
}
