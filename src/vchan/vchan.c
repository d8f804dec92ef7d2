/*
 * The life of a channel: set-up driven by whoever calls, adoption of the connected socket, end.
 * Runs in any program; nothing here believes the peer anything.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "vchan/link_local.h"
#include "vchan/vchan_internal.h"

/*
 * Bytes under way in each direction at the least, as the kernel counts them (with its own
 * overhead): room for several of the largest messages. Larger buffers gained nothing.
 */
#define SEND_BUFFER_BYTES (512UL * 1024)
#define SEND_BUFFER_MAX_BYTES (16UL * 1024 * 1024)

int
vchan_watch(struct libvchan *c, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.fd = fd};

	if (epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	return epoll_ctl(c->epoll_fd, EPOLL_CTL_MOD, fd, &event) < 0 ? -errno : 0;
}

void
vchan_unwatch(struct libvchan *c, int *fd)
{
	if (*fd < 0)
		return;
	/* Closing is not enough where a child of a fork() still holds the descriptor. */
	epoll_ctl(c->epoll_fd, EPOLL_CTL_DEL, *fd, NULL);
	close(*fd);
	*fd = -1;
}

void
vchan_fail(struct libvchan *c, int error)
{
	vchan_listen_end(c);
	vchan_connect_end(c);
	vchan_unwatch(c, &c->fd);
	c->step = VCHAN_STEP_FAILED;
	c->error = error;
	c->changed = true;
	/* In the place of the socket something that shows who polls that there is news. */
	c->fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->fd >= 0)
		vchan_watch(c, c->fd, EPOLLIN | EPOLLET);
}

/* Asks for a buffer of the size; an unprivileged process gets as much as the system allows. */
static void
set_send_buffer(struct libvchan *c)
{
	size_t wanted =
		c->write_min < SEND_BUFFER_MAX_BYTES / 4 ? c->write_min * 4 : SEND_BUFFER_MAX_BYTES;
	int half, granted = 0;
	socklen_t size = sizeof(granted);

	if (wanted < SEND_BUFFER_BYTES)
		wanted = SEND_BUFFER_BYTES;
	half = (int)(wanted / 2); /* the kernel doubles what it is told */
	if (setsockopt(c->fd, SOL_SOCKET, SO_SNDBUFFORCE, &half, sizeof(half)) < 0)
		setsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &half, sizeof(half));
	if (getsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &granted, &size) == 0 && granted > 0)
		c->write_limit = (unsigned int)granted;
}

