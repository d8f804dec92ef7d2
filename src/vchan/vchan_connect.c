/*
 * The connecting end: clients of transport unix, and both roles of transport link, which connect
 * to vchan-linkd. What does not exist yet is tried again: at once when the directory shows
 * something new, and otherwise at growing pauses.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/socket_address.h"
#include "base/text.h"
#include "vchan/link_local.h"
#include "vchan/vchan_internal.h"

static const long pauses_us[] = {100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000};

#define PAUSE_COUNT (sizeof(pauses_us) / sizeof(pauses_us[0]))

/*
 * The attempt from which on the directory is watched. The two ends of a call start at the same
 * time and miss each other by less; the end of a watch costs some twenty milliseconds, which the
 * kernel takes to be sure that nobody uses it.
 */
#define ATTEMPT_TO_WATCH 7

/* So often linkd may be missing where it was: one that starts anew is away for a moment. */
#define MISSING_MAX 8

static void
try_later(struct libvchan *c)
{
	unsigned int index = c->attempt < PAUSE_COUNT ? c->attempt : PAUSE_COUNT - 1;
	struct itimerspec when = {.it_value.tv_nsec = pauses_us[index] * 1000};

	c->attempt++;
	timerfd_settime(c->timer_fd, 0, &when, NULL);
}

/*
 * Watches the directory of the socket for new names. That saves only time, and the kernel has
 * few such watches to give: without one the timer does it.
 */
static void
watch_directory(struct libvchan *c)
{
	AUTO_FREE char *directory = c->link ? root_path("/run/vchan") : text_copy(c->path);
	char *slash = strrchr(directory, '/');

	if (!c->link) {
		if (slash == NULL)
			return;
		slash[slash == directory ? 1 : 0] = '\0';
	}
	c->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (c->inotify_fd < 0)
		return;
	if (inotify_add_watch(c->inotify_fd, directory, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) < 0 ||
		vchan_watch(c, c->inotify_fd, EPOLLIN) < 0) {
		close(c->inotify_fd);
		c->inotify_fd = -1;
	}
}

/* Whether one of the events read concerns our socket. */
static bool
names_our_socket(const struct libvchan *c, const char *events, size_t size)
{
	const char *name = c->link ? NULL : strrchr(c->path, '/') + 1;
	size_t at = 0;

	while (size - at >= sizeof(struct inotify_event)) {
		struct inotify_event event;

		memcpy(&event, events + at, sizeof(event));
		at += sizeof(event);
		if (event.len > size - at)
			break;
		if (name == NULL || (event.len > 0 && text_equal(events + at, name)))
			return true;
		at += event.len;
	}
	return false;
}

/* Clears what made the epoll descriptor readable; whether it is time to try. */
static bool
is_due(struct libvchan *c)
{
	char events[4096];
	uint64_t expirations;
	bool due = c->due || read(c->timer_fd, &expirations, sizeof(expirations)) > 0;
	ssize_t count;

	c->due = false;
	while (c->inotify_fd >= 0 && (count = read(c->inotify_fd, events, sizeof(events))) > 0) {
		if (names_our_socket(c, events, (size_t)count)) {
			c->attempt = 0;
			due = true;
		}
	}
	return due;
}

int
vchan_connect_begin(struct libvchan *c)
{
	c->step = VCHAN_STEP_CONNECTING;
	buf_init(&c->reply, LINK_LOCAL_REPLY_BYTES);
	c->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (c->timer_fd < 0)
		return -errno;
	c->due = true;
	return vchan_watch(c, c->timer_fd, EPOLLIN);
}

void
vchan_connect_end(struct libvchan *c)
{
	vchan_unwatch(c, &c->timer_fd);
	vchan_unwatch(c, &c->inotify_fd);
	buf_finish(&c->reply);
}

/* A connected descriptor or a negative errno. */
static int
connect_to(const char *path)
{
	AUTO_FD int directory = -1;
	AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address;
	int result = fd < 0 ? -errno : socket_address_init(&address, path, &directory);

	if (result < 0)
		return result;
	do
		result = connect(fd, (struct sockaddr *)&address, sizeof(address));
	while (result < 0 && errno == EINTR);
	return result < 0 ? -errno : steal_fd(&fd);
}

