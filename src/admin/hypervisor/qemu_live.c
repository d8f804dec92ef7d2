/*
 * What is done to the images of a disk while the machine runs on it: growing, folding, changing
 * over to another one. One at a time a machine, in the order asked; the nodes are looked up each
 * time, as a machine may have been taken over from an earlier daemon. Runs in bulkheadd.
 *
 * What QEMU says of its nodes is only ever said back to the same process.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/hypervisor/command_line.h"
#include "admin/hypervisor/qemu.h"
#include "admin/hypervisor/qmp_message.h"
#include "base/cleanup.h"
#include "base/text.h"

/* A fold is not to take the disk away from the qube. */
#define FOLD_BYTES_PER_SECOND ((json_int_t)100 << 20)
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

static void start(struct live_operation *op);

static void
destroy(struct live_operation *op)
{
	list_remove(&op->link);
	if (op->fd >= 0)
		close(op->fd);
	free(op->base_name);
	err_clear(&op->err);
	free(op);
}

/* The answer may be the last that is heard of the machine: the next one goes first. */
static void
finish(struct live_operation *op)
{
	struct qemu_machine *m = op->machine;
	machine_done done = op->done;
	void *data = op->data;
	struct err err = op->err;

	op->err = (struct err)ERR_INIT;
	destroy(op);
	if (!list_empty(&m->lives))
		start(container_of(m->lives.next, struct live_operation, link));
	if (done != NULL)
		done(data, err.code != 0 ? &err : NULL);
	err_clear(&err);
}

static void
fail(struct live_operation *op, const struct err *err)
{
	if (op->err.code == 0)
		err_set(&op->err, err->code, "disk '%s': %s", op->name, err_message(err));
	finish(op);
}

static void
fail_odd(struct live_operation *op, const char *what)
{
	AUTO_ERR struct err err = ERR_INIT;

	err_set(&err, EPROTO, "%s", what);
	fail(op, &err);
}

static void
execute(struct live_operation *op, const char *command, json_t *arguments, int fd, qmp_done done)
{
	qmp_execute(op->machine->qmp, command, arguments, fd, done, op);
}

static bool
is_of_disk(const struct live_operation *op, const char *node)
{
	size_t length = strlen(op->name);

	return text_starts_with(node, op->name) && node[length] == '-' &&
	       strlen(node) < DISK_NODE_NAME_SIZE;
}

static void
handle_last(void *data, const json_t *result, const struct err *err)
{
	struct live_operation *op = data;

	(void)result;
	if (err != NULL)
		fail(op, err);
	else
		finish(op);
}

static void
handle_any_answer(void *data, const json_t *result, const struct err *err)
{
	(void)result;
	(void)err;
	finish(data);
}

/* --- folding --- */

/* "NAME-N" and "NAME-N-file": N; else -1. */
static long
index_of(const struct live_operation *op, const char *node)
{
	char *end;
	long index = strtol(node + strlen(op->name) + 1, &end, 10);

	return end == node + strlen(op->name) + 1 || (*end != '\0' && !text_equal(end, "-file"))
		       ? -1
		       : index;
}

/* From the top down, each before its file. One that can not be put away is only a descriptor. */
static int
compare_nodes(const void *a, const void *b)
{
	const struct live_node *one = a, *other = b;

	if (one->rank != other->rank)
		return one->rank < other->rank ? -1 : 1;
	return strcmp(one->name, other->name);
}

static void
delete_nodes(struct live_operation *op)
{
	qsort(op->nodes, op->node_count, sizeof(op->nodes[0]), compare_nodes);
	for (size_t i = 0; i < op->node_count; i++) {
		const struct live_node *node = &op->nodes[i];

		qmp_execute(op->machine->qmp, "blockdev-del",
			json_pack("{s:s}", "node-name", node->name), -1, NULL, NULL);
		if (node->descriptor_set >= 0)
			qmp_execute(op->machine->qmp, "remove-fd",
				json_pack("{s:I}", "fdset-id", (json_int_t)node->descriptor_set),
				-1, NULL, NULL);
	}
}

