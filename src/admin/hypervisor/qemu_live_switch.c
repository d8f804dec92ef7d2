/* Having a machine write to another image on top of its disk's; see qemu_live.h. */
#include "admin/hypervisor/qemu_live.h"
#include "admin/hypervisor/qmp_message.h"
#include "base/cleanup.h"
#include "base/text.h"

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
	live_fail(op, err);
}

static void
handle_switched(void *data, const json_t *result, const struct err *err)
{
	(void)result;
	if (err != NULL)
		fail_switch(data, err);
	else
		live_finish(data);
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
	live_execute(op, "blockdev-snapshot",
		json_pack("{s:s, s:s}", "node", op->top, "overlay", name), -1, handle_switched);
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
	live_execute(op, "block_resize",
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
	live_execute(op, "blockdev-add",
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
		live_fail(op, err);
		return;
	}
	if (!json_is_integer(set)) {
		live_fail_odd(op, "no descriptor set");
		return;
	}
	op->descriptor_set = json_integer_value(set);
	path = text_format("/dev/fdset/%lld", op->descriptor_set);
	node_name(op, true, file);
	live_execute(op, "blockdev-add",
		json_pack("{s:s, s:s, s:s, s:b, s:s}", "driver", "file", "node-name", file,
			"filename", path, "read-only", 0, "discard", "unmap"),
		-1, handle_next_file);
}

/* A name that no node has. */
void
live_switch_names(void *data, const json_t *result, const struct err *err)
{
	struct live_operation *op = data;
	const json_t *node;
	size_t i;

	if (err != NULL) {
		live_fail(op, err);
		return;
	}
	json_array_foreach(result, i, node)
	{
		const char *name = qmp_get_text(node, "node-name", "");
		long index = live_index_of(op, name);

		if (index >= (long)(SWITCH_INDEX + op->highest))
			op->highest = (size_t)index - SWITCH_INDEX + 1;
	}
	live_execute(op, "add-fd", NULL, steal_fd(&op->fd), handle_next_descriptor);
}
