/* The window memory of a qube and how it is handed over; see window_memory.h. Host only. */
#include "gui/protocol/window_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "base/socket.h"
#include "gui/protocol/protocol.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)
#define RECEIVE_TIMEOUT_MS 5000

char *
window_memory_path(unsigned int domain)
{
	return root_path("/run/vchan/windows.%u", domain);
}

int
window_memory_create(const char *name, uint64_t size_bytes, struct err *err)
{
	AUTO_FD int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return err_set_errno(err, errno, "window memory: cannot create it");
	if (size_bytes == 0 || size_bytes % GUI_PAGE_BYTES != 0 || size_bytes > GUI_POOL_MAX_BYTES)
		return err_set(err, EINVAL, "window memory: size %llu is not one",
			(unsigned long long)size_bytes);
	if (ftruncate(fd, (off_t)size_bytes) < 0)
		return err_set_errno(err, errno, "window memory: cannot size it");
	if (fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		return err_set_errno(err, errno, "window memory: cannot seal it");
	return steal_fd(&fd);
}

int
window_memory_open_read_only(int fd, struct err *err)
{
	char path[64];
	int result;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	result = open(path, O_RDONLY | O_CLOEXEC);
	if (result < 0)
		return err_set_errno(err, errno, "window memory: cannot open it read-only");
	return result;
}

int
window_memory_send(int socket_fd, int fd, uint64_t size_bytes, struct err *err)
{
	AUTO_BUF struct buf b;
	ssize_t count;

	buf_init(&b, WINDOW_MEMORY_MESSAGE_BYTES);
	if (buf_put_u32(&b, WINDOW_MEMORY_MAGIC) < 0 || buf_put_u32(&b, 0) < 0 ||
		buf_put_u64(&b, size_bytes) < 0)
		return err_set(err, ENOMEM, "window memory: no memory");
	count = socket_send_fd(socket_fd, buf_data(&b), buf_len(&b), fd);
	if (count < 0)
		return err_set_errno(err, (int)-count, "window memory: cannot send it");
	return 0;
}

int
window_memory_check(int fd, uint64_t *ret_size_bytes, struct err *err)
{
	int seals = fcntl(fd, F_GET_SEALS), flags = fcntl(fd, F_GETFL);
	struct stat status;

	if (seals < 0 || (seals & F_SEAL_SHRINK) == 0 || (seals & F_SEAL_GROW) == 0)
		return err_set(err, EPERM, "window memory: it is not sealed");
	if (flags < 0 || (flags & O_ACCMODE) != O_RDONLY)
		return err_set(err, EPERM, "window memory: it is not read-only");
	if (fstat(fd, &status) < 0)
		return err_set_errno(err, errno, "window memory: cannot look at it");
	if (status.st_size < GUI_PAGE_BYTES || status.st_size % GUI_PAGE_BYTES != 0 ||
		(uint64_t)status.st_size > GUI_POOL_MAX_BYTES)
		return err_set(err, EINVAL, "window memory: its size %lld is not one",
			(long long)status.st_size);
	*ret_size_bytes = (uint64_t)status.st_size;
	return 0;
}

static int
receive(int socket_fd, int *ret_fd, uint64_t *ret_size_bytes, struct err *err)
{
	struct pollfd poll_fd = {.fd = socket_fd, .events = POLLIN};
	AUTO_FD int fd = -1;
	AUTO_BUF struct buf b;
	uint32_t magic = 0, zero = 0;
	uint64_t claimed = 0;
	ssize_t count;
	void *room;

	buf_init(&b, WINDOW_MEMORY_MESSAGE_BYTES);
	room = buf_reserve(&b, WINDOW_MEMORY_MESSAGE_BYTES);
	if (room == NULL)
		return err_set(err, ENOMEM, "window memory: no memory");
	if (poll(&poll_fd, 1, RECEIVE_TIMEOUT_MS) <= 0)
		return err_set(err, ETIMEDOUT, "window memory: it was not sent in time");
	count = socket_receive_fd(socket_fd, room, WINDOW_MEMORY_MESSAGE_BYTES, &fd);
	if (count < 0)
		return err_set_errno(err, (int)-count, "window memory: cannot receive it");
	buf_get_u32(&b, &magic);
	buf_get_u32(&b, &zero);
	buf_get_u64(&b, &claimed);
	if (count != WINDOW_MEMORY_MESSAGE_BYTES || magic != WINDOW_MEMORY_MAGIC || zero != 0 ||
		fd < 0)
		return err_set(err, EPROTO, "window memory: the message is not that of bulkheadd");
	if (window_memory_check(fd, ret_size_bytes, err) < 0)
		return -1;
	if (claimed != *ret_size_bytes)
		return err_set(err, EPROTO, "window memory: its size is not the one announced");
	*ret_fd = steal_fd(&fd);
	return 0;
}

int
window_memory_receive(unsigned int domain, uint64_t *ret_size_bytes, struct err *err)
{
	AUTO_FREE char *path = window_memory_path(domain);
	AUTO_FD int socket_fd = socket_connect(path, err);
	int fd = -1;

	if (socket_fd < 0 || receive(socket_fd, &fd, ret_size_bytes, err) < 0)
		return -1;
	return fd;
}
