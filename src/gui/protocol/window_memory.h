/*
 * The window memory of a qube: a memfd that the machine has as the second BAR of an ivshmem-plain
 * device. bulkheadd makes it, fresh for each boot, and gives it read-only to whoever shows the
 * qube's windows:
 *
 *     /run/vchan/windows.N     unix stream socket, N the domain number, mode 0660, group "qubes"
 *
 * On each connection bulkheadd sends one 16-byte message with the descriptor beside it
 * (SCM_RIGHTS) and closes: u32 WINDOW_MEMORY_MAGIC, u32 0, u64 size in bytes. The receiver sends
 * nothing. The descriptor is opened read-only, and the memory sealed against any change of its
 * size: without that a compromised machine could shrink it under the X server's feet.
 */
#ifndef BULKHEAD_GUI_WINDOW_MEMORY_H
#define BULKHEAD_GUI_WINDOW_MEMORY_H

#include <stdint.h>

#include "base/err.h"

#define WINDOW_MEMORY_MAGIC 0x4d575142 /* "BQWM" */
#define WINDOW_MEMORY_MESSAGE_BYTES 16
#define WINDOW_MEMORY_DEFAULT_BYTES ((uint64_t)256 << 20)

/* The path of the socket; the caller frees it. */
char *window_memory_path(unsigned int domain);

/* A new memory of that many bytes (whole pages, sparse), sealed. A descriptor, or -1. */
int window_memory_create(const char *name, uint64_t size_bytes, struct err *err);

/* Opens the memory again, without the right to write. A descriptor, or -1. */
int window_memory_open_read_only(int fd, struct err *err);

/* The one message, to a connection just accepted; `fd` is the one opened read-only. 0 or -1. */
int window_memory_send(int socket_fd, int fd, uint64_t size_bytes, struct err *err);

/*
 * Connects, receives (waiting at most five seconds) and checks all that is promised above. A
 * descriptor and its size, or -1.
 */
int window_memory_receive(unsigned int domain, uint64_t *ret_size_bytes, struct err *err);

/* Whether a descriptor is what this header promises. 0 and its size, or -1. */
int window_memory_check(int fd, uint64_t *ret_size_bytes, struct err *err);

#endif
