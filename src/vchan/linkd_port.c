/*
 * The port of vchan-linkd. In a qube it is a virtio-serial device, found by its name: reading it
 * while nobody holds the host's end returns 0, which is no end of file, and writing it then would
 * wait for ever, so it is opened non-blocking and watched for edges only. On the host it is a
 * socket of QEMU, which shows nothing when the qube's end is closed or opened again; the
 * protocol's HELLO does.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "base/socket.h"
#include "base/text.h"
#include "vchan/linkd.h"

#define READ_MAX 65536
#define TURN_READS 64 /* then others have their turn */
#define TURN_WRITES 16

#define OPEN_PAUSE_MIN_MS 20
#define OPEN_PAUSE_MAX_MS 1000
#define GREETING_PAUSE_MS 5000
#define RESTART_DELAY_MIN_MS 100
#define RESTART_DELAY_MAX_MS 10000
#define STEADY_MS 10000 /* a session that lasted so long was a good one */
#define REPORT_PAUSE_MS 1000

/* EPOLLOUT only while a write had to wait: else each read of the peer would wake us up. */
#define EVENTS (EPOLLIN | EPOLLET)

#define PORT_NAME_MAX 64

/* Opening */

/* Whether /sys says that the device has the name. */
static bool
has_name(const char *directory, const char *device, const char *name)
{
	AUTO_FREE char *path = text_format("%s/%s/name", directory, device);
	AUTO_FREE char *text = NULL;

	if (read_file(path, PORT_NAME_MAX, &text, NULL, NULL) < 0)
		return false;
	text[strcspn(text, "\n")] = '\0';
	return text_equal(text, name);
}

static char *
find_device(const char *name)
{
	AUTO_FREE char *directory = root_path("/sys/class/virtio-ports");
	struct dirent *entry;
	char *found = NULL;
	DIR *listing = opendir(directory);

	if (listing == NULL)
		return NULL;
	while (found == NULL && (entry = readdir(listing)) != NULL) {
		if (entry->d_name[0] != '.' && has_name(directory, entry->d_name, name))
			found = root_path("/dev/%s", entry->d_name);
	}
	closedir(listing);
	return found;
}

