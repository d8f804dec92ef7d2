/*
 * What is done to the images of a disk while its machine runs, as its own files see it: one
 * operation at a time a machine (qemu_live.c), folds (qemu_live_fold.c), changes to another image
 * (qemu_live_switch.c). Private to the hypervisor.
 */
#ifndef BULKHEAD_ADMIN_HYPERVISOR_QEMU_LIVE_H
#define BULKHEAD_ADMIN_HYPERVISOR_QEMU_LIVE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "admin/hypervisor/command_line.h"
#include "admin/hypervisor/qemu.h"

/* Nodes of one disk that are put away after a fold. */
#define NODES_MAX ((size_t)2 * (DISK_CHAIN_MAX + 1))
/* Nodes of images that are changed over to are numbered from here. */
#define SWITCH_INDEX ((size_t)1000)

enum live_kind {
	LIVE_RESIZE,
	LIVE_FOLD,
	LIVE_SWITCH,
};

struct live_node {
	char name[DISK_NODE_NAME_SIZE];
	long rank;
	long long descriptor_set; /* of a file; -1: none */
};

struct live_operation {
	struct list link; /* qemu_machine.lives */
	struct qemu_machine *machine;
	enum live_kind kind;
	char name[DISK_NAME_SIZE];
	uint64_t size_bytes;           /* resize: wanted */
	char *base_name;               /* fold; owned */
	int fd;                        /* switch: the new image; owned */
	bool is_asked;                 /* fold: the job was taken */
	bool is_over;                  /* fold: the job is over */
	char top[DISK_NODE_NAME_SIZE]; /* what the machine sees */
	uint64_t top_bytes;
	struct live_node nodes[NODES_MAX]; /* fold: to be put away */
	size_t node_count;
	size_t highest; /* switch: number of nodes of that kind so far */
	long long descriptor_set;
	machine_done done;
	void *data;
	struct err err;
};

/* It is over, with what its `err` says: answers, and goes; the next one begins. */
void live_finish(struct live_operation *op);
/* The same with this error, if it has none yet. */
void live_fail(struct live_operation *op, const struct err *err);
void live_fail_odd(struct live_operation *op, const char *what);
/* As qmp_execute(), with the operation for the answer. */
void live_execute(
	struct live_operation *op, const char *command, json_t *arguments, int fd, qmp_done done);
/* Of a node "NAME-N" or "NAME-N-file" of the disk: N; of any other -1. */
long live_index_of(const struct live_operation *op, const char *node);
/* Answers to a last command: one whose failure is the operation's, and one of no matter. */
void live_handle_last(void *data, const json_t *result, const struct err *err);
void live_handle_any_answer(void *data, const json_t *result, const struct err *err);

/* Has the fold that is at work, if this is one, end before it is done. */
void live_fold_cancel(const struct live_operation *op);

/* Begin with the list of the machine's nodes. */
void live_fold_nodes(void *data, const json_t *result, const struct err *err);
void live_switch_names(void *data, const json_t *result, const struct err *err);

#endif
