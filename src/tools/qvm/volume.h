/* The sub-commands of qvm-volume that concern one volume. */
#ifndef BULKHEAD_TOOLS_QVM_VOLUME_H
#define BULKHEAD_TOOLS_QVM_VOLUME_H

int volume_run_info(int argc, char **argv);
int volume_run_config(int argc, char **argv);
int volume_run_resize(int argc, char **argv);
int volume_run_revert(int argc, char **argv);

#endif
