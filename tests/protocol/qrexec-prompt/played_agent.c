/* A played policy agent and played callers; see played_agent.h. */
#include "played_agent.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/path.h"
#include "base/socket.h"
#include "base/text.h"

#define AGENT_SOCKET "/run/qubes/policy-agent.sock"
#define POLICY_SOCKET "/run/qubes/policy.sock"
#define PATIENCE_MS 30000
#define MAX_BYTES (1u << 20)

static int listening_fd;

void
played_agent_start(void)
{
	AUTO_FREE char *path = root_path(AGENT_SOCKET);
	AUTO_ERR struct err err = ERR_INIT;

	listening_fd = socket_listen(path, 0600, &err);
	if (listening_fd < 0)
		fatal("%s", err_message(&err));
}

void
played_agent_stop(void)
{
	AUTO_FREE char *path = root_path(AGENT_SOCKET);

	close(listening_fd);
	unlink(path);
}

bool
played_agent_is_asked(int timeout_ms)
{
	struct pollfd pollfd = {listening_fd, POLLIN, 0};

	return poll(&pollfd, 1, timeout_ms) == 1;
}

static void
read_to_end(int fd, struct buf *in)
{
	struct pollfd pollfd = {fd, POLLIN, 0};

	while (poll(&pollfd, 1, PATIENCE_MS) == 1) {
		if (buf_read_fd(in, fd, MAX_BYTES) <= 0)
			return;
	}
	fatal("nothing more comes, and no end");
}

void
played_agent_take(struct played_request *ret)
{
	AUTO_BUF struct buf in;
	const char *header;

	if (!played_agent_is_asked(PATIENCE_MS))
		fatal("the agent is not asked");
	ret->fd = accept(listening_fd, NULL, NULL);
	buf_init(&in, MAX_BYTES);
	read_to_end(ret->fd, &in);
	if (buf_get_text(&in, sizeof(ret->header) - 1, &header) < 0)
		fatal("the request has no header");
	memcpy(ret->header, header, strlen(header) + 1);
	ret->json = json_loadb((const char *)buf_data(&in), buf_len(&in), 0, NULL);
	if (ret->json == NULL)
		fatal("the request is no JSON");
}

void
played_agent_answer(struct played_request *r, const char *answer)
{
	if (answer != NULL)
		write_all(r->fd, answer, strlen(answer));
	close(r->fd);
	json_decref(r->json);
}

bool
played_agent_sees_end(const struct played_request *r)
{
	struct pollfd pollfd = {r->fd, 0, 0};

	return poll(&pollfd, 1, PATIENCE_MS) == 1 && (pollfd.revents & POLLHUP) != 0;
}

int
caller_ask(const char *source, const char *target, const char *service)
{
	AUTO_FREE char *path = root_path(POLICY_SOCKET);
	AUTO_FREE char *question = text_format("source=%s\nintended_target=%s\n"
					       "service_and_arg=%s\nrequested_source=\n\n",
		source, target, service);
	AUTO_ERR struct err err = ERR_INIT;
	int fd = socket_connect(path, &err);

	if (fd < 0 || write_all(fd, question, strlen(question)) < 0)
		fatal("%s", err_message(&err));
	shutdown(fd, SHUT_WR);
	return fd;
}

char *
caller_answer(int fd)
{
	AUTO_BUF struct buf in;

	buf_init(&in, MAX_BYTES);
	read_to_end(fd, &in);
	close(fd);
	return buf_steal_string(&in);
}
