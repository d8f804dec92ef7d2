/* The control channel. Runs in the reader of one agent; every byte that arrives here is the qube's.
 */
#include "qrexec/host/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/stream.h"
#include "base/text.h"

#define FRAME_BYTES_MAX (QREXEC_HEADER_BYTES + QREXEC_TRIGGER4_HEAD_BYTES + QREXEC_SERVICE_BYTES)
#define OUT_BYTES_MAX 65536

struct control {
	struct stream *stream; /* NULL once it is over */
	uint32_t version;      /* 0 until HELLO was exchanged */
	bool paused;
	bool full; /* control_send() has not taken all */
	const struct control_handler *handler;
	void *data;
};

static void
finish(struct control *c, bool in_order)
{
	stream_destroy(c->stream);
	c->stream = NULL;
	c->handler->handle_lost(in_order, c->data);
}

static void
violation(struct control *c, uint32_t type, const char *field)
{
	log_warning("agent: message %s (0x%x): %s: control channel ended", qrexec_type_name(type),
		type, field);
	finish(c, /* in_order= */ false);
}

/* What can be told from the header alone, before a single byte of the body is waited for. */
static const char *
find_header_fault(const struct control *c, const struct qrexec_header *header)
{
	switch (header->type) {
	case QREXEC_TRIGGER_SERVICE:
	case QREXEC_TRIGGER_SERVICE3:
	case QREXEC_TRIGGER_SERVICE4:
		if (!qrexec_trigger_allowed(header->type, c->version))
			return "not in this version";
		return qrexec_trigger_length_valid(header->type, header->length) ? NULL : "length";
	case QREXEC_CONNECTION_TERMINATED:
		return header->length == QREXEC_PARAMS_BYTES ? NULL : "length";
	default:
		return "not expected from an agent";
	}
}

/* False when the channel was dropped. */
static bool
take_trigger(struct control *c, struct buf *in, uint32_t type)
{
	struct qrexec_trigger trigger;

	if (qrexec_get_trigger(in, &trigger) < 0) {
		violation(c, type, "body");
		return false;
	}
	c->handler->handle_trigger(&trigger, c->data);
	qrexec_trigger_finish(&trigger);
	return true;
}

static bool
take_terminated(struct control *c, struct buf *in, uint32_t type)
{
	struct qrexec_params params;

	if (qrexec_get_params(in, QREXEC_PARAMS_BYTES, &type, &params) < 0) {
		violation(c, type, "body");
		return false;
	}
	if (!qrexec_port_valid(params.port)) {
		violation(c, type, "port");
		return false;
	}
	c->handler->handle_terminated(params.domain, params.port, c->data);
	qrexec_params_finish(&params);
	return true;
}

/* Handles one complete frame. False when there is none, or no channel any more. */
static bool
take_frame(struct control *c, struct buf *in)
{
	struct qrexec_header header;
	const char *fault;

	if (qrexec_header_peek(in, &header) < 0)
		return false;
	fault = find_header_fault(c, &header);
	if (fault != NULL) {
		violation(c, header.type, fault);
		return false;
	}
	if (buf_len(in) < QREXEC_HEADER_BYTES + (size_t)header.length)
		return false;
	if (header.type == QREXEC_CONNECTION_TERMINATED)
		return take_terminated(c, in, header.type);
	return take_trigger(c, in, header.type);
}

/* False when there is not yet a HELLO, or no channel any more. */
static bool
take_hello(struct control *c, struct buf *in)
{
	AUTO_BUF struct buf out;
	uint32_t version;
	int result;

	buf_init(&out, 64);
	result = qrexec_get_hello(in, &version);
	if (result == -EAGAIN)
		return false;
	if (result == 0)
		result = qrexec_negotiate(QREXEC_VERSION, version, QREXEC_VERSION_MIN);
	if (result < 0) {
		violation(c, QREXEC_HELLO, "not an acceptable first message");
		return false;
	}
	if (qrexec_put_hello(&out, (uint32_t)result) < 0 ||
		stream_send(c->stream, buf_data(&out), buf_len(&out)) < 0) {
		finish(c, /* in_order= */ false);
		return false;
	}
	c->version = (uint32_t)result;
	log_info("agent is connected, protocol version %u", c->version);
	c->handler->handle_ready(c->version, c->data);
	return true;
}

/* Everything that is complete. */
static void
take_frames(struct control *c)
{
	struct buf *in = stream_in(c->stream);

	if (c->version == 0 && !take_hello(c, in))
		return;
	while (!c->paused && take_frame(c, in))
		;
}

static void
handle_data(struct stream *stream, struct buf *in, void *data)
{
	(void)stream;
	(void)in;
	take_frames(data);
}

static void
handle_end(struct stream *stream, int error, void *data)
{
	(void)stream;
	log_info("agent has disconnected%s%s", error != 0 ? ": " : "",
		error != 0 ? strerror(-error) : "");
	finish(data, /* in_order= */ true);
}

static void
handle_flushed(struct stream *stream, void *data)
{
	struct control *c = data;

	(void)stream;
	if (!c->full)
		return;
	c->full = false;
	c->handler->handle_room(c->data);
}

struct control *
control_create(struct loop *loop, int fd, const struct control_handler *handler, void *data)
{
	static const struct stream_handler stream_handler = {
		.handle_data = handle_data,
		.handle_end = handle_end,
		.handle_flushed = handle_flushed,
	};
	struct control *c = xcalloc(1, sizeof(*c));

	c->handler = handler;
	c->data = data;
	c->stream = stream_create(loop, fd, FRAME_BYTES_MAX, OUT_BYTES_MAX, &stream_handler, c);
	if (c->stream == NULL) {
		close(fd);
		free(c);
		return NULL;
	}
	return c;
}

void
control_destroy(struct control *c)
{
	if (c == NULL)
		return;
	stream_destroy(c->stream);
	free(c);
}

void
control_pause(struct control *c)
{
	c->paused = true;
	if (c->stream != NULL)
		stream_pause(c->stream);
}

void
control_resume(struct control *c)
{
	if (!c->paused || c->stream == NULL)
		return;
	c->paused = false;
	stream_resume(c->stream);
	take_frames(c);
}

size_t
control_send(struct control *c, const void *bytes, size_t size)
{
	size_t room = c->stream != NULL ? stream_send_room(c->stream) : 0;
	size_t count = size < room ? size : room;

	if (count > 0)
		stream_send(c->stream, bytes, count);
	if (count < size)
		c->full = true;
	return count;
}
