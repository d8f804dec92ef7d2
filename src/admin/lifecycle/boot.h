/*
 * From a qube's properties to the machine that the hypervisor is to start: memory, processors,
 * kernel, command line, user (spec admin-api.md 16.2; docs/guest-boot.md for our own keys).
 */
#ifndef BULKHEAD_ADMIN_LIFECYCLE_BOOT_H
#define BULKHEAD_ADMIN_LIFECYCLE_BOOT_H

#include "admin/hypervisor/hypervisor.h"
#include "base/err.h"

struct disk_images;
struct qube;

struct boot_plan {
	struct machine_config machine; /* points into what follows */
	struct machine_memory memory;  /* where machine.memory points, if it does */
	char *run_directory;
	char *console_log;
	char *kernel, *kernel_elf, *initramfs;
	char *command_line;
};

/*
 * Fills the plan; appends the kernel's modules to `disks` (borrowed, and used by the plan).
 * 0 or -1 with the error; boot_plan_finish() in any case.
 */
int boot_plan_make(
	struct boot_plan *plan, const struct qube *q, struct disk_images *disks, struct err *err);
void boot_plan_finish(struct boot_plan *plan);

/* What the kernel is told when the qube boots; the caller frees it. */
char *boot_command_line(const struct qube *q);

/* The user of a qube's machine and host processes, or -1 where we are not root. */
uid_t qube_host_uid(const struct qube *q);

/* Where a running qube's files are; the caller frees them. */
char *qube_run_directory(const struct qube *q);
char *qube_console_log(const struct qube *q);

#endif
