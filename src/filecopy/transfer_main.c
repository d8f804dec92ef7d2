/*
 * qvm-transfer in a qube, and the service bulkhead.Transfer, which dom0 calls for it: lists the
 * user's transfers and takes them back. Runs as the user who owns the files.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "filecopy/undo.h"

static const char usage[] =
	"usage: qvm-transfer list\n"
	"       qvm-transfer undo ID\n"
	"Lists what was copied and moved to and from this qube, and takes it back: what arrived\n"
	"goes to the trash, if it has not changed; originals of a move return from the trash.\n"
	"\n"
	"      --service ARGUMENT  as the service bulkhead.Transfer: list, or undo+ID\n"
	"  -h, --help              print this\n"
	"      --version           print the version\n";

static int
list(void)
{
	AUTO_ERR struct err err = ERR_INIT;

	if (undo_list(stdout, &err) < 0)
		fatal("%s", err_message(&err));
	return 0;
}

static int
undo(const char *id)
{
	AUTO_ERR struct err err = ERR_INIT;
	int result = undo_transfer(id, stdout, &err);

	if (result < 0)
		fatal("%s", err_message(&err));
	return result;
}

static int
serve(const char *argument)
{
	if (text_equal(argument, "list"))
		return list();
	if (text_starts_with(argument, "undo+"))
		return undo(argument + strlen("undo+"));
	fatal("'%s': neither list nor undo+ID", argument);
}

int
main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";

	log_init("qvm-transfer");
	if (argc == 2 && text_equal(command, "list"))
		return list();
	if (argc == 3 && text_equal(command, "undo"))
		return undo(argv[2]);
	if (argc == 3 && text_equal(command, "--service"))
		return serve(argv[2]);
	if (text_equal(command, "--version")) {
		puts("qvm-transfer (Bulkhead) " BULKHEAD_VERSION);
		return 0;
	}
	if (text_equal(command, "--help") || text_equal(command, "-h")) {
		fputs(usage, stdout);
		return 0;
	}
	fputs(usage, stderr);
	return 2;
}
