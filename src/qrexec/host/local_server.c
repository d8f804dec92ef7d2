/* The daemon's local socket. Runs in qrexec-daemon; see local_server.h for whom it trusts. */
#include "qrexec/host/local_server.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/list.h"
#include "base/log.h"
#include "base/stream.h"
#include "base/system_calls.h"
#include "base/text.h"
#include "qrexec/common/protocol.h"

#define CLIENT_IN_MAX (QREXEC_HEADER_BYTES + QREXEC_LOCAL_BODY_MAX)
#define CLIENT_OUT_MAX 64
/* Smallest body: the fixed part and an empty string. */
#define LOCAL_BODY_MIN (QREXEC_PARAMS_BYTES + 1)
#define ACCEPT_PAUSE_MS 1000

enum client_state {
	CLIENT_HELLO,
	CLIENT_REQUEST,
	CLIENT_WAITING, /* for the end of its call: says nothing more */
};

struct local_client {
	struct local_server *server;
	struct list link; /* local_server.clients */
	struct stream *stream;
	struct loop_timer *timer;
	enum client_state state;
	bool held_back;
};

struct local_server {
	struct loop *loop;
	int fd;
	struct loop_fd *source;
	struct loop_timer *accept_again;
	struct list clients; /* local_client.link */
	unsigned int client_count;
	const struct local_server_handler *handler;
	void *data;
};

const char *
local_request_parse(uint32_t type, const void *body, size_t size, struct local_request *ret_request)
{
	struct local_request r = {.type = type};
	const uint8_t *bytes = body;

	if (size < LOCAL_BODY_MIN || size > QREXEC_LOCAL_BODY_MAX)
		return "length";
	memcpy(&r.domain, bytes, 4);
	memcpy(&r.port, bytes + 4, 4);
	r.domain = le32toh(r.domain);
	r.port = le32toh(r.port);
	r.text = (const char *)bytes + QREXEC_PARAMS_BYTES;
	r.size = size - QREXEC_PARAMS_BYTES;

	if (r.port != 0 && !qrexec_port_valid(r.port))
		return "port";
	if (r.text[r.size - 1] != '\0')
		return "string";
	/* A request id is padded with NULs; a command has just the one at its end. */
	if (type != QREXEC_SERVICE_CONNECT && strlen(r.text) != r.size - 1)
		return "string";
	*ret_request = r;
	return NULL;
}

static void
set_accepting(struct local_server *s, bool accepting)
{
	loop_fd_set_events(s->source, accepting ? EPOLLIN : EPOLLET);
}

static void
client_destroy(struct local_client *c)
{
	struct local_server *s = c->server;

	if (s->client_count-- == LOCAL_CLIENTS_MAX)
		set_accepting(s, true);
	if (c->state == CLIENT_WAITING)
		s->handler->handle_client_gone(c, s->data);
	list_remove(&c->link);
	loop_timer_destroy(c->timer);
	stream_destroy(c->stream);
	free(c);
}

static void
client_violation(struct local_client *c, uint32_t type, const char *field)
{
	log_warning("local client: message %s (0x%x): %s: connection closed",
		qrexec_type_name(type), type, field);
	client_destroy(c);
}

/* False when the client was destroyed or has to wait. */
static bool
client_take_hello(struct local_client *c, struct buf *in)
{
	uint32_t version;
	int result = qrexec_get_hello(in, &version);

	if (result == -EAGAIN)
		return false;
	if (result < 0 || version < QREXEC_LOCAL_VERSION_MIN) {
		client_violation(c, QREXEC_HELLO, "not an acceptable first message");
		return false;
	}
	c->state = CLIENT_REQUEST;
	return true;
}

static const char *
find_header_fault(const struct qrexec_header *header)
{
	if (header->type != QREXEC_EXEC_CMDLINE && header->type != QREXEC_JUST_EXEC &&
		header->type != QREXEC_SERVICE_CONNECT)
		return "not a request";
	if (header->length < LOCAL_BODY_MIN || header->length > QREXEC_LOCAL_BODY_MAX)
		return "length";
	return NULL;
}

static void
client_take_request(struct local_client *c, struct buf *in)
{
	struct local_server *s = c->server;
	struct qrexec_header header;
	struct local_request request;
	const char *fault;

	if (qrexec_header_peek(in, &header) < 0)
		return;
	fault = find_header_fault(&header);
	if (fault == NULL && buf_len(in) < QREXEC_HEADER_BYTES + (size_t)header.length)
		return;
	if (fault == NULL && buf_len(in) > QREXEC_HEADER_BYTES + (size_t)header.length)
		fault = "more than one request";
	if (fault == NULL)
		fault = local_request_parse(
			header.type, buf_data(in) + QREXEC_HEADER_BYTES, header.length, &request);
	if (fault != NULL) {
		client_violation(c, header.type, fault);
		return;
	}
	loop_timer_stop(c->timer);
	if (s->handler->is_congested(s->data)) {
		c->held_back = true;
		stream_pause(c->stream);
		return;
	}
	if (!s->handler->handle_request(c, &request, s->data)) {
		client_destroy(c);
		return;
	}
	c->state = CLIENT_WAITING;
	buf_clear(in);
}

