/*
 * Disks that come and go while a machine runs. Attaching: each file's descriptor is handed over,
 * then its nodes from the bottom up, then the device on the first port that is free. Detaching:
 * the qube lets go, then the nodes go from the top down. Runs in bulkheadd.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/hypervisor/command_line.h"
#include "admin/hypervisor/qemu.h"
#include "base/cleanup.h"
#include "base/loop.h"
#include "base/text.h"

/* A qube has so long to let go of a disk. */
#define DETACH_TIMEOUT_MS 30000

struct disk_operation {
	struct list link; /* qemu_machine.disks */
	struct qemu_machine *machine;
	struct disk_image image; /* attach: with descriptors of our own */
	size_t index;            /* the node at work */
	int port;
	long long descriptor_set;
	struct loop_timer *timer; /* detach */
	bool is_asked;            /* detach: the request was taken */
	bool is_deleted;          /* detach: the device is gone */
	machine_done done;
	void *data;
	struct err err;
};

static void
destroy_operation(struct disk_operation *op)
{
	list_remove(&op->link);
	for (size_t i = 0; i < op->image.file_count; i++)
		close(op->image.files[i].fd);
	loop_timer_destroy(op->timer);
	err_clear(&op->err);
	free(op);
}

static void
finish(struct disk_operation *op)
{
	machine_done done = op->done;
	void *data = op->data;
	struct err err = op->err;

	op->err = (struct err)ERR_INIT;
	destroy_operation(op);
	if (done != NULL)
		done(data, err.code != 0 ? &err : NULL);
	err_clear(&err);
}

static struct disk_operation *
create_operation(struct machine *m, const char *name, machine_done done, void *data)
{
	struct disk_operation *op = xcalloc(1, sizeof(*op));

	op->machine = qemu_of(m);
	op->done = done;
	op->data = data;
	(void)snprintf(op->image.name, sizeof(op->image.name), "%s", name);
	list_append(&op->machine->disks, &op->link);
	if (!disk_name_valid(name))
		err_set(&op->err, EINVAL, "disk '%s' is not valid", name);
	return op;
}

static void
fail(struct disk_operation *op, const struct err *err)
{
	if (op->err.code == 0)
		err_set(&op->err, err->code, "disk '%s': %s", op->image.name, err_message(err));
}

/* --- taking nodes away, from the top down --- */

static void handle_node_deleted(void *data, const json_t *result, const struct err *err);

static void
delete_node(struct disk_operation *op)
{
	char name[DISK_NODE_NAME_SIZE];

	disk_node_name(name, op->image.name, op->index / 2, op->index % 2 != 0);
	qmp_execute(op->machine->qmp, "blockdev-del", json_pack("{s:s}", "node-name", name), -1,
		handle_node_deleted, op);
}

/* Detaching, the length of the chain is not known: a format node that is not there ends it. */
static void
handle_node_deleted(void *data, const json_t *result, const struct err *err)
{
	struct disk_operation *op = data;
	size_t count = op->image.file_count > 0 ? op->image.file_count : DISK_CHAIN_MAX;
	bool is_end = op->image.file_count == 0 && err != NULL && op->index % 2 == 0;

	if ((is_end && op->index > 0) || ++op->index >= 2 * count) {
		finish(op);
		return;
	}
	delete_node(op);
}

static void
delete_nodes(struct disk_operation *op)
{
	op->index = 0;
	delete_node(op);
}

/* --- attaching --- */

static void add_file(struct disk_operation *op);

static void handle_device(void *data, const json_t *result, const struct err *err);

static void
add_device(struct disk_operation *op)
{
	AUTO_FREE char *id = text_format("disk-%s", op->image.name);
	AUTO_FREE char *port = text_format("port-%d", op->port);
	char node[DISK_NODE_NAME_SIZE];

	disk_node_name(node, op->image.name, 0, false);
	qmp_execute(op->machine->qmp, "device_add",
		json_pack("{s:s, s:s, s:s, s:s, s:s}", "driver", "virtio-blk-pci", "id", id, "bus",
			port, "drive", node, "serial", op->image.name),
		-1, handle_device, op);
}

/* An occupied port refuses: there is no need to keep count, also not after an adoption. */
static void
handle_device(void *data, const json_t *result, const struct err *err)
{
	struct disk_operation *op = data;

	if (err == NULL) {
		finish(op);
	} else if (++op->port < QEMU_PORTS) {
		add_device(op);
	} else {
		fail(op, err);
		delete_nodes(op);
	}
}

static void
handle_format(void *data, const json_t *result, const struct err *err)
{
	struct disk_operation *op = data;

	if (err != NULL) {
		fail(op, err);
		delete_nodes(op);
	} else if (op->index == 0) {
		add_device(op);
	} else {
		op->index--;
		add_file(op);
	}
}

