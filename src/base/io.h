/* Blocking helpers that finish what they begin; for tools, not for loops. */
#ifndef BULKHEAD_BASE_IO_H
#define BULKHEAD_BASE_IO_H

#include <stddef.h>
#include <sys/types.h>

/* All bytes or a negative errno; -EPIPE is returned, not raised (for sockets). */
int write_all(int fd, const void *data, size_t size);

/* Exactly size bytes: 0, -ENODATA at an early end of file, or another negative errno. */
int read_exactly(int fd, void *data, size_t size);

/* Fills with fresh random bytes of the kernel. Ends the process if the kernel has none. */
void random_bytes(void *data, size_t size);

#endif
