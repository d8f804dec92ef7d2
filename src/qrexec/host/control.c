/* The control channel. Runs in qrexec-daemon; every byte that arrives here is the qube's. */
#include "qrexec/host/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/stream.h"
#include "base/text.h"
#include "vchan/vchan_extra.h"

#define FRAME_BYTES_MAX (QREXEC_HEADER_BYTES + QREXEC_TRIGGER4_HEAD_BYTES + QREXEC_SERVICE_BYTES)
/* Reads stop at CONTROL_FULL_BYTES; one more frame from a client may be on its way then. */
#define OUT_BYTES_MAX (CONTROL_FULL_BYTES + 2 * QREXEC_COMMAND_BYTES)

/* An agent that broke the protocol or fell over at once is not met again in a tight circle. */
#define RETRY_MS 1000

struct control {
	struct loop *loop;
	int domain;
	struct libvchan *joining;
	struct loop_fd *joining_source;
	struct loop_timer *retry;
	struct stream *stream;
	uint32_t version; /* 0 until HELLO was exchanged */
	bool was_congested;
	bool paused;
	const struct control_handler *handler;
	void *data;
};

static void begin(struct control *c);

static void
stop_joining(struct control *c)
{
	loop_fd_destroy(c->joining_source);
	c->joining_source = NULL;
	libvchan_close(c->joining);
	c->joining = NULL;
}

/* Ends the connection; what follows is decided by whether it ever was one. */
static void
drop(struct control *c, uint64_t retry_ms)
{
	bool was_ready = c->version != 0;

	stream_destroy(c->stream);
	c->stream = NULL;
	c->version = 0;
	c->was_congested = false;
	c->paused = false;
	loop_timer_start(c->retry, was_ready ? retry_ms : RETRY_MS);
	if (was_ready)
		c->handler->handle_lost(c->data);
}

static void
violation(struct control *c, uint32_t type, const char *field)
{
	log_warning("agent: message %s (0x%x): %s: control channel ended", qrexec_type_name(type),
		type, field);
	drop(c, RETRY_MS);
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
		drop(c, RETRY_MS);
		return false;
	}
	c->version = (uint32_t)result;
	log_info("agent is connected, protocol version %u", c->version);
	c->handler->handle_ready(c->data);
	return true;
}

/* Everything that is complete, as long as there is room for what it may cause. */
static void
take_frames(struct control *c)
{
	struct buf *in = stream_in(c->stream);

	if (c->version == 0 && !take_hello(c, in))
		return;
	do {
		if (stream_pending(c->stream) >= CONTROL_FULL_BYTES) {
			c->paused = true;
			stream_pause(c->stream);
			return;
		}
	} while (take_frame(c, in));
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
	struct control *c = data;

	(void)stream;
	log_info("agent has disconnected%s%s", error != 0 ? ": " : "",
		error != 0 ? strerror(-error) : "");
	drop(c, 0);
}

static void
handle_flushed(struct stream *stream, void *data)
{
	struct control *c = data;

	(void)stream;
	if (c->was_congested) {
		c->was_congested = false;
		c->handler->handle_drained(c->data);
	}
	if (c->paused && c->stream != NULL) {
		c->paused = false;
		stream_resume(c->stream);
		take_frames(c);
	}
}

static void
connected(struct control *c, int fd)
{
	static const struct stream_handler handler = {
		.handle_data = handle_data,
		.handle_end = handle_end,
		.handle_flushed = handle_flushed,
	};

	c->stream = stream_create(c->loop, fd, FRAME_BYTES_MAX, OUT_BYTES_MAX, &handler, c);
	if (c->stream == NULL) {
		log_error("agent: cannot use the connection: %s", strerror(errno));
		close(fd);
		loop_timer_start(c->retry, RETRY_MS);
	}
}

