/*
 * A call's outgoing half: from stdin, or a program's stdout and stderr, to the channel. One data
 * frame at a time is under way; the local side is not read while the channel is full.
 */
#include <errno.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "qrexec/common/data_pump.h"

#define GROWTH 4

static uint32_t
output_type(const struct pump *p)
{
	return pump_is_service(p) ? QREXEC_DATA_STDOUT : QREXEC_DATA_STDIN;
}

static bool
prefix_left(const struct pump *p)
{
	return p->prefix_sent < p->io->prefix_size;
}

bool
pump_wants_source(const struct pump *p)
{
	return p->source.fd >= 0 && !data_channel_pending(p->channel) && !prefix_left(p);
}

bool
pump_wants_errors(const struct pump *p)
{
	return pump_is_service(p) && p->errors.fd >= 0 && !data_channel_pending(p->channel);
}

int
pump_flush(struct pump *p)
{
	int e = data_channel_flush(p->channel);

	return e == -EAGAIN ? 0 : e;
}

static void
store_header(uint8_t *at, uint32_t type, uint32_t length)
{
	for (int i = 0; i < 4; i++) {
		at[i] = (uint8_t)(type >> (8 * i));
		at[4 + i] = (uint8_t)(length >> (8 * i));
	}
}

/* Much has come when all that was asked for came: the pipe is then made large too. */
static ssize_t
read_local(struct pump *p, struct local_end *end, void *data, size_t size)
{
	bool guarded = feeder_enter(p, end);
	ssize_t n = local_end_read(end, data, size);
	int e;

	if (n == (ssize_t)size)
		local_end_grow(end);
	e = guarded ? feeder_leave(p) : 0;
	return e < 0 ? e : n;
}

/* The same, right into the ring, with its header before it. */
static ssize_t
read_to_ring(struct pump *p, struct local_end *end, uint32_t type, uint8_t *place, size_t room)
{
	size_t asked = room - QREXEC_HEADER_BYTES;
	ssize_t n;

	if (asked > p->receiver.chunk_max)
		asked = p->receiver.chunk_max;
	n = read_local(p, end, place + QREXEC_HEADER_BYTES, asked);
	if (n <= 0)
		return n;
	store_header(place, type, (uint32_t)n);
	vchan_stream_put(&p->channel->stream, QREXEC_HEADER_BYTES + (size_t)n);
	return n;
}

/*
 * Reads once and queues what came as one frame, in place. Returns the number of bytes, 0 at the
 * end of the stream, or a negative errno.
 */
static ssize_t
read_frame(struct pump *p, struct local_end *end, uint32_t type)
{
	struct buf *out = &p->channel->out;
	size_t asked = p->out_size;
	uint8_t *frame = buf_reserve(out, QREXEC_HEADER_BYTES + asked);
	ssize_t n;

	if (frame == NULL)
		return -ENOMEM;
	n = read_local(p, end, frame + QREXEC_HEADER_BYTES, asked);
	if (n <= 0) {
		buf_trim(out, QREXEC_HEADER_BYTES + asked);
		return n;
	}
	store_header(frame, type, (uint32_t)n);
	buf_trim(out, asked - (size_t)n);
	if ((size_t)n == asked && asked < p->receiver.chunk_max) {
		p->out_size = asked * GROWTH < p->receiver.chunk_max ? asked * GROWTH
								     : p->receiver.chunk_max;
	}
	return n;
}

void
pump_check_signal(struct pump *p)
{
	struct signalfd_siginfo info;

	if (p->io->switch_on_signal &&
		read(data_channel_signal_fd(), &info, sizeof(info)) == sizeof(info))
		p->switch_wanted = true;
}

/* The program's stdin, a socket, serves both directions from now on. */
static void
switch_source(struct pump *p)
{
	p->switch_wanted = false;
	if (p->source.fd < 0 || p->source.fd == p->io->sink_fd)
		return;
	pump_close_source(p);
	local_end_init(&p->source, p->io->sink_fd);
}

int
pump_read_source(struct pump *p)
{
	uint8_t *place;
	size_t room;
	ssize_t n;

	if (pump_sends_by_ring(p, &place, &room))
		n = read_to_ring(p, &p->source, output_type(p), place, room);
	else if (pump_splices_out(p))
		n = pump_splice_out(p, output_type(p));
	else
		n = read_frame(p, &p->source, output_type(p));
	if (n > 0)
		return 0;
	if (n < 0 && n != -EAGAIN)
		return (int)n;
	/* A program that asks for the switch and then closes its stdout means the switch. */
	if (n == 0)
		pump_check_signal(p);
	if (p->switch_wanted) {
		switch_source(p);
	} else if (n == 0) {
		pump_close_source(p);
		if (p->io->exit_on_service_eof)
			pump_close_sink(p);
	}
	return 0;
}

int
pump_read_errors(struct pump *p)
{
	ssize_t n = read_frame(p, &p->errors, QREXEC_DATA_STDERR);

	if (n > 0 && p->io->note_errors != NULL)
		p->io->note_errors(p->channel->out.data + p->channel->out.end - n, (size_t)n,
			p->io->note_data);
	if (n == 0)
		pump_close_errors(p);
	return n < 0 && n != -EAGAIN ? (int)n : 0;
}

static int
put_prefix(struct pump *p)
{
	const uint8_t *bytes = p->io->prefix;
	size_t left = p->io->prefix_size - p->prefix_sent;
	size_t size = left < p->receiver.chunk_max ? left : p->receiver.chunk_max;
	int e = qrexec_put_header(&p->channel->out, output_type(p), (uint32_t)size);

	if (e == 0)
		e = buf_put(&p->channel->out, bytes + p->prefix_sent, size);
	p->prefix_sent += size;
	return e;
}

/* The empty frames that tell the end of a stream, each once. */
static int
put_ends(struct pump *p)
{
	int e = 0;

	if (p->source.fd < 0 && !p->source_end_told && !prefix_left(p)) {
		p->source_end_told = true;
		e = qrexec_put_header(&p->channel->out, output_type(p), 0);
	}
	if (e == 0 && pump_is_service(p) && p->errors.fd < 0 && !p->errors_end_told) {
		p->errors_end_told = true;
		e = qrexec_put_header(&p->channel->out, QREXEC_DATA_STDERR, 0);
	}
	return e;
}

int
pump_send_due(struct pump *p)
{
	int e;

	while (prefix_left(p) && !data_channel_pending(p->channel) && !p->channel->out_dead)
		if ((e = put_prefix(p)) < 0 || (e = pump_flush(p)) < 0)
			return e;
	/* What the program wrote before it asked for the switch goes first. */
	while (p->switch_wanted && pump_wants_source(p))
		if ((e = pump_read_source(p)) < 0 || (e = pump_flush(p)) < 0)
			return e;
	if (p->source.fd < 0)
		p->switch_wanted = false;
	return p->channel->out_dead || p->channel->splice_left > 0 ? 0 : put_ends(p);
}
