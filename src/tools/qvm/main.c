/*
 * One program with many names: called as qvm-ls (a symlink) or as `qvm ls` it is the same
 * command. It runs with the rights of its user and trusts its arguments and the daemon.
 */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "tools/lib/report.h"
#include "tools/qvm/commands.h"

/* A long list goes out in few writes; whoever asks a question flushes. */
#define OUTPUT_BUFFER_BYTES 65536

static const struct command *
find_command(const char *name)
{
	for (const struct command *c = commands; c->name != NULL; c++)
		if (text_equal(c->name, name))
			return c;
	return NULL;
}

/* "ls" means qvm-ls, "qubes-prefs" itself. */
static const struct command *
find_sub_command(const char *name)
{
	AUTO_FREE char *full = text_format("qvm-%s", name);
	const struct command *c = find_command(full);

	return c != NULL ? c : find_command(name);
}

static void
print_commands(FILE *to)
{
	fputs("usage: qvm COMMAND [ARGUMENT ...]\n\n"
	      "Manages qubes. Every command is also a program of its own.\n\n"
	      "commands:\n",
		to);
	for (const struct command *c = commands; c->name != NULL; c++)
		fprintf(to, "  %-14s  %s\n", c->name, c->summary);
	fputs("\n'qvm COMMAND --help' says more about a command.\n", to);
}

static int
run_front(int argc, char **argv)
{
	const struct command *c;

	if (argc < 2) {
		print_commands(stderr);
		return TOOL_USAGE;
	}
	if (text_equal(argv[1], "--help") || text_equal(argv[1], "-h")) {
		print_commands(stdout);
		return TOOL_OK;
	}
	if (text_equal(argv[1], "--version")) {
		printf("qvm (Bulkhead) %s\n", BULKHEAD_VERSION);
		return TOOL_OK;
	}
	c = find_sub_command(argv[1]);
	if (c != NULL)
		return c->run(argc - 1, argv + 1);
	tool_say("qvm: error: no such command: '%s'; 'qvm --help' lists them", argv[1]);
	return TOOL_USAGE;
}

int
main(int argc, char **argv)
{
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	const struct command *c =
		argc > 0 ? find_command(slash != NULL ? slash + 1 : argv[0]) : NULL;

	log_init("qvm");
	setvbuf(stdout, NULL, _IOFBF, OUTPUT_BUFFER_BYTES);
	return c != NULL ? c->run(argc, argv) : run_front(argc, argv);
}
