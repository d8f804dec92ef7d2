/* A program's end of a joined channel; see vchan_stream.h. The bytes are another domain's. */
#include "vchan/vchan_stream.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/socket.h"

#define BELLS_MAX 64 /* read at once */
#define LATE_READ_BYTES 65536
#define LATE_MAX_BYTES (4UL * 1024 * 1024) /* more than linkd's socket holds */

void
vchan_stream_init(struct vchan_stream *s, int fd, bool may_ring)
{
	*s = (struct vchan_stream){.fd = fd, .may_ring = may_ring};
	buf_init(&s->late, LATE_MAX_BYTES);
}

void
vchan_stream_finish(struct vchan_stream *s)
{
	same_processor_leave(&s->processor);
	ring_pair_destroy(s->rings);
	s->rings = NULL;
	buf_finish(&s->late);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

/*
 * A bell that does not fit is one of many that were not heard yet. Where linkd has left, reading
 * will find the end, after what may still lie in the socket.
 */
static void
ring_bell(struct vchan_stream *s)
{
	if (send(s->fd, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN)
		log_debug("vchan: nobody hears the bell");
}

static void
hear_bells(struct vchan_stream *s)
{
	char bells[BELLS_MAX];
	ssize_t count;

	/* Up to the end, should there be one: it makes no event of its own. */
	do
		count = recv(s->fd, bells, sizeof(bells), MSG_DONTWAIT);
	while (count > 0 || (count < 0 && errno == EINTR));
	if (count == 0 || errno != EAGAIN)
		s->gone = true;
}

/* Reads what linkd sent before it went over to the ring; false when there is no more now. */
static bool
take_late(struct vchan_stream *s)
{
	ssize_t count = buf_read_fd(&s->late, s->fd, LATE_READ_BYTES);
	size_t had = count > 0 ? (size_t)count : 0;
	ssize_t ours = ring_count_socket(&s->rings->to_program, &s->socket, had);

	if (count == 0 || (count < 0 && count != -EAGAIN) || ours < 0)
		s->gone = true;
	buf_trim(&s->late, had - (ours > 0 ? (size_t)ours : 0));
	return had > 0 && !s->gone && !ring_is_next(&s->socket);
}

void
vchan_stream_hear(struct vchan_stream *s)
{
	if (s->rings == NULL || s->gone)
		return;
	while (!ring_is_next(&s->socket) && take_late(s))
		;
	if (ring_is_next(&s->socket))
		hear_bells(s);
}

/* From here on what we write goes through memory. Who can not ring bells has to decline. */
static int
take_rings(struct vchan_stream *s, int fd)
{
	if (s->shut || s->rings != NULL)
		return 0;
	s->rings = ring_pair_attach(fd);
	if (s->rings == NULL)
		return -errno;
	same_processor_stay(
		&s->processor, (int)atomic_load(&s->rings->to_program.control->processor) - 1);
	ring_begin(&s->rings->from_program, s->sent);
	ring_bell(s);
	return 0;
}

/* From the socket. The rings come with a byte of their own, the last of those that are read. */
static ssize_t
read_socket(struct vchan_stream *s, void *data, size_t size)
{
	AUTO_FD int fd = -1;
	ssize_t count;
	int e = 0;

	if (!s->may_ring) {
		do
			count = recv(s->fd, data, size, MSG_DONTWAIT);
		while (count < 0 && errno == EINTR);
		return count < 0 ? -errno : count;
	}
	count = socket_receive_fd(s->fd, data, size, &fd);
	if (fd >= 0) {
		count--;
		e = take_rings(s, fd);
	}
	if (e < 0)
		return e;
	s->socket.taken += count > 0 ? (uint64_t)count : 0;
	return count == 0 && fd >= 0 ? -EAGAIN : count;
}

/* The next bytes that came by ring. */
static ssize_t
look(struct vchan_stream *s, const uint8_t **ret_bytes)
{
	struct ring *ring = &s->rings->to_program;

	for (;;) {
		bool ended = s->gone || ring_has_ended(ring);
		ssize_t held = ring_held(ring, ret_bytes);

		if (held != 0 || ended)
			return held;
		vchan_stream_hear(s);
		if (!s->gone && ring_await_bytes(ring))
			return -EAGAIN;
	}
}

ssize_t
vchan_stream_look(struct vchan_stream *s, const uint8_t **ret_bytes)
{
	return vchan_stream_has_rings(s) ? look(s, ret_bytes) : -EOPNOTSUPP;
}

void
vchan_stream_took(struct vchan_stream *s, size_t size)
{
	if (ring_taken(&s->rings->to_program, size))
		ring_bell(s);
}

ssize_t
vchan_stream_read(struct vchan_stream *s, void *data, size_t size)
{
	bool wake;
	ssize_t count;
	const uint8_t *bytes;

	if (s->rings == NULL) {
		count = read_socket(s, data, size);
		if (count != -EAGAIN || s->rings == NULL)
			return count;
	}
	if (!ring_is_next(&s->socket))
		vchan_stream_hear(s);
	if (buf_len(&s->late) > 0) {
		count = (ssize_t)(buf_len(&s->late) < size ? buf_len(&s->late) : size);
		buf_get(&s->late, data, (size_t)count);
		return count;
	}
	if (!ring_is_next(&s->socket))
		return s->gone ? 0 : -EAGAIN;
	count = look(s, &bytes);
	if (count <= 0)
		return count;
	count = ring_read(&s->rings->to_program, data, size, &wake);
	if (wake)
		ring_bell(s);
	return count;
}

ssize_t
vchan_stream_room(struct vchan_stream *s, size_t least, uint8_t **ret_place)
{
	struct ring *ring;

	if (s->rings == NULL)
		return -EOPNOTSUPP;
	ring = &s->rings->from_program;
	for (;;) {
		ssize_t room = ring_room(ring, ret_place);

		if (s->gone)
			return -EPIPE;
		if (room < 0 || room >= (ssize_t)least)
			return room;
		if (ring_await_room(ring))
			return -EAGAIN;
	}
}

void
vchan_stream_put(struct vchan_stream *s, size_t size)
{
	if (ring_written(&s->rings->from_program, size))
		ring_bell(s);
}

ssize_t
vchan_stream_write(struct vchan_stream *s, const void *data, size_t size)
{
	uint8_t *place;
	ssize_t count;
	bool wake;

	if (s->rings == NULL) {
		do
			count = send(s->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
		while (count < 0 && errno == EINTR);
		if (count < 0)
			return -errno;
		s->sent += (uint64_t)count;
		return count;
	}
	count = vchan_stream_room(s, 1, &place);
	if (count <= 0)
		return count;
	count = ring_write(&s->rings->from_program, data, size, &wake);
	if (wake)
		ring_bell(s);
	return count;
}

int
vchan_stream_shutdown_write(struct vchan_stream *s)
{
	s->shut = true;
	if (s->rings == NULL)
		return shutdown(s->fd, SHUT_WR) < 0 ? -errno : 0;
	/* The socket stays open both ways: it carries the bells. */
	if (ring_end(&s->rings->from_program))
		ring_bell(s);
	return 0;
}

bool
vchan_stream_sleeps(const struct vchan_stream *s, bool reads, bool writes, short *ret_events)
{
	*ret_events = (short)((reads ? POLLIN : 0) | (writes ? POLLOUT : 0));
	if (s->rings == NULL)
		return true;
	*ret_events = s->gone ? 0 : POLLIN;
	if (s->gone && (reads || writes))
		return false;
	if (reads && (buf_len(&s->late) > 0 || (ring_is_next(&s->socket) &&
						       !ring_await_bytes(&s->rings->to_program))))
		return false;
	return !writes || ring_await_room(&s->rings->from_program);
}
