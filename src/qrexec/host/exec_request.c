/*
 * A client of another qube's daemon. Runs in qrexec-daemon; that daemon is a peer of ours, but it
 * parses its own qube's bytes, so it is believed no further than it must be.
 */
#include "qrexec/host/exec_request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/local_connect.h"
#include "base/stream.h"
#include "base/text.h"
#include "qrexec/common/protocol.h"

enum request_state {
	REQUEST_HELLO,
	REQUEST_ANSWER,
	REQUEST_ACCEPTED,
};

struct exec_request {
	struct loop *loop;
	struct local_connect *connect;
	struct stream *stream;
	struct loop_timer *timer;
	enum request_state state;
	uint32_t caller_domain;
	char *command;
	const struct exec_request_handler *handler;
	void *data;
};

static void
end(struct exec_request *r, int error)
{
	loop_timer_stop(r->timer);
	r->handler->handle_end(r->state == REQUEST_ACCEPTED ? 0 : error, r->data);
}

static int
send_command(struct exec_request *r)
{
	AUTO_BUF struct buf out;
	int result;

	buf_init(&out, QREXEC_LOCAL_BODY_MAX + 64);
	result = qrexec_put_hello(&out, QREXEC_LOCAL_VERSION);
	if (result == 0)
		result = qrexec_put_params(&out, QREXEC_EXEC_CMDLINE, r->caller_domain, 0,
			r->command, strlen(r->command) + 1);
	if (result == 0)
		result = stream_send(r->stream, buf_data(&out), buf_len(&out));
	return result;
}

static int
take_hello(struct exec_request *r, struct buf *in)
{
	uint32_t version;
	int result = qrexec_get_hello(in, &version);

	if (result < 0)
		return result;
	if (qrexec_negotiate(QREXEC_LOCAL_VERSION, version, QREXEC_LOCAL_VERSION_MIN) < 0)
		return -EPROTO;
	r->state = REQUEST_ANSWER;
	return send_command(r);
}

static int
take_answer(struct exec_request *r, struct buf *in)
{
	struct qrexec_params params;
	uint32_t type, domain, port;
	int result = qrexec_get_params(in, QREXEC_PARAMS_BYTES, &type, &params);

	if (result < 0)
		return result;
	domain = params.domain;
	port = params.port;
	qrexec_params_finish(&params);
	if (type != QREXEC_EXEC_CMDLINE || params.size != 0 || !qrexec_port_valid(port))
		return -EPROTO;
	loop_timer_stop(r->timer);
	r->state = REQUEST_ACCEPTED;
	r->handler->handle_accepted(domain, port, r->data);
	return 0;
}

/* Nothing may be touched after a state's last step: the owner may have destroyed us there. */
static void
handle_data(struct stream *stream, struct buf *in, void *data)
{
	struct exec_request *r = data;
	int result = 0;

	(void)stream;
	if (r->state == REQUEST_HELLO)
		result = take_hello(r, in);
	if (result == 0 && r->state == REQUEST_ANSWER)
		result = take_answer(r, in);
	else if (result == 0)
		result = -EPROTO;
	if (result < 0 && result != -EAGAIN)
		end(r, result);
}

static void
handle_end(struct stream *stream, int error, void *data)
{
	(void)stream;
	end(data, error != 0 ? error : -ECONNRESET);
}

static void
handle_connected(int fd_or_error, void *data)
{
	static const struct stream_handler handler = {
		.handle_data = handle_data,
		.handle_end = handle_end,
	};
	struct exec_request *r = data;

	if (fd_or_error < 0) {
		end(r, fd_or_error);
		return;
	}
	r->stream =
		stream_create(r->loop, fd_or_error, 64, QREXEC_LOCAL_BODY_MAX + 64, &handler, r);
	if (r->stream == NULL) {
		close(fd_or_error);
		end(r, -ENOMEM);
	}
}

static void
handle_timeout(struct loop_timer *timer, void *data)
{
	(void)timer;
	end(data, -ETIMEDOUT);
}

struct exec_request *
exec_request_create(struct loop *loop, const char *socket_path, uint32_t caller_domain,
	const char *command, const struct exec_request_handler *handler, void *data)
{
	struct exec_request *r = xcalloc(1, sizeof(*r));

	r->loop = loop;
	r->caller_domain = caller_domain;
	r->command = text_copy(command);
	r->handler = handler;
	r->data = data;
	r->timer = loop_timer_create(loop, handle_timeout, r);
	if (r->timer != NULL)
		r->connect = local_connect_create(loop, socket_path, handle_connected, r);
	if (r->connect == NULL) {
		exec_request_destroy(r);
		return NULL;
	}
	loop_timer_start(r->timer, EXEC_REQUEST_TIMEOUT_MS);
	return r;
}

void
exec_request_destroy(struct exec_request *r)
{
	if (r == NULL)
		return;
	loop_timer_destroy(r->timer);
	local_connect_destroy(r->connect);
	stream_destroy(r->stream);
	free(r->command);
	free(r);
}