static int
open_device(const char *name)
{
	AUTO_FREE char *path = find_device(name);
	int fd;

	if (path == NULL)
		return -ENOENT;
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int
connect_port(const char *path)
{
	AUTO_ERR struct err err = ERR_INIT;
	int fd = socket_connect(path, &err);

	return fd < 0 ? -err.code : fd;
}

static int
open_port(struct linkd *d)
{
	int fd;

	if (d->config.port_fd >= 0)
		return steal_fd(&d->config.port_fd);
	if (d->config.port_socket != NULL)
		fd = connect_port(d->config.port_socket);
	else if (d->config.port_name != NULL)
		fd = open_device(d->config.port_name);
	else
		fd = -ENODEV;
	return fd;
}

static void
handle_port_event(struct loop_fd *source, uint32_t events, void *data)
{
	struct linkd *d = data;

	if (d->config.role == LINK_ROLE_QUBE && d->config.port_name != NULL) {
		d->peer_absent = (events & EPOLLHUP) != 0;
		if (d->peer_absent && link_state(d->link) == LINK_UP)
			link_start(d->link); /* its streams are lost with the host's end */
	}
	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
		d->port_readable = true;
	if ((events & EPOLLOUT) != 0) {
		d->port_writable = true;
		loop_fd_set_events(source, EVENTS);
	}
	linkd_work(d);
}

static void
open_later(struct linkd *d)
{
	unsigned int pause_ms = OPEN_PAUSE_MIN_MS;

	if (d->open_attempts++ > 100)
		pause_ms = OPEN_PAUSE_MAX_MS;
	loop_timer_start(d->port_timer, pause_ms);
}

static void
try_open(struct linkd *d)
{
	int fd = open_port(d);

	if (fd < 0) {
		if (d->open_attempts == 0)
			log_info("port: not there yet: %s", strerror(-fd));
		open_later(d);
		return;
	}
	fd_set_nonblocking(fd, 1);
	d->port_fd = fd;
	d->port_source = loop_fd_create(d->loop, fd, EVENTS, handle_port_event, d);
	if (d->port_source == NULL)
		fatal("port: cannot be watched: %s", strerror(errno));
	d->open_attempts = 0;
	d->port_readable = d->port_writable = true;
	link_start(d->link);
	loop_deferred_schedule(d->work);
}

static void
handle_port_timer(struct loop_timer *timer, void *data)
{
	struct linkd *d = data;

	if (d->port_fd < 0) {
		try_open(d);
	} else if (link_state(d->link) != LINK_UP) {
		link_start(d->link);
		loop_timer_start(timer, GREETING_PAUSE_MS);
		loop_deferred_schedule(d->work);
	}
}

void
linkd_port_begin(struct linkd *d)
{
	d->port_timer = loop_timer_create(d->loop, handle_port_timer, d);
	if (d->port_timer == NULL)
		fatal("out of memory");
	try_open(d);
}

void
linkd_port_finish(struct linkd *d)
{
	loop_fd_destroy(d->port_source);
	loop_timer_destroy(d->port_timer);
	if (d->port_fd >= 0)
		close(d->port_fd);
}

/* The port itself is gone. One that was handed to us does not come back. */
static void
lose_port(struct linkd *d, const char *why)
{
	bool comes_back = d->config.port_socket != NULL || d->config.port_name != NULL;

	log_info("port: lost: %s", why);
	loop_fd_destroy(d->port_source);
	d->port_source = NULL;
	close(d->port_fd);
	d->port_fd = -1;
	d->port_readable = d->port_writable = false;
	link_start(d->link);
	if (comes_back)
		open_later(d);
	else
		loop_quit(d->loop, 0);
}

/* Sessions */

/* Not more than one line a second, however often the peer starts anew. */
static enum log_level
report_level(struct linkd *d, enum log_level level)
{
	uint64_t now = loop_now_ms();

	if (now - d->last_report_ms < REPORT_PAUSE_MS)
		return LOG_LEVEL_DEBUG;
	d->last_report_ms = now;
	return level;
}

static void
tell_ready(struct linkd *d)
{
	if (d->config.ready_fd < 0)
		return;
	if (write(d->config.ready_fd, "\n", 1) != 1)
		log_warning("ready descriptor: cannot write: %s", strerror(errno));
	close(d->config.ready_fd);
	d->config.ready_fd = -1;
}

void
linkd_port_handle_up(struct link *link, void *data)
{
	struct linkd *d = data;
	/* The other end says it too, and a qube's console is slow. */
	enum log_level level = d->config.role == LINK_ROLE_HOST ? report_level(d, LOG_LEVEL_INFO)
								: LOG_LEVEL_DEBUG;

	log_message(level, "link: up, domain %u", link_domain(link));
	d->up_since_ms = loop_now_ms();
	loop_timer_stop(d->port_timer);
	tell_ready(d);
	loop_deferred_schedule(d->work);
}

static void
restart_later(struct linkd *d, const char *violation)
{
	bool was_steady = d->up_since_ms != 0 && loop_now_ms() - d->up_since_ms > STEADY_MS;

	if (d->restart_delay_ms == 0 || was_steady)
		d->restart_delay_ms = RESTART_DELAY_MIN_MS;
	log_warning("link: protocol violation: %s; starting again in %u ms", violation,
		d->restart_delay_ms);
	loop_timer_start(d->port_timer, d->restart_delay_ms);
	if (d->restart_delay_ms < RESTART_DELAY_MAX_MS)
		d->restart_delay_ms *= 2;
}

void
linkd_port_handle_down(struct link *link, const char *violation, void *data)
{
	struct linkd *d = data;

	(void)link;
	linkd_grant_drop_all(d);
	if (violation != NULL) {
		restart_later(d, violation);
	} else {
		log_message(report_level(d, LOG_LEVEL_INFO), "link: down");
		/* Its HELLO should follow; should it have been lost, ours brings another. */
		loop_timer_start(d->port_timer, GREETING_PAUSE_MS);
	}
	d->up_since_ms = 0;
}

/* Bytes */

bool
linkd_port_read(struct linkd *d)
{
	for (int i = 0; d->port_readable && i < TURN_READS; i++) {
		ssize_t count = buf_read_fd(link_in(d->link), d->port_fd, READ_MAX);

		if (count > 0) {
			link_process(d->link);
		} else if (count == -EAGAIN || (count == 0 && d->config.port_name != NULL)) {
			/* From a device, 0 says only that nobody is at the host's end. */
			d->port_readable = false;
		} else {
			lose_port(d, count == 0 ? "closed" : strerror((int)-count));
		}
	}
	return d->port_readable;
}

/* Takes one frame from each program whose turn it is, as far as there is room. */
static void
collect_frames(struct linkd *d)
{
	struct link_stream *s;

	while ((s = link_next_ready(d->link)) != NULL)
		linkd_stream_fill(link_stream_user(s));
}

bool
linkd_port_write(struct linkd *d)
{
	struct buf *out = link_out(d->link);

	for (int i = 0; d->port_writable && i < TURN_WRITES; i++) {
		ssize_t count;

		collect_frames(d);
		if (buf_len(out) == 0)
			return false;
		count = buf_write_fd(out, d->port_fd);
		if (count == -EAGAIN) {
			d->port_writable = false;
			loop_fd_set_events(d->port_source, EVENTS | EPOLLOUT);
		} else if (count < 0) {
			lose_port(d, strerror((int)-count));
		}
	}
	return d->port_writable;
}