static bool
may_pass(int error)
{
	switch (error) {
	case -ENOENT:
	case -ECONNREFUSED: /* a stale socket, or one that does not listen yet */
	case -EAGAIN:       /* as many wait as the listener lets wait */
	case -ENOTDIR:      /* the directory does not exist yet */
	case -EMFILE:
	case -ENFILE:
	case -ENOMEM:
	case -ENOBUFS:
		return true;
	default:
		return false;
	}
}

static int
send_request(struct libvchan *c, int fd, bool in_qube)
{
	const struct link_local_request request = {
		.server = c->server,
		.own_domain = c->own_domain,
		.peer_domain = c->peer_domain,
		.port = (uint32_t)c->port,
		.read_min = c->read_min < UINT32_MAX ? (uint32_t)c->read_min : UINT32_MAX,
		.write_min = c->write_min < UINT32_MAX ? (uint32_t)c->write_min : UINT32_MAX,
		.rings = c->rings && in_qube,
	};
	AUTO_BUF struct buf b;
	ssize_t count;

	buf_init(&b, LINK_LOCAL_REQUEST_BYTES);
	if (link_local_put_request(&b, &request) < 0)
		return -ENOMEM;
	count = send(fd, buf_data(&b), buf_len(&b), MSG_NOSIGNAL);
	c->rings_asked = request.rings;
	return count == LINK_LOCAL_REQUEST_BYTES ? 0 : -ECONNREFUSED;
}

static int
connect_to_linkd(struct libvchan *c)
{
	AUTO_FREE char *path = vchan_find_link_socket(c->peer_domain);
	AUTO_FD int fd = -1;
	int result;

	if (path == NULL)
		return -ENOENT;
	fd = connect_to(path);
	if (fd < 0)
		return fd;
	result = send_request(c, fd, text_equal(strrchr(path, '/'), "/link"));
	if (result == 0)
		result = vchan_watch(c, fd, EPOLLIN | EPOLLRDHUP | EPOLLET);
	if (result < 0)
		return result;
	buf_clear(&c->reply);
	c->fd = steal_fd(&fd);
	c->step = VCHAN_STEP_REQUESTED;
	c->reached = true;
	c->missing = 0;
	return 0;
}

void
vchan_connect_step(struct libvchan *c)
{
	int result;

	if (!is_due(c))
		return;
	if (c->link)
		result = connect_to_linkd(c);
	else
		result = connect_to(c->path);
	if (result >= 0) {
		if (!c->link)
			vchan_adopt(c, result);
		return;
	}
	if (c->link && c->reached && result == -ENOENT && ++c->missing > MISSING_MAX) {
		vchan_fail(c, -ENODEV); /* linkd goes away for good with its domain */
		return;
	}
	if (!may_pass(result)) {
		vchan_fail(c, result);
		return;
	}
	if (c->inotify_fd < 0 && c->attempt == ATTEMPT_TO_WATCH)
		watch_directory(c);
	try_later(c);
}

/* linkd went away before it answered: it may have been restarted. */
static void
request_again(struct libvchan *c)
{
	vchan_unwatch(c, &c->fd);
	c->step = VCHAN_STEP_CONNECTING;
	try_later(c);
}

void
vchan_request_step(struct libvchan *c)
{
	enum link_local_status status;
	size_t missing = LINK_LOCAL_REPLY_BYTES - buf_len(&c->reply);
	ssize_t count = buf_read_fd(&c->reply, c->fd, missing);
	int result;

	if (count == -EAGAIN)
		return;
	if (count <= 0) {
		request_again(c);
		return;
	}
	result = link_local_get_reply(&c->reply, &status);
	if (result == -EAGAIN)
		return;
	if (result < 0)
		vchan_fail(c, result);
	else if (status != LINK_LOCAL_JOINED)
		vchan_fail(c, -ECONNREFUSED);
	else
		vchan_adopt(c, c->fd);
}
