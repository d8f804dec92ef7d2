/* One question over the policy daemon's socket. Runs in qrexec-daemon; the answer is trusted only
 * as far as policy_answer_parse() lets it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/local_connect.h"
#include "base/stream.h"
#include "base/text.h"
#include "qrexec/common/protocol.h"
#include "qrexec/host/policy_carrier.h"

/* Four lines: the service is the only long one. */
#define QUESTION_BYTES_MAX (QREXEC_SERVICE_BYTES + 4096)

struct policy_socket {
	struct loop *loop;
	struct local_connect *connect;
	struct stream *stream;
	char *text; /* the question in wire form */
	policy_bytes_callback callback;
	void *data;
};

static void
fail(struct policy_socket *s, const char *what, int error)
{
	char *reason = text_format("%s: %s", what, strerror(-error));

	s->callback(NULL, reason, s->data);
	free(reason);
}

static void
handle_data(struct stream *stream, struct buf *in, void *data)
{
	struct policy_socket *s = data;

	(void)stream;
	if (buf_room(in) == 0)
		fail(s, "policy daemon's answer", -EMSGSIZE);
}

static void
handle_end(struct stream *stream, int error, void *data)
{
	struct policy_socket *s = data;

	if (error != 0)
		fail(s, "policy daemon", error);
	else if (buf_len(stream_in(stream)) == 0)
		s->callback(NULL, "policy daemon gave no answer", s->data);
	else
		s->callback(stream_in(stream), NULL, s->data);
}

static void
handle_connected(int fd_or_error, void *data)
{
	static const struct stream_handler handler = {
		.handle_data = handle_data,
		.handle_end = handle_end,
	};
	struct policy_socket *s = data;
	int result;

	if (fd_or_error < 0) {
		fail(s, "policy daemon's socket", fd_or_error);
		return;
	}
	s->stream = stream_create(
		s->loop, fd_or_error, POLICY_ANSWER_MAX, QUESTION_BYTES_MAX, &handler, s);
	if (s->stream == NULL) {
		close(fd_or_error);
		fail(s, "policy daemon's socket", -ENOMEM);
		return;
	}
	result = stream_send(s->stream, s->text, strlen(s->text));
	if (result < 0)
		fail(s, "policy daemon's socket", result);
}

struct policy_socket *
policy_socket_create(struct loop *loop, const char *path, const struct policy_question *question,
	policy_bytes_callback callback, void *data)
{
	struct policy_socket *s = xcalloc(1, sizeof(*s));

	s->loop = loop;
	s->callback = callback;
	s->data = data;
	s->text = text_format("source=%s\nrequested_source=%s\nintended_target=%s\n"
			      "service_and_arg=%s\n\n",
		question->source, question->requested_source, question->target, question->service);
	s->connect = local_connect_create(loop, path, handle_connected, s);
	if (s->connect == NULL) {
		policy_socket_destroy(s);
		return NULL;
	}
	return s;
}

void
policy_socket_destroy(struct policy_socket *s)
{
	if (s == NULL)
		return;
	local_connect_destroy(s->connect);
	stream_destroy(s->stream);
	free(s->text);
	free(s);
}
