/* The agent behind its reader. Runs in qrexec-daemon; the reader is believed no more than the qube.
 */
#include "qrexec/host/agent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/stream.h"
#include "base/text.h"
#include "qrexec/host/agent_message.h"
#include "qrexec/host/agent_process.h"
#include "vchan/vchan_extra.h"

/* Messages stop being taken at AGENT_FULL_BYTES; one more frame may be on its way then. */
#define OUT_BYTES_MAX (AGENT_FULL_BYTES + 2 * QREXEC_COMMAND_BYTES)

/* An agent that broke the protocol or fell over at once is not met again in a tight circle. */
#define RETRY_MS 1000

struct agent {
	struct loop *loop;
	struct agent_config config;
	struct libvchan *joining;
	struct loop_fd *joining_source;
	struct loop_timer *retry;
	struct loop_child *process; /* the reader, or NULL */
	struct stream *stream;      /* to it */
	uint32_t version;           /* 0 until READY */
	bool over_link;
	bool ended_in_order;
	bool was_congested;
	bool paused;
	const struct agent_handler *handler;
	void *data;
};

static void begin(struct agent *a);

static void
stop_joining(struct agent *a)
{
	loop_fd_destroy(a->joining_source);
	a->joining_source = NULL;
	libvchan_close(a->joining);
	a->joining = NULL;
}

/* Ends the connection; what follows is decided by whether it ever was one. */
static void
drop(struct agent *a)
{
	bool was_ready = a->version != 0;

	agent_process_end(steal_ptr(a->process));
	stream_destroy(steal_ptr(a->stream));
	a->version = 0;
	a->was_congested = false;
	a->paused = false;
	loop_timer_start(a->retry, was_ready && a->ended_in_order ? 0 : RETRY_MS);
	a->ended_in_order = false;
	if (was_ready)
		a->handler->handle_lost(a->data);
}

/* Only a reader that was taken over says such things. */
static void
violation(struct agent *a, const char *what)
{
	log_error("reader of the agent: %s: ended", what);
	drop(a);
}

/* False when the reader was dropped, or something of us destroyed. */
static bool
act_on(struct agent *a, const struct agent_message *m)
{
	if ((m->kind == AGENT_READY) != (a->version == 0) && m->kind != AGENT_END) {
		violation(a, "out of turn");
		return false;
	}
	switch (m->kind) {
	case AGENT_READY:
		if (m->version < QREXEC_VERSION_MIN || m->version > QREXEC_VERSION) {
			violation(a, "version");
			return false;
		}
		a->version = m->version;
		a->handler->handle_ready(a->data);
		return true;
	case AGENT_TRIGGER:
		a->handler->handle_trigger(&m->trigger, a->data);
		return true;
	case AGENT_TERMINATED:
		if (!qrexec_port_valid(m->port)) {
			violation(a, "port");
			return false;
		}
		a->handler->handle_terminated(m->domain, m->port, a->data);
		return true;
	case AGENT_END:
		a->ended_in_order = true;
		return true;
	}
	return true;
}

/* Everything that is complete, as long as there is room for what it may cause. */
static void
take_messages(struct agent *a)
{
	for (;;) {
		struct buf *in = stream_in(a->stream);
		struct agent_message message;
		size_t size;
		int result;

		if (stream_pending(a->stream) >= AGENT_FULL_BYTES) {
			a->paused = true;
			stream_pause(a->stream);
			return;
		}
		result = agent_message_parse(in, &message, &size);
		if (result == -EAGAIN)
			return;
		if (result < 0) {
			violation(a, "malformed message");
			return;
		}
		if (!act_on(a, &message))
			return;
		buf_consume(in, size);
	}
}

static void
handle_data(struct stream *stream, struct buf *in, void *data)
{
	(void)stream;
	(void)in;
	take_messages(data);
}

static void
handle_end(struct stream *stream, int error, void *data)
{
	(void)stream;
	(void)error;
	drop(data);
}

static void
handle_flushed(struct stream *stream, void *data)
{
	struct agent *a = data;

	(void)stream;
	if (a->was_congested) {
		a->was_congested = false;
		a->handler->handle_drained(a->data);
	}
	if (a->paused && a->stream != NULL) {
		a->paused = false;
		stream_resume(a->stream);
		take_messages(a);
	}
}

static int
attach(struct agent *a, int fd)
{
	static const struct stream_handler handler = {
		.handle_data = handle_data,
		.handle_end = handle_end,
		.handle_flushed = handle_flushed,
	};

	a->stream = stream_create(a->loop, fd, AGENT_MESSAGE_MAX_BYTES, OUT_BYTES_MAX, &handler, a);
	return a->stream == NULL ? -1 : 0;
}

static void
handle_process_end(struct loop_child *child, int wait_status, void *data)
{
	struct agent *a = data;

	(void)wait_status;
	/* What it said before may still lie in the stream, whose end is what counts. */
	loop_child_destroy(child);
	a->process = NULL;
}

