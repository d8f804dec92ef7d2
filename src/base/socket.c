/* Unix stream sockets with paths of any length; see socket.h. */
#include "base/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/socket_address.h"

int
socket_listen(const char *path, mode_t mode, struct err *err)
{
	AUTO_FD int directory = -1;
	AUTO_FD int fd = -1;
	struct sockaddr_un address;
	mode_t old_mask;
	int result = socket_address_init(&address, path, &directory);

	if (result < 0)
		return err_set_errno(err, -result, "socket '%s'", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set_errno(err, errno, "socket '%s'", path);
	unlink(path);
	/* Made with no rights first: nobody connects before the mode is right. */
	old_mask = umask(0777);
	result = bind(fd, (struct sockaddr *)&address, sizeof(address));
	umask(old_mask);
	if (result < 0)
		return err_set_errno(err, errno, "socket '%s': cannot bind", path);
	if (chmod(path, mode) < 0 || listen(fd, SOCKET_BACKLOG) < 0)
		return err_set_errno(err, errno, "socket '%s': cannot listen", path);
	return steal_fd(&fd);
}

int
socket_connect(const char *path, struct err *err)
{
	AUTO_FD int directory = -1;
	AUTO_FD int fd = -1;
	struct sockaddr_un address;
	int result = socket_address_init(&address, path, &directory);

	if (result < 0)
		return err_set_errno(err, -result, "socket '%s': cannot connect", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set_errno(err, errno, "socket '%s'", path);
	do
		result = connect(fd, (struct sockaddr *)&address, sizeof(address));
	while (result < 0 && errno == EINTR);
	if (result < 0)
		return err_set_errno(err, errno, "socket '%s': cannot connect", path);
	return steal_fd(&fd);
}

int
socket_pair(int ret_fds[2])
{
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ret_fds) < 0 ? -errno : 0;
}

union fd_control {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int))];
};

ssize_t
socket_send_fd(int socket_fd, const void *data, size_t size, int fd)
{
	union fd_control control = {0};
	struct iovec part = {.iov_base = (void *)(uintptr_t)data, .iov_len = size};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t count;

	if (fd >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(int));
	}
	do
		count = sendmsg(socket_fd, &message, MSG_NOSIGNAL);
	while (count < 0 && errno == EINTR);
	return count < 0 ? -errno : count;
}

ssize_t
socket_receive_fd(int socket_fd, void *data, size_t size, int *ret_fd)
{
	union fd_control control = {0};
	struct iovec part = {.iov_base = data, .iov_len = size};
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	const struct cmsghdr *header;
	ssize_t count;

	*ret_fd = -1;
	do
		count = recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC);
	while (count < 0 && errno == EINTR);
	if (count < 0)
		return -errno;
	header = CMSG_FIRSTHDR(&message);
	if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
		header->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(ret_fd, CMSG_DATA(header), sizeof(int));
	return count;
}

int
fd_set_nonblocking(int fd, int nonblocking)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	flags = nonblocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	return fcntl(fd, F_SETFL, flags) < 0 ? -errno : 0;
}
