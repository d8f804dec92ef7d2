/* The sub-commands of qvm-volume that concern one volume, and what they share. */
#ifndef BULKHEAD_TOOLS_QVM_VOLUME_H
#define BULKHEAD_TOOLS_QVM_VOLUME_H

#include "tools/lib/options.h"
#include "tools/lib/volumes.h"

/* The qube and the volume of an argument "VM:VOLUME"; both owned. */
struct volume_name {
	char *qube, *volume;
};

void volume_name_finish(struct volume_name *name);

#define AUTO_VOLUME_NAME __attribute__((cleanup(volume_name_finish)))

/* Splits an argument. 0, or an exit status after a message. */
int volume_split_name(const struct options *o, const char *text, struct volume_name *ret);

/*
 * What a command about one volume begins with: takes its options, and from least to most arguments,
 * of which the first is the volume; `wanted` says so to who gives others. False when the command is
 * over, with its exit status.
 */
bool volume_accept(struct options *o, int argc, char **argv, size_t least, size_t most,
	const char *wanted, struct volume_name *ret, int *ret_status);

/* One call about a volume. 0, or an exit status after a message. */
int volume_call(const struct options *o, const struct volume_name *v, const char *method,
	const char *payload, char **ret_content);

/* volume.c */
int volume_run_info(int argc, char **argv);
int volume_run_config(int argc, char **argv);
int volume_run_resize(int argc, char **argv);
int volume_run_revert(int argc, char **argv);

/* volume_states.c */
int volume_run_snapshot(int argc, char **argv);
int volume_run_delete(int argc, char **argv);
int volume_print_states(const struct options *o, const struct volume_name *v);
int volume_print_work(const struct options *o, const struct volume_name *v);
/* All states of all these volumes, those of one pool only if that is not NULL. */
int volume_list_states(
	const struct options *o, const struct volume_list *volumes, const char *wanted_pool);

/* volume_content.c */
int volume_run_import(int argc, char **argv);
int volume_run_clone(int argc, char **argv);
int volume_run_clear(int argc, char **argv);

#endif
