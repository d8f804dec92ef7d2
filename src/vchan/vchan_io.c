/*
 * Bytes of a connected channel. There is nothing between the caller and the socket: a write is
 * one send(), a read one recv(), and the kernel's queue is the ring.
 */
#include <errno.h>
#include <limits.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "vchan/vchan_internal.h"

/* Kept free beyond what buffer_space promises: what the kernel adds to a small write or two. */
#define ROOM_RESERVE 8192

static int
fail_with(int error)
{
	errno = -error;
	return -1;
}

/* Notes that the peer has gone; what it had written can still be read. */
static void
look_for_end(struct libvchan *c)
{
	struct pollfd state = {.fd = c->fd, .events = POLLRDHUP};

	if (!c->lost && poll(&state, 1, 0) > 0)
		c->lost = true;
}

/*
 * Makes sure the channel is joined, waiting in blocking mode: 1 joined, 0 not yet, -1 failed.
 * A joined channel stays so for reading after its peer has gone.
 */
static int
require_joined(struct libvchan *c)
{
	int result;

	if (c->step == VCHAN_STEP_JOINED)
		return 1;
	result = c->blocking ? vchan_wait_connected(c, -1) : vchan_advance(c);
	if (c->step == VCHAN_STEP_JOINED)
		return 1;
	return result < 0 ? fail_with(result) : 0;
}

static size_t
clamp(size_t size)
{
	return size < INT_MAX ? size : INT_MAX;
}

/* Sleeps until the socket is ready; false when the sleep failed. */
static bool
sleep_for(const struct libvchan *c, short events)
{
	struct pollfd state = {.fd = c->fd, .events = events};

	return poll(&state, 1, -1) >= 0 || errno == EINTR;
}

/* What to do after a system call of read or write failed: 1 try again, 0 would block, -1. */
static int
after_failure(struct libvchan *c, short events, bool blocking)
{
	if (errno == EINTR)
		return 1;
	if (errno == EAGAIN) {
		if (!blocking)
			return 0;
		return sleep_for(c, events) ? 1 : -1;
	}
	c->lost = true;
	return -1;
}

static int
write_some(struct libvchan *c, const void *data, size_t size, bool blocking)
{
	for (;;) {
		ssize_t count = send(c->fd, data, clamp(size), MSG_NOSIGNAL | MSG_DONTWAIT);
		int again;

		if (count >= 0)
			return (int)count;
		again = after_failure(c, POLLOUT, blocking);
		if (again <= 0)
			return again;
	}
}

static int
read_some(struct libvchan *c, void *data, size_t size, bool blocking)
{
	for (;;) {
		ssize_t count = recv(c->fd, data, clamp(size), MSG_DONTWAIT);
		int again;

		if (count > 0) {
			c->changed = true; /* there was an event for these bytes */
			return (int)count;
		}
		if (count == 0) {
			c->lost = true;
			return fail_with(-ECONNRESET);
		}
		again = after_failure(c, POLLIN, blocking);
		if (again <= 0)
			return again;
	}
}

int
libvchan_write(libvchan_t *c, const void *data, size_t size)
{
	int joined = require_joined(c);

	if (joined <= 0 || size == 0)
		return joined < 0 ? -1 : 0;
	return write_some(c, data, size, c->blocking);
}

int
libvchan_read(libvchan_t *c, void *data, size_t size)
{
	int joined = require_joined(c);

	if (joined <= 0 || size == 0)
		return joined < 0 ? -1 : 0;
	return read_some(c, data, size, c->blocking);
}

int
libvchan_send(libvchan_t *c, const void *data, size_t size)
{
	int joined = require_joined(c);
	size_t sent = 0;

	if (joined <= 0 || size == 0)
		return joined < 0 ? -1 : 0;
	if (size > INT_MAX)
		return fail_with(-EINVAL);
	if (!c->blocking && libvchan_buffer_space(c) < (int)size && !c->lost)
		return 0;
	while (sent < size) {
		int count = write_some(c, (const char *)data + sent, size - sent, true);

		if (count < 0)
			return -1;
		sent += (size_t)count;
	}
	return (int)size;
}

