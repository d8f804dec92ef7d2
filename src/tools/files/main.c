/*
 * qvm-files: finds the command by the name it was called with. A program apart from the other
 * qvm tools, because it packs files, which those need not carry.
 */
#include <stddef.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "tools/files/commands.h"
#include "tools/lib/report.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{"qvm-copy", command_copy},
	{"qvm-copy-to-vm", command_copy_to_vm},
	{"qvm-move", command_move},
	{"qvm-move-to-vm", command_move_to_vm},
	{"qvm-transfer", command_transfer},
};

int
main(int argc, char **argv)
{
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	const char *name = slash != NULL ? slash + 1 : argc > 0 ? argv[0] : "";

	log_init("qvm-files");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (text_equal(name, commands[i].name))
			return commands[i].run(argc, argv);
	tool_say("qvm-files: call it as qvm-copy-to-vm, qvm-move-to-vm or qvm-transfer");
	return TOOL_USAGE;
}
