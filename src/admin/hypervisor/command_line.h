/*
 * The command line of a QEMU process, built from plain facts; no I/O here. Private to the
 * hypervisor.
 */
#ifndef BULKHEAD_ADMIN_HYPERVISOR_COMMAND_LINE_H
#define BULKHEAD_ADMIN_HYPERVISOR_COMMAND_LINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "admin/hypervisor/hypervisor.h"
#include "base/child.h"
#include "base/err.h"

#define QEMU_PROGRAM "qemu-system-x86_64"

/* Hot-plug ports: port-0 and so on; and port-window, with room for a window memory's BAR. */
#define QEMU_PORTS 8
#define QEMU_PORT_WINDOW "port-window"

/* Descriptors that the process gets beside its disks; all borrowed, -1: none. */
struct command_line_fds {
	int qmp, link, console; /* listening sockets */
	int kernel, initramfs;
	int errors;   /* becomes its stderr */
	int identity; /* listening socket */
};

/* What runs the qube's code. */
struct command_line_processor {
	enum acceleration acceleration;
	unsigned int counter_khz; /* of the counter that an emulated one has; 0: not known */
};

#define COMMAND_LINE_ARGUMENTS_MAX 800
#define COMMAND_LINE_FDS_MAX 160

struct command_line {
	char *argv[COMMAND_LINE_ARGUMENTS_MAX + 1]; /* owned */
	size_t argc;
	struct child_fd fds[COMMAND_LINE_FDS_MAX];
	size_t fd_count;
	int device_target; /* the number that the memory's device_fd has in the process, or -1 */
	bool is_full;
};

/* 0 or -1 with the error. */
int command_line_build(struct command_line *line, const struct machine_config *config,
	const struct command_line_processor *processor, const struct command_line_fds *fds,
	struct err *err);
void command_line_finish(struct command_line *line);

/*
 * The names of a disk's block nodes, the same on the command line and at hot-plug: `root-0` is
 * what the machine sees, `root-1` its base; `root-0-file` the file under the first.
 */
#define DISK_NODE_NAME_SIZE 32
void disk_node_name(char ret_name[DISK_NODE_NAME_SIZE], const char *disk, size_t index, bool file);

/* Arguments of blockdev-add (a new reference): a file by its descriptor set, and its format. */
json_t *disk_file_node(const struct disk_image *image, size_t index, long long descriptor_set);
json_t *disk_format_node(const struct disk_image *image, size_t index);

/* Whether a name can be part of node names and device ids. */
bool disk_name_valid(const char *name);

#endif
