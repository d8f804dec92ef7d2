/*
 * Moving much data of a call between a local descriptor and the rings of its channel
 * (vchan/vchan_stream.h): read right into the one, written right out of the other. What is in the
 * ring may change until it has been taken: only payload is passed on from there, headers are
 * copied before they are looked at.
 */
#include <errno.h>

#include "qrexec/common/data_pump.h"

#define TURN_STEPS 16 /* then others have their turn */
#define ROOM_MIN (QREXEC_HEADER_BYTES + 4096)

static bool
passes_directly(const struct pump *p)
{
	return p->sink.fd >= 0 && !p->io->filter_output && buf_len(&p->channel->in) == 0;
}

/* Writes to the sink what lies in the ring of a payload whose header was taken. */
static int
write_payload(struct pump *p, size_t left)
{
	struct vchan_stream *stream = &p->channel->stream;
	const uint8_t *bytes;
	ssize_t n = vchan_stream_look(stream, &bytes);

	if (n == 0)
		p->channel->in_ended = true;
	if (n <= 0)
		return (int)n;
	n = local_end_write(&p->sink, bytes, (size_t)n < left ? (size_t)n : left);
	if (n == -EAGAIN)
		p->blocked = &p->sink;
	else if (n == -EPIPE)
		pump_break_sink(p); /* what comes is dropped, the ordinary way */
	if (n == -EAGAIN || n == -EPIPE)
		return 0;
	if (n < 0)
		return (int)n;
	vchan_stream_took(stream, (size_t)n);
	data_receiver_take(&p->receiver, (size_t)n);
	if ((size_t)n >= QREXEC_CHUNK_BYTES / 2)
		local_end_grow(&p->sink);
	return 0;
}

static int
step_in(struct pump *p)
{
	size_t left = data_receiver_payload_left(&p->receiver);
	size_t size = DATA_BUFFER_BYTES - buf_len(&p->channel->in);
	int e;

	if (passes_directly(p)) {
		if (left > 0)
			return write_payload(p, left);
		/* A header alone, so that the payload stays where it can be written from. */
		if (!data_receiver_in_frame(&p->receiver))
			size = QREXEC_HEADER_BYTES;
	}
	e = data_channel_receive(p->channel, size);
	return e < 0 ? e : pump_pass_on(p);
}

int
pump_receive_by_ring(struct pump *p)
{
	int e = 0;

	for (int i = 0; i < TURN_STEPS && e == 0 && pump_wants_channel(p); i++)
		e = step_in(p);
	return e == -EAGAIN ? 0 : e;
}

bool
pump_sends_by_ring(struct pump *p, uint8_t **ret_place, size_t *ret_room)
{
	ssize_t room = vchan_stream_room(&p->channel->stream, ROOM_MIN, ret_place);

	if (room < (ssize_t)ROOM_MIN)
		return false;
	*ret_room = (size_t)room;
	return true;
}
