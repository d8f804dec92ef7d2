/*
 * Requests to fork servers; see fork_request.h. The agent writes them, the fork server reads them:
 * who can connect to it is this user or root, yet a bad request only costs its own connection.
 */
#include "qrexec/qube/fork_request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/socket_address.h"
#include "base/stream.h"
#include "base/text.h"

struct fork_request {
	struct stream *stream;
	fork_request_callback handle_end;
	void *data;
};

struct wire_header {
	uint32_t type;
	uint32_t domain;
	uint32_t port;
	uint32_t size;
};

_Static_assert(sizeof(struct wire_header) == FORK_HEADER_BYTES, "header has no padding");

int
fork_request_put(
	struct buf *out, uint32_t type, uint32_t domain, uint32_t port, const char *command)
{
	struct wire_header header = {type, domain, port, 0};
	size_t size = strlen(command) + 1;
	int e;

	if (size > FORK_COMMAND_MAX)
		return -EMSGSIZE;
	header.size = (uint32_t)size;
	if ((e = buf_put(out, &header, sizeof(header))) < 0)
		return e;
	return buf_put(out, command, size);
}

int
fork_request_get(struct buf *in, uint32_t *ret_type, uint32_t *ret_domain, uint32_t *ret_port,
	char **ret_command)
{
	struct wire_header header;
	AUTO_FREE char *command = NULL;

	if (buf_len(in) < sizeof(header))
		return -EAGAIN;
	memcpy(&header, buf_data(in), sizeof(header));
	if (header.size == 0 || header.size > FORK_COMMAND_MAX)
		return -EBADMSG;
	if (buf_len(in) - sizeof(header) < header.size)
		return -EAGAIN;
	command = malloc(header.size);
	if (command == NULL)
		return -ENOMEM;
	buf_consume(in, sizeof(header));
	buf_get(in, command, header.size);
	if (memchr(command, 0, header.size) != command + header.size - 1)
		return -EBADMSG;
	*ret_type = header.type;
	*ret_domain = header.domain;
	*ret_port = header.port;
	*ret_command = steal_ptr(command);
	return 0;
}

char *
fork_server_path(const char *pattern, const char *user)
{
	AUTO_FREE char *standard = root_path("%s", FORK_SERVER_PATTERN);
	const char *from = pattern != NULL ? pattern : standard;
	const char *mark = strstr(from, "%s");

	if (user[0] == '\0' || strchr(user, '/') != NULL)
		return NULL;
	if (mark == NULL)
		return text_copy(from);
	return text_format("%.*s%s%s", (int)(mark - from), from, user, mark + 2);
}

/* Never waits: a server that is stuck must not hold up the agent. */
static int
connect_now(const char *path)
{
	AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	AUTO_FD int directory = -1;
	struct sockaddr_un address;

	if (fd < 0 || socket_address_init(&address, path, &directory) < 0 ||
		connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -1;
	return steal_fd(&fd);
}

static void
handle_data(struct stream *s, struct buf *in, void *data)
{
	buf_clear(in); /* nothing is said in return; the end is what counts */
}

static void
handle_end(struct stream *s, int error, void *data)
{
	struct fork_request *request = data;

	request->handle_end(request, request->data);
}

struct fork_request *
fork_request_create(struct loop *loop, const char *pattern, const char *user, uint32_t type,
	uint32_t domain, uint32_t port, const char *command, fork_request_callback callback,
	void *data)
{
	static const struct stream_handler handler = {
		.handle_data = handle_data,
		.handle_end = handle_end,
	};
	AUTO_FREE char *path = fork_server_path(pattern, user);
	AUTO_BUF struct buf message;
	struct fork_request *request;
	int fd = path != NULL ? connect_now(path) : -1;

	buf_init(&message, FORK_HEADER_BYTES + FORK_COMMAND_MAX);
	if (fd < 0)
		return NULL;
	request = xcalloc(1, sizeof(*request));
	request->handle_end = callback;
	request->data = data;
	request->stream = stream_create(
		loop, fd, 256, FORK_HEADER_BYTES + FORK_COMMAND_MAX, &handler, request);
	if (request->stream == NULL ||
		fork_request_put(&message, type, domain, port, command) < 0 ||
		stream_send(request->stream, buf_data(&message), buf_len(&message)) < 0) {
		fork_request_destroy(request);
		return NULL;
	}
	return request;
}

void
fork_request_destroy(struct fork_request *request)
{
	if (request == NULL)
		return;
	stream_destroy(request->stream);
	free(request);
}
