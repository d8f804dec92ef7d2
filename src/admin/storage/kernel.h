/*
 * Kernels that qubes boot: the pool `linux-kernel`, one directory a version below
 * root_path("/var/lib/qubes/vm-kernels/"), put there by dom0. Trusted files, checked for being
 * there.
 */
#ifndef BULKHEAD_ADMIN_STORAGE_KERNEL_H
#define BULKHEAD_ADMIN_STORAGE_KERNEL_H

#include "admin/storage/image.h"
#include "base/err.h"

#define KERNEL_DIRECTORY "/var/lib/qubes/vm-kernels"
#define KERNEL_VERSION_MAX 63

struct kernel_files {
	char *vmlinuz;   /* bzImage */
	char *vmlinux;   /* uncompressed ELF for booting by PVH, or NULL */
	char *initramfs; /* or NULL */
	char *modules;   /* modules.img, or NULL */
};

/* Letters, digits and `.+-_~`, not beginning with a dot. */
bool kernel_version_valid(const char *version);

/* -1 with ENOENT where the version or its vmlinuz is missing. */
int kernel_find(const char *version, struct kernel_files *ret_files, struct err *err);
void kernel_files_finish(struct kernel_files *files);

/* Appends the kernel's modules as a read-only disk named "modules"; 0 without any too. */
int kernel_add_modules(
	const struct kernel_files *files, struct disk_images *images, struct err *err);

/* Versions, sorted; NULL-terminated; freed by storage_free_vids(). */
int kernel_list(char ***ret_versions, struct err *err);

#endif