void
vchan_adopt(struct libvchan *c, int fd)
{
	int result;

	c->fd = fd;
	vchan_connect_end(c);
	set_send_buffer(c);
	/* A new socket has room: with EPOLLOUT the new state shows to who polls. */
	result = vchan_watch(c, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
	if (result < 0) {
		vchan_fail(c, result);
		return;
	}
	c->room_watched = true;
	c->step = VCHAN_STEP_JOINED;
	c->changed = true;
}

static int
state_of(const struct libvchan *c)
{
	if (c->step == VCHAN_STEP_FAILED)
		return c->error;
	if (c->step == VCHAN_STEP_JOINED)
		return c->lost ? -ECONNRESET : VCHAN_CONNECTED;
	return VCHAN_WAITING;
}

int
vchan_advance(libvchan_t *c)
{
	if (c->step == VCHAN_STEP_LISTENING)
		vchan_listen_step(c);
	if (c->step == VCHAN_STEP_CONNECTING)
		vchan_connect_step(c);
	if (c->step == VCHAN_STEP_REQUESTED)
		vchan_request_step(c);
	return state_of(c);
}

/* Ends what is under way, in any state, and frees. */
static void
destroy(struct libvchan *c)
{
	vchan_listen_end(c);
	vchan_connect_end(c);
	/* Disconnects also where a child of a fork() still holds the socket. */
	if (c->step == VCHAN_STEP_JOINED && c->fd >= 0)
		shutdown(c->fd, SHUT_RDWR);
	vchan_unwatch(c, &c->fd);
	if (c->epoll_fd >= 0)
		close(c->epoll_fd);
	free(c->path);
	free(c);
}

static int
begin(struct libvchan *c, const struct vchan_config *config)
{
	int result;

	if (config->domain < 0 || config->port < 0)
		return -EINVAL;
	c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (c->epoll_fd < 0)
		return -errno;
	result = vchan_choose_transport(c, config);
	if (result == 0 && !c->link)
		result = vchan_choose_path(c, config->socket_dir);
	if (result < 0)
		return result;
	if (c->server && !c->link)
		return vchan_listen_begin(c);
	return vchan_connect_begin(c);
}

libvchan_t *
vchan_create(const struct vchan_config *config)
{
	struct libvchan *c = calloc(1, sizeof(*c));
	int result;

	if (c == NULL)
		return NULL;
	*c = (struct libvchan){
		.blocking = true,
		.server = config->server,
		.own_domain = config->own_domain < 0 ? LINK_LOCAL_DOMAIN_SELF
						     : (uint32_t)config->own_domain,
		.peer_domain = (uint32_t)config->domain,
		.port = config->port,
		.read_min = config->read_min,
		.write_min = config->write_min,
		.rings = config->rings,
		.epoll_fd = -1,
		.fd = -1,
		.timer_fd = -1,
		.inotify_fd = -1,
	};
	result = begin(c, config);
	if (result == 0) {
		result = vchan_advance(c);
		if (result > 0)
			return c;
	}
	destroy(c);
	errno = -result;
	return NULL;
}

static long long
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int
vchan_wait_connected(libvchan_t *c, int timeout_ms)
{
	long long deadline = timeout_ms < 0 ? 0 : now_ms() + timeout_ms;
	int state;

	while ((state = vchan_advance(c)) == VCHAN_WAITING) {
		struct pollfd waiting = {.fd = c->epoll_fd, .events = POLLIN};
		long long left_ms = timeout_ms < 0 ? -1 : deadline - now_ms();
		struct epoll_event events[4];

		if (timeout_ms >= 0 && left_ms <= 0)
			return -ETIMEDOUT;
		if (poll(&waiting, 1, (int)left_ms) < 0 && errno != EINTR)
			return -errno;
		/* Only to take note of edges; vchan_advance() looks at the descriptors. */
		epoll_wait(c->epoll_fd, events, 4, 0);
	}
	return state < 0 ? state : 0;
}

libvchan_t *
vchan_client_connect(int domain, int port, int timeout_ms)
{
	struct vchan_config config = VCHAN_CONFIG_INIT;
	libvchan_t *c;
	int result;

	config.domain = domain;
	config.port = port;
	c = vchan_create(&config);
	if (c == NULL)
		return NULL;
	result = vchan_wait_connected(c, timeout_ms);
	if (result == 0)
		return c;
	destroy(c);
	errno = -result;
	return NULL;
}

libvchan_t *
libvchan_server_init(int domain, int port, size_t read_min, size_t write_min)
{
	struct vchan_config config = VCHAN_CONFIG_INIT;

	config.server = true;
	config.domain = domain;
	config.port = port;
	config.read_min = read_min;
	config.write_min = write_min;
	return vchan_create(&config);
}

libvchan_t *
libvchan_client_init(int domain, int port)
{
	return vchan_client_connect(domain, port, -1);
}

libvchan_t *
libvchan_client_init_async(int domain, int port, EVTCHN *watch_fd)
{
	struct vchan_config config = VCHAN_CONFIG_INIT;
	libvchan_t *c;

	config.domain = domain;
	config.port = port;
	c = vchan_create(&config);
	if (c != NULL)
		*watch_fd = c->epoll_fd;
	return c;
}

int
libvchan_client_init_async_finish(libvchan_t *c, bool blocking)
{
	struct epoll_event events[4];
	int state;

	epoll_wait(c->epoll_fd, events, 4, 0);
	state = vchan_advance(c);
	if (state == VCHAN_WAITING)
		return 1;
	c->blocking = blocking;
	if (state == VCHAN_CONNECTED)
		return 0;
	errno = -state;
	return -1;
}

void
libvchan_set_blocking(libvchan_t *c, bool blocking)
{
	c->blocking = blocking;
}

void
libvchan_close(libvchan_t *c)
{
	if (c != NULL)
		destroy(c);
}

bool
vchan_is_over_link(const libvchan_t *c)
{
	return c->link;
}

bool
vchan_may_ring(const libvchan_t *c)
{
	return c->rings_asked;
}

int
vchan_data_fd(const libvchan_t *c)
{
	return c->step == VCHAN_STEP_JOINED ? c->fd : -1;
}

int
vchan_detach(libvchan_t *c)
{
	int fd = vchan_data_fd(c);

	if (fd < 0)
		return -1;
	c->fd = -1;
	destroy(c);
	return fd;
}
