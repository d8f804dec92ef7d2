/* Descriptors of the local side; see local_end.h. Handles no bytes from outside by itself. */
#include "qrexec/common/local_end.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define LARGE_PIPE_BYTES 262144

void
local_end_init(struct local_end *end, int fd)
{
	struct stat status;
	int flags;

	*end = (struct local_end){.fd = fd, .kind = LOCAL_END_BLOCKING};
	if (fd < 0 || fstat(fd, &status) < 0)
		return;
	if (S_ISSOCK(status.st_mode)) {
		end->kind = LOCAL_END_SOCKET;
	} else if (S_ISREG(status.st_mode)) {
		end->kind = LOCAL_END_FILE;
	} else {
		end->is_pipe = S_ISFIFO(status.st_mode);
		flags = fcntl(fd, F_GETFL);
		if (flags >= 0 && (flags & O_NONBLOCK) != 0)
			end->kind = LOCAL_END_NONBLOCKING;
	}
}

/*
 * Puts a fresh, non-blocking description of the same pipe in the place of a shared one. Where
 * that is not possible writes stay small: after poll() a pipe takes PIPE_BUF without blocking.
 */
static void
make_private(struct local_end *end, int mode)
{
	char path[40];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", end->fd);
	fd = open(path, mode | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return;
	if (dup3(fd, end->fd, O_CLOEXEC) >= 0)
		end->kind = LOCAL_END_NONBLOCKING;
	close(fd);
}

ssize_t
local_end_read(struct local_end *end, void *data, size_t size)
{
	ssize_t n;

	if (end->kind == LOCAL_END_BLOCKING && !end->ready)
		return -EAGAIN;
	end->ready = false;
	if (end->kind == LOCAL_END_SOCKET)
		n = recv(end->fd, data, size, MSG_DONTWAIT);
	else
		n = read(end->fd, data, size);
	if (n >= 0)
		return n;
	/* EIO: the other side of a terminal has gone. */
	if (errno == ECONNRESET || errno == EIO)
		return 0;
	return errno == EWOULDBLOCK || errno == EINTR ? -EAGAIN : -errno;
}

ssize_t
local_end_write(struct local_end *end, const void *data, size_t size)
{
	ssize_t n;

	if (end->kind == LOCAL_END_BLOCKING && end->is_pipe && size > PIPE_BUF)
		make_private(end, O_WRONLY);
	if (end->kind == LOCAL_END_BLOCKING) {
		if (!end->ready)
			return -EAGAIN;
		end->ready = false;
		if (size > PIPE_BUF)
			size = PIPE_BUF;
	}
	if (end->kind == LOCAL_END_SOCKET)
		n = send(end->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	else
		n = write(end->fd, data, size);
	if (n >= 0)
		return n;
	if (errno == ECONNRESET)
		return -EPIPE;
	return errno == EWOULDBLOCK || errno == EINTR ? -EAGAIN : -errno;
}

void
local_end_grow(struct local_end *end)
{
	if (end->grown || !end->is_pipe)
		return;
	end->grown = true;
	if (fcntl(end->fd, F_GETPIPE_SZ) < LARGE_PIPE_BYTES)
		fcntl(end->fd, F_SETPIPE_SZ, LARGE_PIPE_BYTES); /* best effort: limits of users */
}