static void
advance(struct control *c)
{
	int state = vchan_advance(c->joining);
	int fd;

	if (state == VCHAN_WAITING)
		return;
	loop_fd_destroy(c->joining_source);
	c->joining_source = NULL;
	if (state == VCHAN_CONNECTED) {
		fd = vchan_detach(c->joining);
		if (fd >= 0) {
			c->joining = NULL;
			connected(c, fd);
			return;
		}
	}
	stop_joining(c);
	if (state == -ENODEV) {
		log_error("agent: its domain is gone");
		c->handler->handle_gone(c->data);
		return;
	}
	log_warning("agent: cannot connect: %s", strerror(-state));
	loop_timer_start(c->retry, RETRY_MS);
}

static void
handle_joining(struct loop_fd *source, uint32_t events, void *data)
{
	(void)source;
	(void)events;
	advance(data);
}

static void
begin(struct control *c)
{
	const struct vchan_config config = {
		.domain = c->domain,
		.port = QREXEC_PORT_CONTROL,
		.own_domain = VCHAN_DOMAIN_SELF,
	};

	c->joining = vchan_create(&config);
	if (c->joining != NULL)
		c->joining_source = loop_fd_create(
			c->loop, libvchan_fd_for_select(c->joining), EPOLLIN, handle_joining, c);
	if (c->joining_source == NULL) {
		log_error("agent: cannot begin to connect: %s", strerror(errno));
		stop_joining(c);
		loop_timer_start(c->retry, RETRY_MS);
		return;
	}
	advance(c);
}

static void
handle_retry(struct loop_timer *timer, void *data)
{
	(void)timer;
	begin(data);
}

static struct control *
control_alloc(struct loop *loop, int domain, const struct control_handler *handler, void *data)
{
	struct control *c = xcalloc(1, sizeof(*c));

	c->loop = loop;
	c->domain = domain;
	c->handler = handler;
	c->data = data;
	c->retry = loop_timer_create(loop, handle_retry, c);
	if (c->retry == NULL) {
		control_destroy(c);
		return NULL;
	}
	return c;
}

struct control *
control_create(struct loop *loop, int domain, const struct control_handler *handler, void *data)
{
	struct control *c = control_alloc(loop, domain, handler, data);

	if (c != NULL)
		loop_timer_start(c->retry, 0);
	return c;
}

struct control *
control_create_connected(
	struct loop *loop, int fd, const struct control_handler *handler, void *data)
{
	struct control *c = control_alloc(loop, 0, handler, data);

	if (c != NULL)
		connected(c, fd);
	else
		close(fd);
	return c;
}

void
control_destroy(struct control *c)
{
	if (c == NULL)
		return;
	loop_timer_destroy(c->retry);
	stop_joining(c);
	stream_destroy(c->stream);
	free(c);
}

uint32_t
control_version(const struct control *c)
{
	return c->version;
}

bool
control_congested(const struct control *c)
{
	return c->stream != NULL && stream_pending(c->stream) >= CONTROL_CONGESTED_BYTES;
}

/* No frame is ever cut: what has no room shows that the limits above are wrong. */
static void
send_frame(struct control *c, const struct buf *frame)
{
	if (c->version == 0)
		return;
	if (stream_send(c->stream, buf_data(frame), buf_len(frame)) == -ENOBUFS)
		log_error("agent: takes no messages: one is lost");
	if (control_congested(c))
		c->was_congested = true;
}

void
control_send_params(struct control *c, uint32_t type, uint32_t domain, uint32_t port,
	const void *text, size_t size)
{
	AUTO_BUF struct buf out;

	buf_init(&out, QREXEC_HEADER_BYTES + QREXEC_PARAMS_BYTES + QREXEC_COMMAND_BYTES);
	if (qrexec_put_params(&out, type, domain, port, text, size) < 0)
		log_error("agent: message 0x%x can not be built", type);
	else
		send_frame(c, &out);
}

void
control_send_refused(struct control *c, const uint8_t id[QREXEC_REQUEST_ID_BYTES])
{
	AUTO_BUF struct buf out;

	buf_init(&out, 64);
	if (qrexec_put_refused(&out, id) == 0)
		send_frame(c, &out);
}
