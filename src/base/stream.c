/*
 * Buffered non-blocking streams; see stream.h. Reads stop while paused; a write that does not fit
 * into the kernel waits in `out` for EPOLLOUT.
 */
#include "base/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/socket.h"

#define STREAM_READ_SIZE 65536

struct stream {
	int fd;
	struct loop_fd *source;
	struct buf in, out;
	const struct stream_handler *handler;
	void *data;
	bool paused;
	bool ended;           /* handle_end was called; nothing is read any more */
	bool broken;          /* nothing can be written any more */
	bool shutdown_wanted; /* half-close once `out` is empty */
	bool closing;         /* destroy once `out` is empty; no callbacks */
	bool *destroyed_flag; /* set when destroyed within a callback of ours */
};

static void
update_events(struct stream *s)
{
	uint32_t events = 0;

	if (!s->paused && !s->ended && !s->closing)
		events |= EPOLLIN;
	if (buf_len(&s->out) > 0 && !s->broken)
		events |= EPOLLOUT;
	/* Without a wish there is no source, or a hang-up would be reported without end. */
	if (events == 0) {
		loop_fd_set_events(s->source, EPOLLET);
		return;
	}
	loop_fd_set_events(s->source, events);
}

static void
end(struct stream *s, int error)
{
	if (s->ended || s->closing)
		return;
	s->ended = true;
	update_events(s);
	s->handler->handle_end(s, error, s->data);
}

/* Writes what the kernel takes. False when the stream was destroyed. */
static bool
flush(struct stream *s)
{
	bool had_output = buf_len(&s->out) > 0;

	while (buf_len(&s->out) > 0 && !s->broken) {
		ssize_t count = send(s->fd, buf_data(&s->out), buf_len(&s->out), MSG_NOSIGNAL);

		if (count < 0 && errno == ENOTSOCK)
			count = write(s->fd, buf_data(&s->out), buf_len(&s->out));
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0 && errno == EAGAIN)
			return true;
		if (count < 0) {
			s->broken = true;
			buf_clear(&s->out);
			break;
		}
		buf_consume(&s->out, (size_t)count);
	}
	if (s->closing) {
		stream_destroy(s);
		return false;
	}
	if (s->shutdown_wanted) {
		s->shutdown_wanted = false;
		shutdown(s->fd, SHUT_WR);
	}
	if (had_output && !s->broken && s->handler->handle_flushed != NULL) {
		bool destroyed = false;

		s->destroyed_flag = &destroyed;
		s->handler->handle_flushed(s, s->data);
		if (destroyed)
			return false;
		s->destroyed_flag = NULL;
	}
	return true;
}

/* Reads once and hands over. False when the stream was destroyed. */
static bool
take_input(struct stream *s)
{
	ssize_t count = buf_read_fd(&s->in, s->fd, STREAM_READ_SIZE);
	bool destroyed = false;

	if (count == -EAGAIN)
		return true;
	s->destroyed_flag = &destroyed;
	if (count > 0)
		s->handler->handle_data(s, &s->in, s->data);
	else
		end(s, (int)count);
	if (destroyed)
		return false;
	s->destroyed_flag = NULL;
	return true;
}

static void
handle_events(struct loop_fd *source, uint32_t events, void *data)
{
	struct stream *s = data;
	bool wants_input = !s->paused && !s->ended && !s->closing;

	(void)source;
	if ((events & EPOLLOUT) != 0 || ((events & EPOLLERR) != 0 && buf_len(&s->out) > 0)) {
		if (!flush(s))
			return;
	}
	if (wants_input && (events & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP)) != 0) {
		if (!take_input(s))
			return;
	}
	update_events(s);
}

struct stream *
stream_create(struct loop *loop, int fd, size_t in_max, size_t out_max,
	const struct stream_handler *handler, void *data)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	*s = (struct stream){.fd = fd, .handler = handler, .data = data};
	buf_init(&s->in, in_max);
	buf_init(&s->out, out_max);
	if (fd_set_nonblocking(fd, 1) == 0)
		s->source = loop_fd_create(loop, fd, EPOLLIN, handle_events, s);
	if (s->source == NULL) {
		free(s);
		return NULL;
	}
	return s;
}

void
stream_destroy(struct stream *s)
{
	if (s == NULL)
		return;
	if (s->destroyed_flag != NULL)
		*s->destroyed_flag = true;
	loop_fd_destroy(s->source);
	close(s->fd);
	buf_finish(&s->in);
	buf_finish(&s->out);
	free(s);
}

int
stream_fd(const struct stream *s)
{
	return s->fd;
}

struct buf *
stream_in(struct stream *s)
{
	return &s->in;
}

int
stream_send(struct stream *s, const void *data, size_t size)
{
	const uint8_t *bytes = data;
	ssize_t count = 0;
	int result;

	if (s->broken)
		return -EPIPE;
	if (size > buf_room(&s->out))
		return -ENOBUFS;
	/* Nothing waits: the kernel can have it directly, without a copy. */
	if (buf_len(&s->out) == 0) {
		count = send(s->fd, bytes, size, MSG_NOSIGNAL);
		if (count < 0 && errno == ENOTSOCK)
			count = write(s->fd, bytes, size);
		if (count < 0 && errno != EAGAIN && errno != EINTR) {
			s->broken = true;
			return -EPIPE;
		}
		if (count < 0)
			count = 0;
	}
	if ((size_t)count == size)
		return 0;
	result = buf_put(&s->out, bytes + count, size - (size_t)count);
	update_events(s);
	return result;
}

size_t
stream_pending(const struct stream *s)
{
	return buf_len(&s->out);
}

size_t
stream_send_room(const struct stream *s)
{
	return buf_room(&s->out);
}

void
stream_pause(struct stream *s)
{
	s->paused = true;
	update_events(s);
}

void
stream_resume(struct stream *s)
{
	s->paused = false;
	update_events(s);
}

void
stream_shutdown_write(struct stream *s)
{
	if (buf_len(&s->out) == 0)
		shutdown(s->fd, SHUT_WR);
	else
		s->shutdown_wanted = true;
}

void
stream_close_after_flush(struct stream *s)
{
	if (buf_len(&s->out) == 0 || s->broken) {
		stream_destroy(s);
		return;
	}
	s->closing = true;
	update_events(s);
}