/* The joined channel goes to a new reader. */
static void
connected(struct agent *a, int untrusted_fd)
{
	AUTO_ERR struct err err = ERR_INIT;
	int fd = -1;
	pid_t pid =
		agent_process_start(untrusted_fd, a->config.name, a->config.reader_uid, &fd, &err);

	close(untrusted_fd);
	if (pid > 0) {
		a->process = loop_child_create(a->loop, pid, handle_process_end, a);
		if (a->process != NULL && attach(a, fd) == 0)
			return;
		err_set_errno(&err, errno, "cannot watch it");
		agent_process_end(steal_ptr(a->process));
		close(fd);
	}
	log_error("reader of the agent: %s", err_message(&err));
	loop_timer_start(a->retry, RETRY_MS);
}

static void
advance(struct agent *a)
{
	int state = vchan_advance(a->joining);
	int fd;

	if (state == VCHAN_WAITING)
		return;
	loop_fd_destroy(a->joining_source);
	a->joining_source = NULL;
	if (state == VCHAN_CONNECTED) {
		a->over_link = vchan_is_over_link(a->joining);
		fd = vchan_detach(a->joining);
		if (fd >= 0) {
			a->joining = NULL;
			connected(a, fd);
			return;
		}
	}
	stop_joining(a);
	if (state == -ENODEV) {
		log_error("agent: its domain is gone");
		a->handler->handle_gone(a->data);
		return;
	}
	log_warning("agent: cannot connect: %s", strerror(-state));
	loop_timer_start(a->retry, RETRY_MS);
}

static void
handle_joining(struct loop_fd *source, uint32_t events, void *data)
{
	(void)source;
	(void)events;
	advance(data);
}

static void
begin(struct agent *a)
{
	const struct vchan_config config = {
		.domain = a->config.domain,
		.port = QREXEC_PORT_CONTROL,
		.own_domain = VCHAN_DOMAIN_SELF,
	};

	a->joining = vchan_create(&config);
	if (a->joining != NULL)
		a->joining_source = loop_fd_create(
			a->loop, libvchan_fd_for_select(a->joining), EPOLLIN, handle_joining, a);
	if (a->joining_source == NULL) {
		log_error("agent: cannot begin to connect: %s", strerror(errno));
		stop_joining(a);
		loop_timer_start(a->retry, RETRY_MS);
		return;
	}
	advance(a);
}

static void
handle_retry(struct loop_timer *timer, void *data)
{
	(void)timer;
	begin(data);
}

static struct agent *
allocate(struct loop *loop, const struct agent_handler *handler, void *data)
{
	struct agent *a = xcalloc(1, sizeof(*a));

	a->loop = loop;
	a->handler = handler;
	a->data = data;
	a->retry = loop_timer_create(loop, handle_retry, a);
	if (a->retry == NULL) {
		agent_destroy(a);
		return NULL;
	}
	return a;
}

struct agent *
agent_create(struct loop *loop, const struct agent_config *config,
	const struct agent_handler *handler, void *data)
{
	struct agent *a = allocate(loop, handler, data);

	if (a == NULL)
		return NULL;
	a->config = *config;
	loop_timer_start(a->retry, 0);
	return a;
}

struct agent *
agent_create_read(struct loop *loop, int fd, const struct agent_handler *handler, void *data)
{
	struct agent *a = allocate(loop, handler, data);

	if (a != NULL && attach(a, fd) == 0)
		return a;
	close(fd);
	agent_destroy(a);
	return NULL;
}

void
agent_destroy(struct agent *a)
{
	if (a == NULL)
		return;
	loop_timer_destroy(a->retry);
	stop_joining(a);
	agent_process_end(a->process);
	stream_destroy(a->stream);
	free(a);
}

uint32_t
agent_version(const struct agent *a)
{
	return a->version;
}

bool
agent_is_over_link(const struct agent *a)
{
	return a->over_link;
}

bool
agent_congested(const struct agent *a)
{
	return a->stream != NULL && stream_pending(a->stream) >= AGENT_CONGESTED_BYTES;
}

/* No frame is ever cut: what has no room shows that the limits above are wrong. */
static void
send_frame(struct agent *a, const struct buf *frame)
{
	if (a->version == 0)
		return;
	if (stream_send(a->stream, buf_data(frame), buf_len(frame)) == -ENOBUFS)
		log_error("agent: takes no messages: one is lost");
	if (agent_congested(a))
		a->was_congested = true;
}

void
agent_send_params(struct agent *a, uint32_t type, uint32_t domain, uint32_t port, const void *text,
	size_t size)
{
	AUTO_BUF struct buf out;

	buf_init(&out, QREXEC_HEADER_BYTES + QREXEC_PARAMS_BYTES + QREXEC_COMMAND_BYTES);
	if (qrexec_put_params(&out, type, domain, port, text, size) < 0)
		log_error("agent: message 0x%x can not be built", type);
	else
		send_frame(a, &out);
}

void
agent_send_refused(struct agent *a, const uint8_t id[QREXEC_REQUEST_ID_BYTES])
{
	AUTO_BUF struct buf out;

	buf_init(&out, 64);
	if (qrexec_put_refused(&out, id) == 0)
		send_frame(a, &out);
}
