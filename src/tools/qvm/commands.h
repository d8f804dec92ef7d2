/*
 * The commands of the program `qvm`, one file each. A command gets its own argv, parses it by its
 * table of options, calls the library and returns the exit status.
 */
#ifndef BULKHEAD_TOOLS_QVM_COMMANDS_H
#define BULKHEAD_TOOLS_QVM_COMMANDS_H

#include <stddef.h>

struct command {
	const char *name; /* also the name of the symlink */
	const char *summary;
	int (*run)(int argc, char **argv);
};

/* Sorted as `qvm --help` shows them; ended by a row without a name. */
extern const struct command commands[];

int command_check(int argc, char **argv);
int command_clone(int argc, char **argv);
int command_create(int argc, char **argv);
int command_disp_keep(int argc, char **argv);
int command_features(int argc, char **argv);
int command_global_prefs(int argc, char **argv);
int command_kill(int argc, char **argv);
int command_ls(int argc, char **argv);
int command_notes(int argc, char **argv);
int command_pause(int argc, char **argv);
int command_pool(int argc, char **argv);
int command_prefs(int argc, char **argv);
int command_query(int argc, char **argv);
int command_remove(int argc, char **argv);
int command_run(int argc, char **argv);
int command_service(int argc, char **argv);
int command_shutdown(int argc, char **argv);
int command_start(int argc, char **argv);
int command_tags(int argc, char **argv);
int command_unpause(int argc, char **argv);
int command_volume(int argc, char **argv);

#endif
