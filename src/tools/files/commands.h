/* dom0's commands about files of qubes: one program with many names, each a function. */
#ifndef BULKHEAD_TOOLS_FILES_COMMANDS_H
#define BULKHEAD_TOOLS_FILES_COMMANDS_H

int command_copy(int argc, char **argv);
int command_copy_to_vm(int argc, char **argv);
int command_move(int argc, char **argv);
int command_move_to_vm(int argc, char **argv);
int command_transfer(int argc, char **argv);

#endif
