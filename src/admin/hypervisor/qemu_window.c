/*
 * The window memory: a sealed memory of ours becomes a device of the machine, plugged in while it
 * runs, so that it is never part of a saved state. Runs in bulkheadd.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "admin/hypervisor/command_line.h"
#include "admin/hypervisor/qemu.h"
#include "base/cleanup.h"
#include "base/text.h"

#define WINDOW_BACKEND "window"
#define WINDOW_DEVICE "window-device"

struct window_operation {
	struct list link; /* qemu_machine.windows */
	struct qemu_machine *machine;
	uint64_t size_bytes;
	long long descriptor_set;
	machine_done done;
	void *data;
};

static void
finish(struct window_operation *op, const struct err *err)
{
	machine_done done = op->done;
	void *data = op->data;

	list_remove(&op->link);
	free(op);
	if (done != NULL)
		done(data, err);
}

static void
handle_device(void *data, const json_t *result, const struct err *err)
{
	struct window_operation *op = data;

	if (err != NULL)
		qmp_execute(op->machine->qmp, "object-del",
			json_pack("{s:s}", "id", WINDOW_BACKEND), -1, NULL, NULL);
	finish(op, err);
}

static void
handle_backend(void *data, const json_t *result, const struct err *err)
{
	struct window_operation *op = data;

	/* The backend has opened the memory for itself. */
	qmp_execute(op->machine->qmp, "remove-fd",
		json_pack("{s:I}", "fdset-id", (json_int_t)op->descriptor_set), -1, NULL, NULL);
	if (err != NULL) {
		finish(op, err);
		return;
	}
	qmp_execute(op->machine->qmp, "device_add",
		json_pack("{s:s, s:s, s:s, s:s}", "driver", "ivshmem-plain", "id", WINDOW_DEVICE,
			"memdev", WINDOW_BACKEND, "bus", QEMU_PORT_WINDOW),
		-1, handle_device, op);
}

/* The number that the descriptor has in the machine's process names it there. */
static void
handle_descriptor(void *data, const json_t *result, const struct err *err)
{
	struct window_operation *op = data;
	const json_t *set = json_object_get(result, "fdset-id");
	const json_t *fd = json_object_get(result, "fd");
	AUTO_FREE char *path = NULL;

	if (err != NULL || !json_is_integer(set) || !json_is_integer(fd)) {
		AUTO_ERR struct err odd = ERR_INIT;

		err_set(&odd, EPROTO, "window memory: no descriptor");
		finish(op, err != NULL ? err : &odd);
		return;
	}
	op->descriptor_set = json_integer_value(set);
	path = text_format("/proc/self/fd/%lld", (long long)json_integer_value(fd));
	qmp_execute(op->machine->qmp, "object-add",
		json_pack("{s:s, s:s, s:b, s:I, s:s}", "qom-type", "memory-backend-file", "id",
			WINDOW_BACKEND, "share", 1, "size", (json_int_t)op->size_bytes, "mem-path",
			path),
		-1, handle_backend, op);
}

void
qemu_attach_window_memory(struct machine *m, int fd, machine_done done, void *data)
{
	struct window_operation *op = xcalloc(1, sizeof(*op));
	struct stat status = {0};

	(void)fstat(fd, &status);
	*op = (struct window_operation){
		.machine = qemu_of(m),
		.size_bytes = (uint64_t)status.st_size,
		.done = done,
		.data = data,
	};
	list_append(&op->machine->windows, &op->link);
	qmp_execute(op->machine->qmp, "add-fd", NULL, fcntl(fd, F_DUPFD_CLOEXEC, 0),
		handle_descriptor, op);
}

void
qemu_window_forget_all(struct qemu_machine *m)
{
	struct window_operation *op, *following;

	list_for_each_safe (op, following, &m->windows, link) {
		list_remove(&op->link);
		free(op);
	}
}
