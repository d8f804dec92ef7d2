/*
 * bulkhead-doctor: says what this machine offers for qubes, what will be used, and what to do
 * about what is missing. Looks only; needs no privileges. Exit status 0: qubes can run.
 */
#include <stdio.h>

#include "base/log.h"
#include "tools/doctor/findings.h"
#include "tools/lib/report.h"

int
main(int argc, char **argv)
{
	bool json = false;
	const struct option rows[] = {
		{"--json", .flag = &json, .help = "a JSON object with all findings"},
		{NULL},
	};
	AUTO_OPTIONS struct options o = {
		.program = "bulkhead-doctor",
		.summary = "Says what this machine offers for qubes, what will be used, and what "
			   "to do "
			   "about what is missing.",
		.usage = "",
		.rows = rows,
		.notes = "Exit status 0 means that qubes can run, 1 that something is missing.",
	};
	struct findings findings = {0};
	int status;

	log_init("bulkhead-doctor");
	if (!tool_accept(&o, argc, argv, &status))
		return status;
	if (o.argument_count > 0)
		return tool_usage_error(&o, "too many arguments: '%s'", o.arguments[0]);

	check_processor(&findings);
	check_virtualisation(&findings);
	check_memory(&findings);
	check_kernel(&findings);
	check_storage(&findings);
	check_programs(&findings);
	check_display(&findings);
	check_installation(&findings);
	if (json)
		findings_print_json(&findings);
	else
		findings_print(&findings);
	status = findings_can_run(&findings) ? TOOL_OK : TOOL_FAILURE;
	findings_finish(&findings);
	return tool_finish_output(&o, status);
}