/* From a file's name, as disk_file_node() gives it. */
static long long
descriptor_set_of(const char *file)
{
	static const char prefix[] = "/dev/fdset/";
	uint64_t number;

	return text_starts_with(file, prefix) &&
			       text_parse_u64(file + strlen(prefix), INT32_MAX, &number) == 0
		       ? (long long)number
		       : -1;
}

static void
add_node(struct live_operation *op, const json_t *node, long index)
{
	const char *name = qmp_get_text(node, "node-name", "");
	struct live_node *added = &op->nodes[op->node_count++];

	(void)snprintf(added->name, sizeof(added->name), "%s", name);
	/* The last that was changed over to is on top, the start's are numbered downwards. */
	added->rank = index >= (long)SWITCH_INDEX ? -index : index;
	added->descriptor_set = text_ends_with(name, "-file")
					? descriptor_set_of(qmp_get_text(node, "file", ""))
					: -1;
}

static void
conclude_fold(struct live_operation *op)
{
	if (op->err.code == 0)
		delete_nodes(op);
	/* What was asked for before is done when this is answered. */
	execute(op, "query-status", NULL, -1, handle_any_answer);
}

void
qemu_live_handle_job_end(struct qemu_machine *m, const char *job, const char *why)
{
	struct live_operation *op;
	AUTO_FREE char *id = NULL;

	if (list_empty(&m->lives))
		return;
	op = container_of(m->lives.next, struct live_operation, link);
	id = text_format("fold-%s", op->name);
	if (op->kind != LIVE_FOLD || op->is_over || !text_equal(id, job))
		return;
	op->is_over = true;
	if (why != NULL)
		err_set(&op->err, text_equal(why, "canceled") ? ECANCELED : EIO,
			"disk '%s': cannot be folded: %.200s", op->name, why);
	if (op->is_asked)
		conclude_fold(op);
}

static void
handle_stream(void *data, const json_t *result, const struct err *err)
{
	struct live_operation *op = data;

	(void)result;
	op->is_asked = true;
	if (err != NULL)
		fail(op, err);
	else if (op->is_over)
		conclude_fold(op);
	else if (op->link.next != &op->machine->lives)
		/* Somebody came meanwhile. */
		qmp_execute(op->machine->qmp, "block-job-cancel",
			json_pack("{s:o}", "device", json_sprintf("fold-%s", op->name)), -1, NULL,
			NULL);
}

/* Of the nodes of the start the one with the highest number is the lowest image. */
static void
handle_nodes(void *data, const json_t *result, const struct err *err)
{
	struct live_operation *op = data;
	char base[DISK_NODE_NAME_SIZE] = "";
	long lowest = -1;
	const json_t *node;
	size_t i;

	if (err != NULL) {
		fail(op, err);
		return;
	}
	json_array_foreach(result, i, node)
	{
		const char *name = qmp_get_text(node, "node-name", "");
		long index = is_of_disk(op, name) ? index_of(op, name) : -1;

		if (index > lowest && index < (long)SWITCH_INDEX)
			lowest = index;
	}
	json_array_foreach(result, i, node)
	{
		const char *name = qmp_get_text(node, "node-name", "");
		long index = is_of_disk(op, name) ? index_of(op, name) : -1;

		if (index < 0 || index == lowest || index == index_of(op, op->top) ||
			op->node_count == NODES_MAX)
			continue;
		add_node(op, node, index);
	}
	if (lowest < 0 || op->node_count == 0) {
		finish(op);
		return;
	}
	disk_node_name(base, op->name, (size_t)lowest, false);
	execute(op, "block-stream",
		json_pack("{s:o, s:s, s:s, s:s, s:I}", "job-id", json_sprintf("fold-%s", op->name),
			"device", op->top, "base-node", base, "backing-file", op->base_name,
			"speed", FOLD_BYTES_PER_SECOND),
		-1, handle_stream);
}

/* --- changing over --- */

static void
node_name(const struct live_operation *op, bool file, char ret_name[DISK_NODE_NAME_SIZE])
{
	disk_node_name(ret_name, op->name, SWITCH_INDEX + op->highest, file);
}

