/* One request on its way (admin_connection.h). */
#include "tools/lib/admin_connection.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/child.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "base/socket.h"
#include "base/text.h"

#define QREXEC_AGENT_SOCKET "/run/qubes/qrexec-agent"
#define READ_CHUNK 65536
#define REQUEST_MAX (1u << 20)

bool
admin_word_valid(const char *word)
{
	for (; *word != '\0'; word++)
		if ((unsigned char)*word <= ' ' || *word == 0x7f)
			return false;
	return true;
}

static bool
path_exists(const char *path)
{
	AUTO_FREE char *full = root_path("%s", path);

	return access(full, F_OK) == 0;
}

bool
admin_is_local(void)
{
	return path_exists(ADMIN_SOCKET);
}

/* METHOD[+ARG] SP SRC SP name SP DEST NUL PAYLOAD. */
static int
queue_request(struct admin_connection *c, const struct admin_call *call)
{
	const char *argument = call->argument != NULL ? call->argument : "";
	int e = buf_printf(&c->out, "%s%s%s %s name %s", call->method, *argument != '\0' ? "+" : "",
		argument, ADMIN_SOURCE, call->destination);

	if (e >= 0)
		e = buf_put_u8(&c->out, 0);
	return e < 0 ? e : buf_put(&c->out, call->payload, call->payload_size);
}

static int
open_socket(struct admin_connection *c, const struct admin_call *call, struct err *err)
{
	AUTO_FREE char *path =
		root_path("%s", call->internal ? ADMIN_INTERNAL_SOCKET : ADMIN_SOCKET);
	AUTO_ERR struct err cause = ERR_INIT;

	c->read_fd = c->write_fd = socket_connect(path, &cause);
	if (c->read_fd >= 0) {
		fd_set_nonblocking(c->read_fd, true);
		if (queue_request(c, call) < 0)
			return err_set(err, EMSGSIZE, "request '%s': too large", call->method);
		return 0;
	}
	if (cause.code == EACCES)
		return err_set(err, EACCES,
			"cannot connect to '%s': permission denied; members of the group 'qubes' "
			"may",
			path);
	if (cause.code == ECONNREFUSED)
		return err_set(err, ECONNREFUSED,
			"bulkheadd does not run (nobody listens on '%s'); start it with "
			"'systemctl start bulkheadd'",
			path);
	return err_move(err, &cause);
}

static int
open_qrexec(struct admin_connection *c, const struct admin_call *call, struct err *err)
{
	const char *argument = call->argument != NULL ? call->argument : "";
	AUTO_FREE char *service =
		text_format("%s%s%s", call->method, *argument != '\0' ? "+" : "", argument);
	const char *argv[] = {"qrexec-client-vm", "--", call->destination, service, NULL};
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) < 0)
		return err_set_errno(err, errno, "cannot make a pipe");
	if (pipe2(out, O_CLOEXEC) < 0) {
		int code = errno;

		close(in[0]);
		close(in[1]);
		return err_set_errno(err, code, "cannot make a pipe");
	}

	const struct child_fd fds[] = {{in[0], 0}, {out[1], 1}, {STDERR_FILENO, 2}};
	const struct child_config config = {
		.argv = argv,
		.fds = fds,
		.fd_count = 3,
		.uid = (uid_t)-1,
		.gid = (gid_t)-1,
		.keep_session = true,
	};
	pid_t child = child_start(&config, err);

	close(in[0]);
	close(out[1]);
	c->write_fd = in[1];
	c->read_fd = out[0];
	if (child < 0)
		return -1;
	c->child = child;
	fd_set_nonblocking(c->write_fd, true);
	fd_set_nonblocking(c->read_fd, true);
	if (buf_put(&c->out, call->payload, call->payload_size) < 0)
		return err_set(err, EMSGSIZE, "request '%s': too large", call->method);
	return 0;
}

struct admin_connection *
admin_connection_open(const struct admin_call *call, struct err *err)
{
	struct admin_connection *c = xcalloc(1, sizeof(*c));
	int status;

	c->read_fd = c->write_fd = -1;
	buf_init(&c->out, REQUEST_MAX);
	buf_init(&c->in, ADMIN_REPLY_MAX);

	if (!admin_word_valid(call->method) || !admin_word_valid(call->destination) ||
		(call->argument != NULL && !admin_word_valid(call->argument)))
		status = err_set(err, EINVAL, "'%s': contains illegal characters",
			call->argument != NULL && !admin_word_valid(call->argument)
				? call->argument
				: call->destination);
	else if (admin_is_local())
		status = open_socket(c, call, err);
	else if (!call->internal && path_exists(QREXEC_AGENT_SOCKET))
		status = open_qrexec(c, call, err);
	else
		status = err_set(err, ENOENT,
			"bulkheadd does not run (there is no socket '%s%s'); start it with "
			"'systemctl start bulkheadd'",
			root_prefix(), ADMIN_SOCKET);

	if (status == 0)
		return c;
	admin_connection_close(c);
	return NULL;
}

void
admin_connection_close(struct admin_connection *c)
{
	if (c == NULL)
		return;
	if (c->write_fd >= 0 && c->write_fd != c->read_fd)
		close(c->write_fd);
	if (c->read_fd >= 0)
		close(c->read_fd);
	if (c->child > 0) {
		if (!c->ended)
			kill(c->child, SIGTERM);
		child_reap(c->child);
	}
	buf_finish(&c->out);
	buf_finish(&c->in);
	free(c);
}

/* The request is out: the peer learns it by the end of our side. */
static void
end_request(struct admin_connection *c)
{
	if (c->write_fd == c->read_fd)
		shutdown(c->write_fd, SHUT_WR);
	else
		close(c->write_fd);
	c->write_fd = -1;
}

/* Writes without SIGPIPE: a daemon that refuses early has its answer read all the same. */
static ssize_t
write_once(struct admin_connection *c)
{
	ssize_t count =
		c->write_fd == c->read_fd
			? send(c->write_fd, buf_data(&c->out), buf_len(&c->out), MSG_NOSIGNAL)
			: write(c->write_fd, buf_data(&c->out), buf_len(&c->out));

	if (count < 0)
		return -errno;
	buf_consume(&c->out, (size_t)count);
	return count;
}

int
admin_connection_advance(struct admin_connection *c, struct err *err)
{
	while (c->write_fd >= 0) {
		ssize_t count = buf_len(&c->out) > 0 ? write_once(c) : 0;

		if (count == -EAGAIN)
			break;
		if (count == -EINTR)
			continue;
		if (buf_len(&c->out) == 0 || count < 0)
			end_request(c);
	}
	while (!c->ended) {
		ssize_t count = buf_read_fd(&c->in, c->read_fd, READ_CHUNK);

		if (count == -EAGAIN)
			break;
		if (count == -EINTR)
			continue;
		if (count == -ENOBUFS)
			return err_set(err, EMSGSIZE, "answer of the daemon: too large");
		/* A reset after the whole answer was read is an end like another. */
		if (count == 0 || count == -ECONNRESET)
			c->ended = true;
		else if (count < 0)
			return err_set_errno(
				err, (int)-count, "cannot read the answer of the daemon");
	}
	return 0;
}
