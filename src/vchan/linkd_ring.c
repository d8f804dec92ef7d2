/*
 * Rings between vchan-linkd and a program of the same qube (ring.h): offered to a stream that has
 * moved so much that the cost of a socket counts, to programs that said they can use them. Runs in
 * a qube only; the programs are of any user, and can do no more here than with the socket.
 *
 * The program accepts them by beginning to use its own, or not: one that has half-closed its
 * socket can not ring any bell. linkd begins with the other one when it sees that.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/socket.h"
#include "vchan/linkd.h"

#define RING_AFTER_BYTES (256UL * 1024)
#define BELLS_MAX 64
#define BELL_READS_MAX 256 /* more than a socket can hold: who rings on is not listened to */

/* At the end of the turn: until then more may come that the program need not be woken for. */
static void
ring_bell(struct linkd_local *l)
{
	if (list_empty(&l->bell_link))
		list_append(&l->linkd->bells, &l->bell_link);
	loop_deferred_schedule(l->linkd->work);
}

void
linkd_ring_bells(struct linkd *d)
{
	struct linkd_local *l, *following;

	list_for_each_safe (l, following, &d->bells, bell_link) {
		list_remove(&l->bell_link);
		/* One that does not fit is one of many that were not heard yet. */
		if (send(l->fd, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN)
			log_debug("local stream: port %u: gone", l->request.port);
	}
}

static bool
may_offer(const struct linkd_local *l)
{
	return l->request.rings && l->rings == NULL && l->state == LOCAL_JOINED && !l->granted &&
	       l->linkd->config.role == LINK_ROLE_QUBE && l->linkd->ring_count < LINKD_RINGS_MAX &&
	       !l->end_seen && !l->input_ended && !l->output_ended && buf_len(&l->queue) == 0;
}

/* One stream that carries much: its program comes to our processor. More of them spread out. */
static void
share_processor(struct linkd_local *l)
{
	struct linkd *d = l->linkd;
	int here = same_processor_here();

	if (d->ring_count > 0 || here < 0) {
		same_processor_leave(&d->processor);
		return;
	}
	same_processor_stay(&d->processor, here);
	atomic_store(&l->rings->to_program.control->processor, (uint32_t)here + 1);
}

void
linkd_ring_count(struct linkd_local *l, size_t size)
{
	AUTO_FD int fd = -1;

	l->moved += size;
	if (l->moved < RING_AFTER_BYTES || !may_offer(l))
		return;
	l->moved = 0; /* for another try, should this one fail */
	l->rings = ring_pair_create(&fd);
	if (l->rings == NULL)
		return;
	share_processor(l);
	l->linkd->ring_count++;
	if (socket_send_fd(l->fd, "", 1, fd) != 1)
		linkd_ring_finish(l);
}

void
linkd_ring_finish(struct linkd_local *l)
{
	if (l->rings == NULL)
		return;
	list_remove(&l->bell_link);
	ring_pair_destroy(l->rings);
	l->rings = NULL;
	if (--l->linkd->ring_count == 0)
		same_processor_leave(&l->linkd->processor);
}

/* To the program */

ssize_t
linkd_ring_send(struct linkd_local *l, const uint8_t *bytes, size_t size)
{
	struct ring *ring = &l->rings->to_program;
	size_t done = 0;

	while (done < size) {
		bool wake;
		ssize_t count = ring_write(ring, bytes + done, size - done, &wake);

		if (wake)
			ring_bell(l);
		if (count < 0)
			return count;
		done += (size_t)count;
		if (count == 0 && ring_await_room(ring))
			break;
	}
	return (ssize_t)done;
}

void
linkd_ring_end_output(struct linkd_local *l)
{
	/* While the program has not decided, its socket has to stay open for our bells. */
	if (l->ring_sends && ring_end(&l->rings->to_program))
		ring_bell(l);
}

/* The program has accepted the rings: it gets what follows by its own. */
static void
go_over(struct linkd_local *l)
{
	if (l->ring_sends)
		return;
	l->ring_sends = true;
	ring_begin(&l->rings->to_program, l->socket_sent);
	ring_bell(l);
	if (l->output_ended && buf_len(&l->queue) == 0)
		linkd_ring_end_output(l);
}

/* From the program */

static void
hear_bells(struct linkd_local *l)
{
	char bells[BELLS_MAX];
	ssize_t count = 1;

	/* Up to the end, should there be one: it makes no event of its own. */
	for (int i = 0; i < BELL_READS_MAX && count > 0; i++)
		count = recv(l->fd, bells, sizeof(bells), MSG_DONTWAIT);
	if (count >= 0 || (errno != EAGAIN && errno != EINTR))
		l->bells_ended = true;
}

void
linkd_ring_handle_event(struct linkd_local *l)
{
	if (!l->socket.begun && ring_count_socket(&l->rings->from_program, &l->socket, 0) >= 0 &&
		l->socket.begun)
		go_over(l);
	/* Where nobody reads any more, the bells are all that comes. */
	if (l->stream == NULL || l->input_ended)
		hear_bells(l);
}

static ssize_t
receive_by_socket(struct linkd_local *l, uint8_t *place, size_t size)
{
	ssize_t count, ours;
	int e;

	do
		count = recv(l->fd, place, size, MSG_DONTWAIT);
	while (count < 0 && errno == EINTR);
	e = count < 0 ? -errno : 0;
	ours = ring_count_socket(
		&l->rings->from_program, &l->socket, count > 0 ? (size_t)count : 0);
	if (count == 0 || e == -ECONNRESET)
		l->bells_ended = true;
	if (l->socket.begun)
		go_over(l);
	if (ours != 0 || ring_is_next(&l->socket))
		return ours;
	return e == -ECONNRESET ? 0 : e;
}

static ssize_t
receive_by_ring(struct linkd_local *l, uint8_t *place, size_t size)
{
	struct ring *ring = &l->rings->from_program;

	for (;;) {
		bool wake, ended = l->bells_ended || ring_has_ended(ring);
		ssize_t count = ring_read(ring, place, size, &wake);

		if (wake)
			ring_bell(l);
		if (count != 0 || ended)
			return count;
		hear_bells(l);
		if (!l->bells_ended && ring_await_bytes(ring))
			return -EAGAIN;
	}
}

ssize_t
linkd_ring_receive(struct linkd_local *l, uint8_t *place, size_t size)
{
	ssize_t count;

	if (!ring_is_next(&l->socket)) {
		count = receive_by_socket(l, place, size);
		if (count != 0 || !ring_is_next(&l->socket))
			return count;
	}
	return receive_by_ring(l, place, size);
}