/* The new nodes go again, as far as there are any. */
static void
fail_switch(struct live_operation *op, const struct err *err)
{
	char name[DISK_NODE_NAME_SIZE];

	for (int file = 0; file < 2; file++) {
		node_name(op, file != 0, name);
		qmp_execute(op->machine->qmp, "blockdev-del", json_pack("{s:s}", "node-name", name),
			-1, NULL, NULL);
	}
	fail(op, err);
}

static void
handle_switched(void *data, const json_t *result, const struct err *err)
{
	(void)result;
	if (err != NULL)
		fail_switch(data, err);
	else
		finish(data);
}

static void
handle_next_resized(void *data, const json_t *result, const struct err *err)
{
	struct live_operation *op = data;
	char name[DISK_NODE_NAME_SIZE];

	(void)result;
	if (err != NULL) {
		fail_switch(op, err);
		return;
	}
	node_name(op, false, name);
	execute(op, "blockdev-snapshot", json_pack("{s:s, s:s}", "node", op->top, "overlay", name),
		-1, handle_switched);
}

/* The disk may have grown since the new image was made. */
static void
handle_next_node(void *data, const json_t *result, const struct err *err)
{
	struct live_operation *op = data;
	char name[DISK_NODE_NAME_SIZE];

	(void)result;
	if (err != NULL) {
		fail_switch(op, err);
		return;
	}
	node_name(op, false, name);
	execute(op, "block_resize",
		json_pack("{s:s, s:I}", "node-name", name, "size", (json_int_t)op->top_bytes), -1,
		handle_next_resized);
}

static void
handle_next_file(void *data, const json_t *result, const struct err *err)
{
	struct live_operation *op = data;
	char name[DISK_NODE_NAME_SIZE], file[DISK_NODE_NAME_SIZE];

	(void)result;
	qmp_execute(op->machine->qmp, "remove-fd",
		json_pack("{s:I}", "fdset-id", (json_int_t)op->descriptor_set), -1, NULL, NULL);
	if (err != NULL) {
		fail_switch(op, err);
		return;
	}
	node_name(op, false, name);
	node_name(op, true, file);
	execute(op, "blockdev-add",
		json_pack("{s:s, s:s, s:s, s:b, s:s, s:n}", "driver", "qcow2", "node-name", name,
			"file", file, "read-only", 0, "discard", "unmap", "backing"),
		-1, handle_next_node);
}

static void
handle_next_descriptor(void *data, const json_t *result, const struct err *err)
{
	struct live_operation *op = data;
	const json_t *set = json_object_get(result, "fdset-id");
	char file[DISK_NODE_NAME_SIZE];
	AUTO_FREE char *path = NULL;

	if (err != NULL) {
		fail(op, err);
		return;
	}
	if (!json_is_integer(set)) {
		fail_odd(op, "no descriptor set");
		return;
	}
	op->descriptor_set = json_integer_value(set);
	path = text_format("/dev/fdset/%lld", op->descriptor_set);
	node_name(op, true, file);
	execute(op, "blockdev-add",
		json_pack("{s:s, s:s, s:s, s:b, s:s}", "driver", "file", "node-name", file,
			"filename", path, "read-only", 0, "discard", "unmap"),
		-1, handle_next_file);
}

/* A name that no node has. */
static void
handle_names(void *data, const json_t *result, const struct err *err)
{
	struct live_operation *op = data;
	const json_t *node;
	size_t i;

	if (err != NULL) {
		fail(op, err);
		return;
	}
	json_array_foreach(result, i, node)
	{
		const char *name = qmp_get_text(node, "node-name", "");
		long index = is_of_disk(op, name) ? index_of(op, name) : -1;

		if (index >= (long)(SWITCH_INDEX + op->highest))
			op->highest = (size_t)index - SWITCH_INDEX + 1;
	}
	execute(op, "add-fd", NULL, steal_fd(&op->fd), handle_next_descriptor);
}

/* --- all --- */