static void
client_advance(struct local_client *c)
{
	struct buf *in = stream_in(c->stream);

	if (c->state == CLIENT_WAITING) {
		client_violation(c, 0, "bytes after the request");
		return;
	}
	if (c->state == CLIENT_HELLO && !client_take_hello(c, in))
		return;
	client_take_request(c, in);
}

static void
handle_data(struct stream *stream, struct buf *in, void *data)
{
	(void)stream;
	(void)in;
	client_advance(data);
}

static void
handle_end(struct stream *stream, int error, void *data)
{
	(void)stream;
	(void)error;
	client_destroy(data);
}

static void
handle_timeout(struct loop_timer *timer, void *data)
{
	(void)timer;
	log_warning("local client: no request in time: connection closed");
	client_destroy(data);
}

static void
client_greet(struct local_client *c)
{
	AUTO_BUF struct buf out;

	buf_init(&out, CLIENT_OUT_MAX);
	if (qrexec_put_hello(&out, QREXEC_LOCAL_VERSION) == 0)
		stream_send(c->stream, buf_data(&out), buf_len(&out));
}

void
local_server_add(struct local_server *s, int fd)
{
	static const struct stream_handler handler = {
		.handle_data = handle_data,
		.handle_end = handle_end,
	};
	struct local_client *c = xcalloc(1, sizeof(*c));

	c->server = s;
	c->timer = loop_timer_create(s->loop, handle_timeout, c);
	if (c->timer != NULL)
		c->stream = stream_create(s->loop, fd, CLIENT_IN_MAX, CLIENT_OUT_MAX, &handler, c);
	if (c->stream == NULL) {
		log_error("local client: cannot be served: %s", strerror(errno));
		close(fd);
		loop_timer_destroy(c->timer);
		free(c);
		return;
	}
	list_append(&s->clients, &c->link);
	if (++s->client_count == LOCAL_CLIENTS_MAX)
		set_accepting(s, false);
	loop_timer_start(c->timer, LOCAL_REQUEST_TIMEOUT_MS);
	client_greet(c);
}

static void
handle_listener(struct loop_fd *source, uint32_t events, void *data)
{
	struct local_server *s = data;
	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)source;
	(void)events;
	if (fd >= 0) {
		local_server_add(s, fd);
		return;
	}
	if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
		return;
	/* Out of descriptors or memory: the connection stays in the backlog meanwhile. */
	log_error("local socket: cannot accept: %s", strerror(errno));
	set_accepting(s, false);
	loop_timer_start(s->accept_again, ACCEPT_PAUSE_MS);
}

static void
handle_accept_again(struct loop_timer *timer, void *data)
{
	struct local_server *s = data;

	(void)timer;
	if (s->client_count < LOCAL_CLIENTS_MAX)
		set_accepting(s, true);
}

struct local_server *
local_server_create(
	struct loop *loop, int listen_fd, const struct local_server_handler *handler, void *data)
{
	struct local_server *s = xcalloc(1, sizeof(*s));

	s->loop = loop;
	s->fd = listen_fd;
	s->handler = handler;
	s->data = data;
	list_init(&s->clients);
	s->accept_again = loop_timer_create(loop, handle_accept_again, s);
	if (s->accept_again != NULL)
		s->source = loop_fd_create(loop, listen_fd, EPOLLIN, handle_listener, s);
	if (s->source == NULL) {
		local_server_destroy(s);
		return NULL;
	}
	return s;
}

void
local_server_destroy(struct local_server *s)
{
	struct local_client *c, *following;

	if (s == NULL)
		return;
	list_for_each_safe (c, following, &s->clients, link)
		client_destroy(c);
	loop_timer_destroy(s->accept_again);
	loop_fd_destroy(s->source);
	close(s->fd);
	free(s);
}

void
local_server_resume(struct local_server *s)
{
	struct local_client *c, *following;

	list_for_each_safe (c, following, &s->clients, link) {
		if (!c->held_back)
			continue;
		if (s->handler->is_congested(s->data))
			return;
		c->held_back = false;
		stream_resume(c->stream);
		client_advance(c);
	}
}

void
local_client_answer(struct local_client *c, uint32_t type, uint32_t domain, uint32_t port)
{
	AUTO_BUF struct buf out;

	buf_init(&out, CLIENT_OUT_MAX);
	if (qrexec_put_params(&out, type, domain, port, NULL, 0) == 0)
		stream_send(c->stream, buf_data(&out), buf_len(&out));
}

int
local_client_process(const struct local_client *c)
{
	struct ucred peer = {0};
	socklen_t size = sizeof(peer);

	if (getsockopt(stream_fd(c->stream), SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 ||
		peer.pid <= 0)
		return -1;
	return pidfd_open(peer.pid, 0);
}

void
local_client_close(struct local_client *c)
{
	client_destroy(c);
}
