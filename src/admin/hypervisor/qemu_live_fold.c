/* Folding a disk on which its machine runs, by the machine's own QEMU; see qemu_live.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/hypervisor/qemu_live.h"
#include "admin/hypervisor/qmp_message.h"
#include "base/cleanup.h"
#include "base/text.h"

/* A fold is not to take the disk away from the qube. */
#define FOLD_BYTES_PER_SECOND ((json_int_t)100 << 20)

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
	live_execute(op, "query-status", NULL, -1, live_handle_any_answer);
}

void
live_fold_cancel(const struct live_operation *op)
{
	if (op->kind == LIVE_FOLD && op->is_asked && !op->is_over)
		qmp_execute(op->machine->qmp, "block-job-cancel",
			json_pack("{s:o}", "device", json_sprintf("fold-%s", op->name)), -1, NULL,
			NULL);
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
		live_fail(op, err);
	else if (op->is_over)
		conclude_fold(op);
	else if (op->link.next != &op->machine->lives)
		/* Somebody came meanwhile. */
		live_fold_cancel(op);
}

/* Of the nodes of the start the one with the highest number is the lowest image. */
void
live_fold_nodes(void *data, const json_t *result, const struct err *err)
{
	struct live_operation *op = data;
	char base[DISK_NODE_NAME_SIZE] = "";
	long lowest = -1;
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

		if (index > lowest && index < (long)SWITCH_INDEX)
			lowest = index;
	}
	json_array_foreach(result, i, node)
	{
		const char *name = qmp_get_text(node, "node-name", "");
		long index = live_index_of(op, name);

		if (index < 0 || index == lowest || index == live_index_of(op, op->top) ||
			op->node_count == NODES_MAX)
			continue;
		add_node(op, node, index);
	}
	if (lowest < 0 || op->node_count == 0) {
		live_finish(op);
		return;
	}
	disk_node_name(base, op->name, (size_t)lowest, false);
	live_execute(op, "block-stream",
		json_pack("{s:o, s:s, s:s, s:s, s:I}", "job-id", json_sprintf("fold-%s", op->name),
			"device", op->top, "base-node", base, "backing-file", op->base_name,
			"speed", FOLD_BYTES_PER_SECOND),
		-1, handle_stream);
}