static void
go_on(struct live_operation *op)
{
	json_t *flat;

	if (op->kind == LIVE_RESIZE) {
		execute(op, "block_resize",
			json_pack("{s:s, s:I}", "node-name", op->top, "size",
				(json_int_t)op->size_bytes),
			-1, handle_last);
		return;
	}
	flat = json_pack("{s:b}", "flat", 1);
	execute(op, "query-named-block-nodes", flat, -1,
		op->kind == LIVE_FOLD ? handle_nodes : handle_names);
}

/* The node that the device of that name has at this moment. */
static void
handle_block(void *data, const json_t *result, const struct err *err)
{
	struct live_operation *op = data;
	AUTO_FREE char *id = text_format("/disk-%s/", op->name);
	const json_t *row;
	size_t i;

	if (err != NULL) {
		fail(op, err);
		return;
	}
	json_array_foreach(result, i, row)
	{
		const json_t *inserted = json_object_get(row, "inserted");
		const json_t *image = json_object_get(inserted, "image");
		const char *node = qmp_get_text(inserted, "node-name", "");

		if (strstr(qmp_get_text(row, "qdev", ""), id) == NULL || !is_of_disk(op, node))
			continue;
		(void)snprintf(op->top, sizeof(op->top), "%s", node);
		op->top_bytes =
			(uint64_t)json_integer_value(json_object_get(image, "virtual-size"));
	}
	if (op->top[0] == '\0')
		fail_odd(op, "the machine has no such disk");
	else
		go_on(op);
}

static void
start(struct live_operation *op)
{
	/* Answers, but not from within the call. */
	if (op->err.code != 0)
		execute(op, "query-status", NULL, -1, handle_any_answer);
	else
		execute(op, "query-block", NULL, -1, handle_block);
}

static struct live_operation *
create(struct machine *m, enum live_kind kind, const char *name, machine_done done, void *data)
{
	struct live_operation *op = xcalloc(1, sizeof(*op));

	op->machine = qemu_of(m);
	op->kind = kind;
	op->fd = -1;
	op->done = done;
	op->data = data;
	if (disk_name_valid(name))
		(void)snprintf(op->name, sizeof(op->name), "%s", name);
	else
		err_set(&op->err, EINVAL, "disk '%s': the name is not valid", name);
	return op;
}

/* A fold at work gives way to whatever somebody waits for. */
static void
submit(struct live_operation *op)
{
	struct qemu_machine *m = op->machine;
	bool is_alone = list_empty(&m->lives);
	const struct live_operation *first;

	list_append(&m->lives, &op->link);
	if (is_alone) {
		start(op);
		return;
	}
	first = container_of(m->lives.next, struct live_operation, link);
	if (first->kind == LIVE_FOLD && first->is_asked && !first->is_over)
		qmp_execute(m->qmp, "block-job-cancel",
			json_pack("{s:o}", "device", json_sprintf("fold-%s", first->name)), -1,
			NULL, NULL);
}

void
qemu_resize_disk(
	struct machine *m, const char *name, uint64_t size_bytes, machine_done done, void *data)
{
	struct live_operation *op = create(m, LIVE_RESIZE, name, done, data);

	op->size_bytes = size_bytes;
	if (size_bytes > INT64_MAX && op->err.code == 0)
		err_set(&op->err, EINVAL, "disk '%s': the size is not valid", name);
	submit(op);
}

void
qemu_fold_disk(
	struct machine *m, const char *name, const char *base_name, machine_done done, void *data)
{
	struct live_operation *op = create(m, LIVE_FOLD, name, done, data);

	op->base_name = text_copy(base_name);
	submit(op);
}

void
qemu_switch_disk(struct machine *m, const struct disk_image *image, machine_done done, void *data)
{
	struct live_operation *op = create(m, LIVE_SWITCH, image->name, done, data);

	if (image->file_count == 1)
		op->fd = fcntl(image->files[0].fd, F_DUPFD_CLOEXEC, 0);
	if (op->fd < 0 && op->err.code == 0)
		err_set(&op->err, EINVAL, "disk '%s': no image to change over to", image->name);
	submit(op);
}

void
qemu_live_forget_all(struct qemu_machine *m)
{
	struct live_operation *op, *following;

	list_for_each_safe (op, following, &m->lives, link)
		destroy(op);
}
