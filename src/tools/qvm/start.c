/* qvm-start: starts qubes, several at the same time. */
#include <errno.h>

#include "tools/lib/qubes.h"
#include "tools/lib/report.h"
#include "tools/qvm/commands.h"
#include "tools/qvm/power.h"

static const char failure[] = "Starting qube failed";

/* The daemon takes a start of a running qube for done; the user is told unless told not to. */
static int
leave_out_running(struct qube_list *list, bool silent)
{
	int status = TOOL_OK;

	for (size_t i = 0; i < list->count; i++) {
		struct qube *q = &list->items[i];

		if (!q->chosen || qube_is_halted(q))
			continue;
		q->chosen = false;
		if (silent)
			continue;
		AUTO_ERR struct err err = ERR_INIT;

		err_set(&err, EALREADY, "Domain is already running");
		status = tool_qube_error(failure, q->name, &err);
	}
	return status;
}

int
command_start(int argc, char **argv)
{
	AUTO_CHOICE struct qube_choice choice = {0};
	bool skip_if_running = false;
	const struct option rows[] = {
		QUBE_CHOICE_ROWS(choice),
		{"--skip-if-running", .flag = &skip_if_running,
			.help = "a qube that runs already is no error"},
		{NULL},
	};
	AUTO_OPTIONS struct options o = {
		.program = "qvm-start",
		.summary = "Starts qubes and waits until they are up.",
		.usage = "[VMNAME ...]",
		.rows = rows,
	};
	AUTO_QUBES struct qube_list list = {0};
	int status, started;

	if (!tool_accept(&o, argc, argv, &status) ||
		!qubes_accept(&o, &choice, NULL, 0, &list, &status))
		return status;
	status = leave_out_running(&list, skip_if_running);
	started = call_chosen_reporting(&list, "admin.vm.Start", failure, NULL);
	return started != TOOL_OK ? started : status;
}
