/* Sizes as users write them: "10GiB", "500M", "4096". */
#ifndef BULKHEAD_TOOLS_LIB_SIZE_H
#define BULKHEAD_TOOLS_LIB_SIZE_H

#include <stdint.h>

/*
 * Bytes, or a number with K, KB, M, MB, G, GB (powers of 1000) or Ki, KiB, Mi, MiB, Gi, GiB
 * (powers of 1024), in any case (spec cli.md section 2). 0, -EINVAL or -ERANGE.
 */
int size_parse(const char *text, uint64_t *ret_bytes);

#endif
