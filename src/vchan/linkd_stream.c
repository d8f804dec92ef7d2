/*
 * The bytes of a joined program: from its socket right into the frame that goes to the port, and
 * from the port's input right to its socket. What the program does not take waits in a queue
 * that is never longer than the window that the peer was given.
 *
 * Sockets are watched for edges, so that a busy stream costs no system call beyond its reads and
 * writes: a stream is in the line of those that have something to send until a read finds
 * nothing more.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "vchan/linkd.h"

#define EVENTS (EPOLLIN | EPOLLRDHUP | EPOLLET)

void
linkd_stream_begin(struct linkd_local *l)
{
	/* What the program may have written before this was no event that counted. */
	link_stream_set_ready(l->stream);
	loop_deferred_schedule(l->linkd->work);
}

/* Tells the program that the peer ends, now that it has everything before that. */
static void
pass_on_end(struct linkd_local *l)
{
	if (l->state == LOCAL_DRAINING) {
		linkd_local_destroy(l);
		return;
	}
	if (!l->output_ended)
		return;
	if (l->rings != NULL)
		linkd_ring_end_output(l);
	else
		shutdown(l->fd, SHUT_WR);
	if (l->input_ended)
		linkd_local_destroy(l); /* ended both ways */
}

/* Gives credit for bytes that left us one way or the other. */
static void
give_back(struct linkd_local *l, size_t size)
{
	if (l->stream != NULL && size > 0)
		link_stream_consumed(l->stream, size);
}

/* Writes what the program takes; the rest of the bytes remain. Returns how many are done with. */
static size_t
write_to_program(struct linkd_local *l, const uint8_t *bytes, size_t size)
{
	ssize_t count;

	if (l->hung_up)
		return size; /* nobody is there to read them */
	if (l->ring_sends) {
		count = linkd_ring_send(l, bytes, size);
		return count < 0 ? size : (size_t)count;
	}
	do
		count = send(l->fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (count < 0 && errno == EINTR);
	if (count >= 0) {
		l->socket_sent += (uint64_t)count;
		return (size_t)count;
	}
	return errno == EAGAIN ? 0 : size;
}

static void
flush_queue(struct linkd_local *l)
{
	size_t count;

	if (buf_len(&l->queue) == 0)
		return;
	count = write_to_program(l, buf_data(&l->queue), buf_len(&l->queue));
	buf_consume(&l->queue, count);
	give_back(l, count);
	loop_deferred_schedule(l->linkd->work); /* for the credit to go out */
	if (buf_len(&l->queue) > 0)
		return;
	loop_fd_set_events(l->source, EVENTS);
	buf_finish(&l->queue); /* a program that was slow once keeps no memory */
	linkd_ring_count(l, 0);
	pass_on_end(l);
}

void
linkd_stream_note_end(struct linkd_local *l, uint32_t events)
{
	if ((events & (EPOLLHUP | EPOLLERR)) != 0)
		l->hung_up = true;
	if ((events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) != 0)
		l->end_seen = true;
}

void
linkd_stream_handle_event(struct linkd_local *l, uint32_t events)
{
	linkd_stream_note_end(l, events);
	if (l->state == LOCAL_DRAINING && l->hung_up) {
		linkd_local_destroy(l);
		return;
	}
	if (l->stream != NULL && (l->end_seen || (events & EPOLLIN) != 0)) {
		link_stream_set_ready(l->stream);
		loop_deferred_schedule(l->linkd->work);
	}
	if (l->input_ended && l->hung_up) {
		linkd_local_destroy(l); /* half-closed before, now altogether */
		return;
	}
	if (l->rings != NULL)
		linkd_ring_handle_event(l);
	flush_queue(l);
}

/* From its ring or its socket; a count, or a negative errno. */
static ssize_t
read_from_program(struct linkd_local *l, void *place, size_t size)
{
	ssize_t count;

	if (l->rings != NULL)
		return linkd_ring_receive(l, place, size);
	do
		count = read(l->fd, place, size);
	while (count < 0 && errno == EINTR);
	if (count < 0)
		return -errno;
	l->socket.taken += (uint64_t)count;
	return count;
}

/* The program will send no more. */
static void
end_input(struct linkd_local *l)
{
	l->input_ended = true;
	if (l->hung_up || (l->output_ended && buf_len(&l->queue) == 0)) {
		linkd_local_destroy(l);
		return;
	}
	link_stream_shutdown(l->stream);
	if (l->rings == NULL)
		return;
	if (l->ring_sends) {
		flush_queue(l); /* as below */
		return;
	}
	linkd_ring_finish(l); /* declined */
	if (l->output_ended && buf_len(&l->queue) == 0)
		pass_on_end(l);
}

static void
abort_input(struct linkd_local *l, int error)
{
	log_debug("local stream: port %u: %s", l->request.port, strerror(error));
	link_stream_close(l->stream, LINK_REASON_ABORTED);
	l->stream = NULL;
	linkd_local_destroy(l);
}

void
linkd_stream_fill(struct linkd_local *l)
{
	size_t size = 0;
	void *place = link_stream_reserve(l->stream, &size);
	ssize_t count;

	if (place == NULL) {
		abort_input(l, ENOMEM);
		return;
	}
	count = read_from_program(l, place, size);
	link_stream_commit(l->stream, count > 0 ? (size_t)count : 0);
	if (count == 0 || count == -ECONNRESET) {
		end_input(l); /* a reset tells only that the program left bytes of ours unread */
		return;
	}
	if (count < 0 && count != -EAGAIN) {
		abort_input(l, (int)-count);
		return;
	}
	if (count > 0) {
		/* A short read emptied the socket; more makes an event, but an end already did. */
		if ((size_t)count == size || l->end_seen || l->rings != NULL)
			link_stream_set_ready(l->stream);
		linkd_ring_count(l, (size_t)count);
	}
	if (l->rings != NULL)
		flush_queue(l); /* a bell heard here makes no event, and may have meant room */
}

void
linkd_stream_handle_data(struct link_stream *s, const uint8_t *bytes, size_t size, void *data)
{
	struct linkd_local *l = link_stream_user(s);
	size_t count = 0;

	(void)data;
	if (buf_len(&l->queue) == 0)
		count = write_to_program(l, bytes, size);
	if (count < size) {
		if (buf_put(&l->queue, bytes + count, size - count) < 0) {
			abort_input(l, ENOBUFS);
			return;
		}
		if (!l->ring_sends)
			loop_fd_set_events(l->source, EVENTS | EPOLLOUT);
	}
	give_back(l, count);
	linkd_ring_count(l, size);
}

void
linkd_stream_handle_shutdown(struct link_stream *s, void *data)
{
	struct linkd_local *l = link_stream_user(s);

	(void)data;
	l->output_ended = true;
	if (buf_len(&l->queue) == 0)
		pass_on_end(l);
}

void
linkd_stream_handle_close(struct link_stream *s, enum link_reason reason, void *data)
{
	struct linkd_local *l = link_stream_user(s);

	if (l == NULL || l->state != LOCAL_JOINED) {
		linkd_local_handle_refusal(data, s, l, reason);
		return;
	}
	l->stream = NULL;
	l->state = LOCAL_DRAINING;
	if (buf_len(&l->queue) == 0 || l->hung_up)
		linkd_local_destroy(l);
}
