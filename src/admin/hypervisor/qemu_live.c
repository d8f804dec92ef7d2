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

#include "admin/hypervisor/qemu_live.h"
#include "admin/hypervisor/qmp_message.h"
#include "base/cleanup.h"
#include "base/text.h"

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
void
live_finish(struct live_operation *op)
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

void
live_fail(struct live_operation *op, const struct err *err)
{
	if (op->err.code == 0)
		err_set(&op->err, err->code, "disk '%s': %s", op->name, err_message(err));
	live_finish(op);
}

void
live_fail_odd(struct live_operation *op, const char *what)
{
	AUTO_ERR struct err err = ERR_INIT;

	err_set(&err, EPROTO, "%s", what);
	live_fail(op, &err);
}

void
live_execute(
	struct live_operation *op, const char *command, json_t *arguments, int fd, qmp_done done)
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

long
live_index_of(const struct live_operation *op, const char *node)
{
	const char *digits;
	char *end;
	long index;

	if (!is_of_disk(op, node))
		return -1;
	digits = node + strlen(op->name) + 1;
	index = strtol(digits, &end, 10);
	return end == digits || (*end != '\0' && !text_equal(end, "-file")) ? -1 : index;
}

void
live_handle_last(void *data, const json_t *result, const struct err *err)
{
	struct live_operation *op = data;

	(void)result;
	if (err != NULL)
		live_fail(op, err);
	else
		live_finish(op);
}

void
live_handle_any_answer(void *data, const json_t *result, const struct err *err)
{
	(void)result;
	(void)err;
	live_finish(data);
}

static void
go_on(struct live_operation *op)
{
	json_t *flat;

	if (op->kind == LIVE_RESIZE) {
		live_execute(op, "block_resize",
			json_pack("{s:s, s:I}", "node-name", op->top, "size",
				(json_int_t)op->size_bytes),
			-1, live_handle_last);
		return;
	}
	flat = json_pack("{s:b}", "flat", 1);
	live_execute(op, "query-named-block-nodes", flat, -1,
		op->kind == LIVE_FOLD ? live_fold_nodes : live_switch_names);
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
		live_fail(op, err);
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
		live_fail_odd(op, "the machine has no such disk");
	else
		go_on(op);
}

static void
start(struct live_operation *op)
{
	/* Answers, but not from within the call. */
	if (op->err.code != 0)
		live_execute(op, "query-status", NULL, -1, live_handle_any_answer);
	else
		live_execute(op, "query-block", NULL, -1, handle_block);
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

	list_append(&m->lives, &op->link);
	if (is_alone)
		start(op);
	else
		live_fold_cancel(container_of(m->lives.next, struct live_operation, link));
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
