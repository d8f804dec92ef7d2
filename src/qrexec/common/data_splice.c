/*
 * Moving much data between a pipe and the channel inside the kernel: a call that carries a large
 * file spends most of its time in copying, and these are the copies that can be saved. Small
 * data takes the ordinary way, which needs fewer system calls; and what may come by rings takes
 * those (data_ring.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "qrexec/common/data_pump.h"

/* Reads have filled the largest buffer: there is much to come. */
bool
pump_splices_out(const struct pump *p)
{
	return p->source.is_pipe && p->out_size == QREXEC_CHUNK_BYTES && !p->no_splice &&
	       !p->channel->stream.may_ring;
}

static int
open_pipe(struct data_channel *c)
{
	if (c->splice_fds[0] >= 0)
		return 0;
	return pipe2(c->splice_fds, O_CLOEXEC | O_NONBLOCK) < 0 ? -errno : 0;
}

/*
 * One frame. Its bytes are taken into a pipe of ours first: others may read from the source too,
 * and a header must not promise more than we have.
 */
ssize_t
pump_splice_out(struct pump *p, uint32_t type)
{
	struct data_channel *c = p->channel;
	bool guarded;
	ssize_t n;
	int e;

	if (open_pipe(c) < 0) {
		p->no_splice = true; /* out of descriptors: the ordinary way needs none */
		return -EAGAIN;
	}
	guarded = feeder_enter(p, &p->source);
	n = splice(p->source.fd, NULL, c->splice_fds[1], NULL, p->out_size, SPLICE_F_NONBLOCK);
	if (n < 0)
		n = errno == EINTR ? -EAGAIN : -errno;
	e = guarded ? feeder_leave(p) : 0;
	if (e < 0 || n < 0)
		return e < 0 ? e : n;
	if (n == 0)
		return 0;
	if ((e = qrexec_put_header(&c->out, type, (uint32_t)n)) < 0)
		return e;
	c->splice_left = (size_t)n;
	return n;
}

bool
pump_wants_splice_in(const struct pump *p)
{
	return p->sink.fd >= 0 && p->sink.is_pipe && !p->io->filter_output && !p->no_splice &&
	       p->in_size == DATA_BUFFER_BYTES && buf_len(&p->channel->in) == 0 &&
	       !p->channel->stream.may_ring;
}

bool
pump_splices_in(const struct pump *p)
{
	return pump_wants_splice_in(p) && data_receiver_payload_left(&p->receiver) > 0;
}

/* What is there of the payload whose header was read. */
ssize_t
pump_splice_in(struct pump *p)
{
	ssize_t n = splice(p->channel->stream.fd, NULL, p->sink.fd, NULL,
		data_receiver_payload_left(&p->receiver), SPLICE_F_NONBLOCK);

	if (n > 0)
		data_receiver_take(&p->receiver, (size_t)n);
	else if (n == 0)
		p->channel->in_ended = true;
	if (n >= 0)
		return n;
	switch (errno) {
	case EAGAIN:
		p->blocked = &p->sink; /* the channel was readable: it is the pipe that is full */
		return -EAGAIN;
	case EPIPE:
		pump_break_sink(p);
		return -EAGAIN;
	case ECONNRESET:
		p->channel->in_ended = true;
		return 0;
	case EINVAL:
		p->no_splice = true;
		return -EINVAL;
	default:
		return errno == EINTR ? -EAGAIN : -errno;
	}
}
