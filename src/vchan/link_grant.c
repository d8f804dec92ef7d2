/*
 * Grants for channels between two qubes; see link_grant.h. Runs in the host's qrexec-daemon. What
 * it reads is the one reply of a vchan-linkd, which is believed no more than its form.
 */
#include "vchan/link_grant.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/local_connect.h"
#include "base/path.h"
#include "base/socket.h"
#include "vchan/link_local.h"

#define RETRY_MS 2 /* as many wait as the listener lets wait */
#define RETRIES_MAX 1000

struct link_grant {
	struct link_grant_config config;
	struct loop *loop;
	link_grant_callback callback;
	void *data;
	int stream_fd; /* to be handed over, then -1 */
	int fd;        /* the connection to vchan-linkd, or -1 */
	struct loop_fd *source;
	struct loop_timer *timer; /* to begin, and to try again */
	unsigned int attempts;
	struct buf reply;
};

static void
drop_connection(struct link_grant *g)
{
	loop_fd_destroy(g->source);
	g->source = NULL;
	if (g->fd >= 0)
		close(g->fd);
	g->fd = -1;
}

static void
end(struct link_grant *g, int result)
{
	drop_connection(g);
	if (g->stream_fd >= 0)
		close(steal_fd(&g->stream_fd));
	g->callback(g, result, g->data);
}

static void
handle_reply(struct loop_fd *source, uint32_t events, void *data)
{
	struct link_grant *g = data;
	enum link_local_status status;
	ssize_t count = buf_read_fd(&g->reply, g->fd, LINK_LOCAL_REPLY_BYTES - buf_len(&g->reply));
	int result;

	(void)source;
	(void)events;
	if (count == -EAGAIN)
		return;
	if (count <= 0) {
		end(g, -ECONNRESET);
		return;
	}
	result = link_local_get_reply(&g->reply, &status);
	if (result == 0 && status != LINK_LOCAL_JOINED)
		result = -ECONNREFUSED;
	if (result != -EAGAIN)
		end(g, result);
}

/* Sends the request with the stream; a fresh connection takes it whole. */
static int
send_request(struct link_grant *g)
{
	const struct link_local_request request = {
		.server = !g->config.serves, /* stands for the other qube, not for this one */
		.own_domain = g->config.peer_domain,
		.peer_domain = g->config.domain,
		.port = g->config.port,
		.grant = true,
	};
	AUTO_BUF struct buf b;
	ssize_t count;

	buf_init(&b, LINK_LOCAL_REQUEST_BYTES);
	if (link_local_put_request(&b, &request) < 0)
		return -ENOMEM;
	count = socket_send_fd(g->fd, buf_data(&b), buf_len(&b), g->stream_fd);
	if (count != LINK_LOCAL_REQUEST_BYTES)
		return count < 0 ? (int)count : -ECONNRESET;
	close(steal_fd(&g->stream_fd));
	return 0;
}

static int
connect_to_linkd(struct link_grant *g)
{
	AUTO_FREE char *path = root_path("/run/vchan/link.%u", g->config.domain);

	g->fd = local_connect_now(path);
	return g->fd < 0 ? g->fd : 0;
}

static int
begin(struct link_grant *g)
{
	int result = connect_to_linkd(g);

	if (result == 0)
		result = send_request(g);
	if (result < 0)
		return result;
	g->source = loop_fd_create(g->loop, g->fd, EPOLLIN, handle_reply, g);
	return g->source == NULL ? -errno : 0;
}

static void
handle_timer(struct loop_timer *timer, void *data)
{
	struct link_grant *g = data;
	int result = begin(g);

	if (result == 0)
		return;
	if (result == -EAGAIN && g->attempts++ < RETRIES_MAX) {
		drop_connection(g);
		loop_timer_start(timer, RETRY_MS);
		return;
	}
	end(g, result);
}

struct link_grant *
link_grant_create(struct loop *loop, const struct link_grant_config *config, int fd,
	link_grant_callback callback, void *data)
{
	struct link_grant *g = calloc(1, sizeof(*g));
	int result;

	if (g == NULL) {
		close(fd);
		errno = ENOMEM;
		return NULL;
	}
	*g = (struct link_grant){.config = *config,
		.loop = loop,
		.callback = callback,
		.data = data,
		.stream_fd = fd,
		.fd = -1};
	buf_init(&g->reply, LINK_LOCAL_REPLY_BYTES);
	g->timer = loop_timer_create(loop, handle_timer, g);
	if (g->timer == NULL) {
		link_grant_destroy(g);
		errno = ENOMEM;
		return NULL;
	}
	/* At once, as a rule: the qubes may be told of the channel when this returns. */
	result = begin(g);
	if (result < 0) {
		drop_connection(g);
		loop_timer_start(g->timer, result == -EAGAIN ? RETRY_MS : 0);
	}
	return g;
}

void
link_grant_destroy(struct link_grant *g)
{
	if (g == NULL)
		return;
	drop_connection(g);
	loop_timer_destroy(g->timer);
	if (g->stream_fd >= 0)
		close(g->stream_fd);
	buf_finish(&g->reply);
	free(g);
}

/* Both halves */

struct link_join {
	struct link_grant *halves[2];
	unsigned int joined;
	link_join_callback callback;
	void *data;
};

static void
handle_half(struct link_grant *grant, int result, void *data)
{
	struct link_join *join = data;

	if (result == 0 && ++join->joined < 2)
		return;
	if (result < 0) {
		for (int i = 0; i < 2; i++) {
			link_grant_destroy(join->halves[i]);
			join->halves[i] = NULL;
		}
	}
	(void)grant;
	join->callback(join, result, join->data);
}

struct link_join *
link_join_create(struct loop *loop, uint32_t server_domain, uint32_t client_domain, uint32_t port,
	link_join_callback callback, void *data)
{
	const struct link_grant_config halves[2] = {
		{.domain = server_domain,
			.peer_domain = client_domain,
			.port = port,
			.serves = true},
		{.domain = client_domain, .peer_domain = server_domain, .port = port},
	};
	struct link_join *join = calloc(1, sizeof(*join));
	int fds[2], result;

	if (join == NULL)
		return NULL;
	join->callback = callback;
	join->data = data;
	result = socket_pair(fds);
	if (result < 0) {
		free(join);
		errno = -result;
		return NULL;
	}
	for (int i = 0; i < 2; i++)
		join->halves[i] = link_grant_create(loop, &halves[i], fds[i], handle_half, join);
	if (join->halves[0] == NULL || join->halves[1] == NULL) {
		link_join_destroy(join);
		errno = ENOMEM;
		return NULL;
	}
	return join;
}

void
link_join_destroy(struct link_join *join)
{
	if (join == NULL)
		return;
	for (int i = 0; i < 2; i++)
		link_grant_destroy(join->halves[i]);
	free(join);
}
