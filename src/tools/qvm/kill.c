/* qvm-kill: ends qubes at once, without asking them. */
#include "tools/lib/qubes.h"
#include "tools/lib/report.h"
#include "tools/qvm/commands.h"
#include "tools/qvm/power.h"

int
command_kill(int argc, char **argv)
{
	AUTO_CHOICE struct qube_choice choice = {0};
	const struct option rows[] = {QUBE_CHOICE_ROWS(choice), {NULL}};
	AUTO_OPTIONS struct options o = {
		.program = "qvm-kill",
		.summary = "Ends qubes at once, as by pulling the plug: what they have not written "
			   "is lost.",
		.usage = "[VMNAME ...]",
		.rows = rows,
	};
	AUTO_QUBES struct qube_list list = {0};
	int status;

	if (!tool_accept(&o, argc, argv, &status) ||
		!qubes_accept(&o, &choice, NULL, 0, &list, &status))
		return status;
	return call_chosen_reporting(
		&list, "admin.vm.Kill", "Failed to kill", "QubesVMNotStartedError");
}
