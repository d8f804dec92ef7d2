/*
 * The seam under the hypervisor interface: what a driver implements. Its functions have the
 * contracts of hypervisor.h. Private to the hypervisor.
 *
 * Network and other devices come as further members.
 */
#ifndef BULKHEAD_ADMIN_HYPERVISOR_DRIVER_H
#define BULKHEAD_ADMIN_HYPERVISOR_DRIVER_H

#include "admin/hypervisor/host_counter.h"
#include "admin/hypervisor/hypervisor.h"

struct hypervisor_driver {
	const char *name;
	struct machine *(*start)(struct hypervisor *h, const struct machine_config *config,
		machine_handler handler, machine_done done, void *data, struct err *err);
	struct machine *(*adopt)(struct hypervisor *h, const char *name, const char *run_directory,
		const char *console_log, pid_t pid, unsigned long long start_time,
		machine_handler handler, machine_done done, void *data, struct err *err);
	void (*destroy)(struct machine *m);
	void (*resume)(struct machine *m, machine_done done, void *data);
	void (*pause)(struct machine *m, machine_done done, void *data);
	void (*shut_down)(struct machine *m, machine_done done, void *data);
	void (*save)(struct machine *m, int device_fd, machine_done done, void *data);
	int (*kill)(struct machine *m);
	void (*attach_disk)(
		struct machine *m, const struct disk_image *image, machine_done done, void *data);
	void (*detach_disk)(struct machine *m, const char *name, machine_done done, void *data);
	void (*resize_disk)(struct machine *m, const char *name, uint64_t size_bytes,
		machine_done done, void *data);
	void (*fold_disk)(struct machine *m, const char *name, const char *base_name,
		machine_done done, void *data);
	void (*switch_disk)(
		struct machine *m, const struct disk_image *image, machine_done done, void *data);
	void (*attach_window_memory)(struct machine *m, int fd, machine_done done, void *data);
};

struct hypervisor {
	struct loop *loop;
	const struct hypervisor_driver *driver;
	enum acceleration acceleration;
	struct counter_reading counter; /* when this was created */
};

/* The part of a machine that is the same for every driver; embedded first in its own struct. */
struct machine {
	const struct hypervisor_driver *driver;
	struct loop *loop;
	char *name;
	enum machine_state state;
	pid_t pid;
	unsigned long long start_time;
	machine_handler handler;
	void *data;
};

extern const struct hypervisor_driver hypervisor_qemu;

#endif
