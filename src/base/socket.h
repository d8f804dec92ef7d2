/*
 * Unix stream sockets. Paths may be longer than a sockaddr_un holds: the directory is opened and
 * reached through /proc/self/fd. All descriptors are close-on-exec.
 */
#ifndef BULKHEAD_BASE_SOCKET_H
#define BULKHEAD_BASE_SOCKET_H

#include <sys/types.h>

#include "base/err.h"

#define SOCKET_BACKLOG 128

/* Binds (replacing a stale socket), sets the mode, listens. Blocking descriptor or -1. */
int socket_listen(const char *path, mode_t mode, struct err *err);

/* Connects, blocking. A descriptor, or -1 with the error (code ENOENT, ECONNREFUSED, ...). */
int socket_connect(const char *path, struct err *err);

/* A connected pair of stream sockets, close-on-exec. 0 or negative errno. */
int socket_pair(int ret_fds[2]);

/* Sends bytes with one descriptor, or receives; count or negative errno. *ret_fd is -1 if none. */
ssize_t socket_send_fd(int socket_fd, const void *data, size_t size, int fd);
ssize_t socket_receive_fd(int socket_fd, void *data, size_t size, int *ret_fd);

/* 0 or negative errno. */
int fd_set_nonblocking(int fd, int nonblocking);

#endif