static void
handle_file(void *data, const json_t *result, const struct err *err)
{
	struct disk_operation *op = data;

	/* The node has its own copy of the descriptor now, or needs none. */
	qmp_execute(op->machine->qmp, "remove-fd",
		json_pack("{s:I}", "fdset-id", (json_int_t)op->descriptor_set), -1, NULL, NULL);
	if (err != NULL) {
		fail(op, err);
		delete_nodes(op);
		return;
	}
	qmp_execute(op->machine->qmp, "blockdev-add", disk_format_node(&op->image, op->index), -1,
		handle_format, op);
}

static void
handle_descriptor(void *data, const json_t *result, const struct err *err)
{
	struct disk_operation *op = data;
	const json_t *set = json_object_get(result, "fdset-id");

	if (err != NULL || !json_is_integer(set)) {
		if (err != NULL)
			fail(op, err);
		else
			err_set(&op->err, EPROTO, "disk '%s': no descriptor set", op->image.name);
		delete_nodes(op);
		return;
	}
	op->descriptor_set = json_integer_value(set);
	qmp_execute(op->machine->qmp, "blockdev-add",
		disk_file_node(&op->image, op->index, op->descriptor_set), -1, handle_file, op);
}

static void
add_file(struct disk_operation *op)
{
	int fd = fcntl(op->image.files[op->index].fd, F_DUPFD_CLOEXEC, 0);

	qmp_execute(op->machine->qmp, "add-fd", NULL, fd, handle_descriptor, op);
}

/* Answers with op->err, but not from within the call: by way of a command that does nothing. */
static void
handle_refused(void *data, const json_t *result, const struct err *err)
{
	finish(data);
}

static void
refuse_later(struct disk_operation *op)
{
	qmp_execute(op->machine->qmp, "query-status", NULL, -1, handle_refused, op);
}

void
qemu_attach_disk(struct machine *m, const struct disk_image *image, machine_done done, void *data)
{
	struct disk_operation *op = create_operation(m, image->name, done, data);

	if (image->file_count == 0 && op->err.code == 0)
		err_set(&op->err, EINVAL, "disk '%s' has no files", image->name);
	op->image.read_only = image->read_only;
	for (size_t i = 0; i < image->file_count && op->err.code == 0; i++) {
		int fd = fcntl(image->files[i].fd, F_DUPFD_CLOEXEC, 0);

		if (fd < 0) {
			err_set_errno(&op->err, errno, "disk '%s'", image->name);
			break;
		}
		op->image.files[i] = (struct disk_file){fd, image->files[i].format};
		op->image.file_count++;
	}
	if (op->err.code != 0) {
		refuse_later(op);
		return;
	}
	op->index = image->file_count - 1;
	add_file(op);
}

/* --- detaching --- */

static void
handle_detach_timeout(struct loop_timer *timer, void *data)
{
	struct disk_operation *op = data;

	err_set(&op->err, ETIMEDOUT, "disk '%s': the qube does not let go of it", op->image.name);
	finish(op);
}

static void
handle_detach_asked(void *data, const json_t *result, const struct err *err)
{
	struct disk_operation *op = data;

	if (err != NULL) {
		fail(op, err);
		finish(op);
	} else if (op->is_deleted) {
		delete_nodes(op);
	} else {
		op->is_asked = true;
		loop_timer_start(op->timer, DETACH_TIMEOUT_MS);
	}
}

/* virtio devices report their back end first, without an id: that is not ours. */
void
qemu_disk_handle_deleted(struct qemu_machine *m, const char *device)
{
	struct disk_operation *op, *following;

	list_for_each_safe (op, following, &m->disks, link) {
		AUTO_FREE char *id = text_format("disk-%s", op->image.name);

		if (op->timer == NULL || op->is_deleted || !text_equal(id, device))
			continue;
		op->is_deleted = true;
		loop_timer_stop(op->timer);
		if (op->is_asked)
			delete_nodes(op);
	}
}

void
qemu_detach_disk(struct machine *m, const char *name, machine_done done, void *data)
{
	struct disk_operation *op = create_operation(m, name, done, data);
	AUTO_FREE char *id = text_format("disk-%s", name);

	op->timer = loop_timer_create(m->loop, handle_detach_timeout, op);
	if (op->timer == NULL)
		err_set(&op->err, ENOMEM, "out of memory");
	if (op->err.code != 0) {
		refuse_later(op);
		return;
	}
	qmp_execute(op->machine->qmp, "device_del", json_pack("{s:s}", "id", id), -1,
		handle_detach_asked, op);
}

void
qemu_disk_forget_all(struct qemu_machine *m)
{
	struct disk_operation *op, *following;

	list_for_each_safe (op, following, &m->disks, link)
		destroy_operation(op);
}
