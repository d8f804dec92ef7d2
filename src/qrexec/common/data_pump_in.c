/*
 * A call's incoming half: from the channel to stdout and stderr, or to a program's stdin. The
 * bytes are another qube's. The channel is not read while what it brought cannot be passed on:
 * that is all the flow control there is.
 */
#include <errno.h>

#include "qrexec/common/data_pump.h"

#define GROWTH 4

bool
pump_wants_channel(const struct pump *p)
{
	return !p->channel->in_ended && p->blocked == NULL && !p->coded;
}

/* Much comes at once: more is asked for the next time, and the sink made to take as much. */
static void
grow(struct pump *p)
{
	if (p->in_size == DATA_BUFFER_BYTES)
		return;
	p->in_size *= GROWTH;
	if (p->in_size > DATA_BUFFER_BYTES)
		p->in_size = DATA_BUFFER_BYTES;
	if (p->sink.fd >= 0)
		local_end_grow(&p->sink);
}

int
pump_receive(struct pump *p)
{
	size_t had = buf_len(&p->channel->in);
	size_t size = p->in_size;
	ssize_t n;
	int e;

	if (vchan_stream_has_rings(&p->channel->stream))
		return pump_receive_by_ring(p);
	if (pump_splices_in(p)) {
		n = pump_splice_in(p);
		if (n >= 0 || n == -EAGAIN)
			return 0;
		if (n != -EINVAL)
			return (int)n;
	}
	/* A header alone: the payload behind it shall stay where it can be spliced from. */
	if (pump_wants_splice_in(p))
		size = QREXEC_HEADER_BYTES;
	if ((e = data_channel_receive(p->channel, size)) < 0)
		return e == -EAGAIN ? 0 : e;
	if (buf_len(&p->channel->in) - had == p->in_size)
		grow(p);
	return 0;
}

/* Leaves what a terminal shows as text; all else could drive it. */
static void
filter(uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		uint8_t c = bytes[i];

		if ((c < 0x20 || c > 0x7e) && c != '\t' && c != '\n' && c != '\r' && c != '\b' &&
			c != '\a')
			bytes[i] = '_';
	}
}

/*
 * Writes what can be written of the payload at the front of `in`. A local end that is gone or
 * was closed takes everything.
 */
static int
write_payload(struct pump *p, struct local_end *end, size_t size, bool filtered)
{
	uint8_t *bytes = p->channel->in.data + p->channel->in.start;
	ssize_t n = (ssize_t)size;

	if (end->fd >= 0) {
		if (filtered)
			filter(bytes, size);
		n = local_end_write(end, bytes, size);
	}
	if (n == -EAGAIN) {
		p->blocked = end;
		return 0;
	}
	if (n == -EPIPE) {
		if (end == &p->sink)
			pump_break_sink(p);
		else
			pump_close_errors(p);
		n = (ssize_t)size;
	}
	if (n < 0)
		return (int)n;
	data_receiver_take(&p->receiver, (size_t)n);
	return buf_consume(&p->channel->in, (size_t)n);
}

static void
end_output(struct pump *p)
{
	pump_close_sink(p);
	if (p->io->exit_on_client_eof)
		pump_close_source(p);
}

/* The service has ended: there is nothing that it would still read. */
static void
take_code(struct pump *p, int code)
{
	p->coded = true;
	p->code = code;
	pump_close_source(p);
	pump_close_sink(p);
}

int
pump_pass_on(struct pump *p)
{
	struct buf *in = &p->channel->in;
	struct data_item item;
	int e = 0;

	while (e == 0 && !p->coded && p->blocked == NULL && buf_len(in) > 0) {
		enum data_event event =
			data_receiver_next(&p->receiver, buf_data(in), buf_len(in), &item);

		buf_consume(in, item.used);
		switch (event) {
		case DATA_EVENT_NONE:
			break;
		case DATA_EVENT_OUTPUT:
			e = write_payload(p, &p->sink, item.size, p->io->filter_output);
			break;
		case DATA_EVENT_OUTPUT_END:
			end_output(p);
			break;
		case DATA_EVENT_ERRORS:
			e = write_payload(p, &p->errors, item.size, p->io->filter_errors);
			break;
		case DATA_EVENT_EXIT:
			take_code(p, item.code);
			break;
		case DATA_EVENT_BAD:
			e = -EPROTO;
			break;
		}
	}
	return e;
}
