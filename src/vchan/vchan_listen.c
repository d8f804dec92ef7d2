/*
 * The serving end of transport unix: a socket at a path, one client, then no more. Whoever may
 * reach the directory may be the client.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/socket_address.h"
#include "base/system_calls.h"
#include "base/text.h"
#include "vchan/vchan_internal.h"

/* A name beside the path that nobody else uses. */
static char *
temporary_path(const struct libvchan *c)
{
	static unsigned int counter;

	return text_format("%s.%d.%u", c->path, (int)getpid(), counter++);
}

static int
bind_to(int fd, const char *path)
{
	AUTO_FD int directory = -1;
	struct sockaddr_un address;
	int result = socket_address_init(&address, path, &directory);

	if (result < 0)
		return result;
	unlink(path);
	return bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
}

/*
 * The socket gets its name when it already listens, so that a client finds either nothing, an
 * older server's or one that accepts. A backlog of 0 lets one client in: the one we serve.
 */
static int
publish(struct libvchan *c)
{
	AUTO_FREE char *temporary = temporary_path(c);
	struct stat status;
	int result = bind_to(c->fd, temporary);

	if (result < 0)
		return result;
	if (listen(c->fd, 0) < 0 || stat(temporary, &status) < 0 ||
		rename(temporary, c->path) < 0) {
		result = -errno;
		unlink(temporary);
		return result;
	}
	c->path_device = status.st_dev;
	c->path_inode = status.st_ino;
	return 0;
}

int
vchan_listen_begin(struct libvchan *c)
{
	int result;

	c->step = VCHAN_STEP_LISTENING;
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		return -errno;
	result = publish(c);
	return result < 0 ? result : vchan_watch(c, c->fd, EPOLLIN);
}

/*
 * By now the path may belong to a server that took the same address after us, and nothing in
 * the kernel removes a file by what it is. So it is taken aside, looked at, and put back when
 * it is not ours (unless a still newer one has appeared meanwhile); a client that finds nothing
 * in between tries again.
 */
static void
unpublish(struct libvchan *c)
{
	AUTO_FREE char *aside = temporary_path(c);
	struct stat status;

	if (c->path_inode == 0)
		return;
	if (rename(c->path, aside) == 0) {
		bool ours = stat(aside, &status) == 0 && status.st_dev == c->path_device &&
			    status.st_ino == c->path_inode;

		if (ours || renameat2(AT_FDCWD, aside, AT_FDCWD, c->path, RENAME_NOREPLACE) < 0)
			unlink(aside);
	}
	c->path_inode = 0;
}

void
vchan_listen_end(struct libvchan *c)
{
	unpublish(c);
	if (c->step == VCHAN_STEP_LISTENING)
		vchan_unwatch(c, &c->fd);
}

void
vchan_listen_step(struct libvchan *c)
{
	int fd;

	do
		fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
	if (fd < 0) {
		/* Out of descriptors is a state that may pass; the caller polls again. */
		if (errno != EAGAIN && errno != EMFILE && errno != ENFILE && errno != ENOMEM)
			vchan_fail(c, -errno);
		return;
	}
	vchan_listen_end(c);
	vchan_adopt(c, fd);
}