int
libvchan_recv(libvchan_t *c, void *data, size_t size)
{
	int joined = require_joined(c);
	size_t received = 0;

	if (joined <= 0 || size == 0)
		return joined < 0 ? -1 : 0;
	if (size > INT_MAX)
		return fail_with(-EINVAL);
	if (!c->blocking && libvchan_data_ready(c) < (int)size) {
		look_for_end(c);
		return c->lost ? fail_with(-ECONNRESET) : 0;
	}
	while (received < size) {
		int count = read_some(c, (char *)data + received, size - received, true);

		if (count < 0)
			return -1;
		received += (size_t)count;
	}
	return (int)size;
}

int
libvchan_data_ready(libvchan_t *c)
{
	int bytes = 0;

	if (vchan_advance(c) == VCHAN_WAITING || c->step != VCHAN_STEP_JOINED)
		return 0;
	return ioctl(c->fd, SIOCINQ, &bytes) < 0 ? 0 : bytes;
}

/* Arms or disarms the event "there is room" on the socket. */
static void
watch_room(struct libvchan *c, bool watched)
{
	uint32_t events = EPOLLIN | EPOLLRDHUP | EPOLLET | (watched ? EPOLLOUT : 0);

	if (c->room_watched != watched && vchan_watch(c, c->fd, events) == 0)
		c->room_watched = watched;
}

int
libvchan_buffer_space(libvchan_t *c)
{
	int queued = 0;
	size_t room;

	if (vchan_advance(c) != VCHAN_CONNECTED || ioctl(c->fd, SIOCOUTQ, &queued) < 0)
		return 0;
	/* The kernel calls a socket writable when a quarter of the limit is used at most. */
	if ((unsigned int)queued > c->write_limit / 4)
		watch_room(c, true);
	if ((unsigned int)queued >= c->write_limit)
		return 0;
	/* It counts its own overhead, too: in the worst case as much as the bytes. */
	room = (c->write_limit - (unsigned int)queued) / 2;
	return room > ROOM_RESERVE ? (int)(room - ROOM_RESERVE) : 0;
}

int
libvchan_is_open(libvchan_t *c)
{
	int state = vchan_advance(c);

	if (state == VCHAN_CONNECTED) {
		look_for_end(c);
		return c->lost ? VCHAN_DISCONNECTED : VCHAN_CONNECTED;
	}
	return state == VCHAN_WAITING ? VCHAN_WAITING : VCHAN_DISCONNECTED;
}

EVTCHN
libvchan_fd_for_select(libvchan_t *c)
{
	return c->epoll_fd;
}

int
libvchan_wait(libvchan_t *c)
{
	bool ended = c->lost || c->step == VCHAN_STEP_FAILED;
	struct epoll_event events[4];
	int count;

	if (ended && !c->changed && libvchan_data_ready(c) == 0)
		return fail_with(-ECONNRESET);
	count = epoll_wait(c->epoll_fd, events, 4, ended || c->changed ? 0 : -1);
	if (count < 0 && errno != EINTR)
		return -1;
	c->changed = false;
	for (int i = 0; i < count; i++) {
		if (c->room_watched && events[i].data.fd == c->fd &&
			(events[i].events & EPOLLOUT) != 0)
			watch_room(c, false);
	}
	/* The caller returns to what it was doing: this wake-up accounts for what happens here. */
	vchan_advance(c);
	c->changed = false;
	return 0;
}

int
vchan_shutdown_write(libvchan_t *c)
{
	if (c->step != VCHAN_STEP_JOINED)
		return -ENOTCONN;
	return shutdown(c->fd, SHUT_WR) < 0 ? -errno : 0;
}
