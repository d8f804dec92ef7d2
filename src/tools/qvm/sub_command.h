/* Commands that have commands: "qvm-volume info ...". */
#ifndef BULKHEAD_TOOLS_QVM_SUB_COMMAND_H
#define BULKHEAD_TOOLS_QVM_SUB_COMMAND_H

#include "tools/lib/options.h"

struct sub_command {
	const char *names; /* the first is the real one: "list ls l" */
	int (*run)(int argc, char **argv);
};

/*
 * Finds the sub-command that the first word without a dash names, runs it with that word taken
 * out, and returns its status. Without such a word the table's first is run. Help shows the
 * general help, then the usage of every sub-command. The table ends with a row without names.
 */
int sub_command_run(
	const struct options *general, const struct sub_command *table, int argc, char **argv);

#endif
