/*
 * Installed kernels as far as properties need them: whether one is there, and the kernel options
 * that it comes with. Trusted files of dom0, read again at most once a second.
 */
#ifndef BULKHEAD_ADMIN_MODEL_KERNELS_H
#define BULKHEAD_ADMIN_MODEL_KERNELS_H

#include <stdbool.h>

struct kernel_cache;

/* Below root_path(): one directory a kernel. */
#define KERNELS_DIRECTORY "/var/lib/qubes/vm-kernels"

struct kernel_cache *kernel_cache_create(void);
void kernel_cache_destroy(struct kernel_cache *cache);

/* `name` must not have a slash. */
bool kernel_is_installed(const char *name);
/* The kernel's own default options, or NULL if it has none. Borrowed until the next call. */
const char *kernel_default_options(struct kernel_cache *cache, const char *name);

#endif
