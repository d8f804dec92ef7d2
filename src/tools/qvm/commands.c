/* The table of all commands (commands.h). */
#include "tools/qvm/commands.h"

const struct command commands[] = {
	{"qvm-ls", "list qubes and what is known of them", command_ls},
	{"qvm-create", "create a qube", command_create},
	{"qvm-clone", "create a qube as a copy of another", command_clone},
	{"qvm-disp-keep", "keep a disposable as a named qube", command_disp_keep},
	{"qvm-remove", "remove qubes and their data", command_remove},
	{"qvm-prefs", "show and change properties of a qube", command_prefs},
	{"qubes-prefs", "show and change properties of the whole system", command_global_prefs},
	{"qvm-start", "start qubes", command_start},
	{"qvm-shutdown", "shut qubes down", command_shutdown},
	{"qvm-kill", "end qubes at once", command_kill},
	{"qvm-pause", "pause qubes", command_pause},
	{"qvm-unpause", "let paused qubes go on", command_unpause},
	{"qvm-check", "tell whether qubes exist, or run", command_check},
	{"qvm-run", "run a program in a qube", command_run},
	{"qvm-features", "show and change features of a qube", command_features},
	{"qvm-service", "show and change services of a qube", command_service},
	{"qvm-tags", "show and change tags of a qube", command_tags},
	{"qvm-notes", "show and change the notes of a qube", command_notes},
	{"qvm-volume", "show, revert and configure the volumes of qubes", command_volume},
	{"qvm-pool", "show storage pools", command_pool},
	{"qubesd-query", "make one raw call of the Admin API", command_query},
	{0},
};
