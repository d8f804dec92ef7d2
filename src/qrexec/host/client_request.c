/* Callers' side of the daemon's socket. Runs in qrexec-client and programs that use client.h. */
#include "qrexec/host/client_request.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/loop.h"
#include "base/socket.h"
#include "qrexec/common/protocol.h"
#include "qrexec/host/socket_names.h"

#define ANSWER_BYTES_MAX 64

/* HELLO and request go out together: the daemon reads both whenever it comes to it. */
static int
send_all(int fd, const struct client_request *request, struct err *err)
{
	AUTO_BUF struct buf out;
	int result;

	buf_init(&out, QREXEC_LOCAL_BODY_MAX + ANSWER_BYTES_MAX);
	if (request->size + QREXEC_PARAMS_BYTES > QREXEC_LOCAL_BODY_MAX)
		return err_set(err, EMSGSIZE, "command is too long");
	result = qrexec_put_hello(&out, QREXEC_LOCAL_VERSION);
	if (result == 0)
		result = qrexec_put_params(&out, request->type, request->domain, request->port,
			request->text, request->size);
	if (result == 0)
		result = write_all(fd, buf_data(&out), buf_len(&out));
	if (result < 0)
		return err_set_errno(err, -result, "daemon of '%s': cannot send", request->target);
	return 0;
}

int
client_request_send(const struct client_request *request, struct err *err)
{
	AUTO_FREE char *directory = socket_directory(request->socket_directory);
	AUTO_FREE char *path = NULL;
	AUTO_FD int fd = -1;

	if (!socket_target_valid(request->target))
		return err_set(err, EINVAL, "target '%s' is not valid", request->target);
	path = socket_target_path(directory, request->target);
	fd = socket_connect(path, err);
	if (fd < 0)
		return -1;
	if (send_all(fd, request, err) < 0)
		return -1;
	return steal_fd(&fd);
}

/* Reads what there is, once, within the time that is left. */
static int
read_some(struct buf *in, int fd, int timeout_ms, uint64_t deadline_ms)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	uint64_t now_ms;
	ssize_t count;
	int ready;

	if (timeout_ms > 0) {
		now_ms = loop_now_ms();
		ready = poll(&poll_fd, 1, now_ms < deadline_ms ? (int)(deadline_ms - now_ms) : 0);
		if (ready == 0)
			return -ETIMEDOUT;
		if (ready < 0)
			return errno == EINTR ? 0 : -errno;
	}
	count = buf_read_fd(in, fd, ANSWER_BYTES_MAX);
	if (count == 0)
		return -ECONNRESET;
	return count < 0 && count != -EINTR ? (int)count : 0;
}

static int
take_answer(struct buf *in, uint32_t expected_type, uint32_t *ret_domain, uint32_t *ret_port)
{
	struct qrexec_params params;
	uint32_t type;
	int result = qrexec_get_params(in, QREXEC_PARAMS_BYTES, &type, &params);

	if (result < 0)
		return result;
	if (type != expected_type || params.size != 0)
		result = -EPROTO;
	*ret_domain = params.domain;
	*ret_port = params.port;
	qrexec_params_finish(&params);
	return result;
}

int
client_request_await(int fd, uint32_t type, const char *target, int timeout_ms,
	uint32_t *ret_domain, uint32_t *ret_port, struct err *err)
{
	AUTO_BUF struct buf in;
	uint64_t deadline_ms = loop_now_ms() + (uint64_t)timeout_ms;
	uint32_t version = 0;
	int result = -EAGAIN;

	buf_init(&in, ANSWER_BYTES_MAX);
	while (result == -EAGAIN) {
		result = read_some(&in, fd, timeout_ms, deadline_ms);
		if (result == 0 && version == 0)
			result = qrexec_get_hello(&in, &version);
		if (result == 0 && version < QREXEC_LOCAL_VERSION_MIN)
			result = -EPROTO;
		if (result == 0)
			result = take_answer(&in, type, ret_domain, ret_port);
	}
	if (result == -ECONNRESET)
		return err_set(err, ECONNRESET, "daemon of '%s' refused the request", target);
	if (result < 0)
		return err_set_errno(err, -result, "daemon of '%s'", target);
	return 0;
}

void
client_request_await_end(int fd)
{
	char byte;
	ssize_t count;

	do
		count = read(fd, &byte, 1);
	while (count > 0 || (count < 0 && errno == EINTR));
}
