/* Calls qubesd. Runs in qrexec-daemon; qubesd is trusted, its silence is bounded by its life. */
#include "qrexec/host/admin_call.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/local_connect.h"
#include "base/log.h"
#include "base/stream.h"
#include "base/text.h"

struct admin_call {
	struct loop *loop;
	struct local_connect *connect;
	struct stream *stream;
	struct buf request;
	char *what; /* METHOD and destination, for the log */
	admin_callback callback;
	void *data;
};

static void
fail(struct admin_call *c, const char *text)
{
	log_warning("%s: %s", c->what, text);
	c->callback(NULL, "", c->data);
}

static void
report(struct admin_call *c, struct buf *in)
{
	const char *status = NULL, *exception = NULL;
	AUTO_FREE char *content = NULL;

	if (buf_get_text(in, 1, &status) < 0) {
		fail(c, "qubesd gave no answer");
		return;
	}
	if (status[0] == '0') {
		content = buf_steal_string(in);
		c->callback(content, content != NULL ? NULL : "", c->data);
		return;
	}
	if (status[0] != '2' || buf_get_text(in, 255, &exception) < 0) {
		fail(c, "qubesd's answer is malformed");
		return;
	}
	log_info("%s: qubesd says %s", c->what, exception);
	content = text_copy(exception);
	c->callback(NULL, content, c->data);
}

static void
handle_data(struct stream *stream, struct buf *in, void *data)
{
	(void)stream;
	(void)in;
	(void)data;
}

static void
handle_end(struct stream *stream, int error, void *data)
{
	struct admin_call *c = data;

	if (error != 0)
		fail(c, strerror(-error));
	else
		report(c, stream_in(stream));
}

static void
handle_connected(int fd_or_error, void *data)
{
	static const struct stream_handler handler = {
		.handle_data = handle_data,
		.handle_end = handle_end,
	};
	struct admin_call *c = data;

	if (fd_or_error < 0) {
		fail(c, strerror(-fd_or_error));
		return;
	}
	c->stream = stream_create(
		c->loop, fd_or_error, ADMIN_ANSWER_MAX, c->request.max_bytes, &handler, c);
	if (c->stream == NULL) {
		close(fd_or_error);
		fail(c, strerror(ENOMEM));
		return;
	}
	if (stream_send(c->stream, buf_data(&c->request), buf_len(&c->request)) < 0) {
		fail(c, "qubesd closed the connection");
		return;
	}
	stream_shutdown_write(c->stream);
}

struct admin_call *
admin_call_create(struct loop *loop, const char *socket_path, const char *method,
	const char *destination, const char *payload, admin_callback callback, void *data)
{
	struct admin_call *c = xcalloc(1, sizeof(*c));

	c->loop = loop;
	c->callback = callback;
	c->data = data;
	c->what = text_format("%s of '%s'", method, destination);
	buf_init(&c->request, 4096);
	if (buf_printf(&c->request, "%s dom0 name %s", method, destination) < 0 ||
		buf_put_u8(&c->request, 0) < 0 || buf_put_string(&c->request, payload) < 0) {
		admin_call_destroy(c);
		errno = ENOBUFS;
		return NULL;
	}
	c->connect = local_connect_create(loop, socket_path, handle_connected, c);
	if (c->connect == NULL) {
		admin_call_destroy(c);
		return NULL;
	}
	return c;
}

void
admin_call_destroy(struct admin_call *c)
{
	if (c == NULL)
		return;
	local_connect_destroy(c->connect);
	stream_destroy(c->stream);
	buf_finish(&c->request);
	free(c->what);
	free(c);
}
