/*
 * The kernel's command line: how the host tells a qube what it is, until QubesDB does
 * (docs/guest-boot.md lists the keys). Used before anything else is mounted: libc only.
 */
#ifndef BULKHEAD_QUBE_INIT_CMDLINE_H
#define BULKHEAD_QUBE_INIT_CMDLINE_H

#include <stddef.h>

#define CMDLINE_MAX 4096

/*
 * Copies the value of the last `key=value` word of the text. Returns 0, -ENOENT without the key,
 * -ENAMETOOLONG when the value does not fit.
 */
int cmdline_find(const char *text, const char *key, char *ret_value, size_t size);

/* The same on /proc/cmdline. */
int cmdline_get(const char *key, char *ret_value, size_t size);

#endif
