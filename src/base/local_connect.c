/* Non-blocking connect to a local socket; see local_connect.h. */
#include "base/local_connect.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/socket_address.h"
#include "base/text.h"

#define RETRY_MS 5

struct local_connect {
	char *path;
	struct loop_timer *timer;
	uint64_t deadline_ms;
	local_connect_callback callback;
	void *data;
};

int
local_connect_now(const char *path)
{
	AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	AUTO_FD int directory_fd = -1;
	struct sockaddr_un address;
	int result;

	if (fd < 0)
		return -errno;
	result = socket_address_init(&address, path, &directory_fd);
	if (result < 0)
		return result;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return steal_fd(&fd);
}

int
local_connect(const char *path, struct err *err)
{
	int result = local_connect_now(path);

	return result < 0 ? err_set_errno(err, -result, "socket '%s': cannot connect", path)
			  : result;
}

static void
handle_timer(struct loop_timer *timer, void *data)
{
	struct local_connect *c = data;
	int result = local_connect_now(c->path);

	(void)timer;
	if (result == -EAGAIN && loop_now_ms() < c->deadline_ms) {
		loop_timer_start(c->timer, RETRY_MS);
		return;
	}
	c->callback(result == -EAGAIN ? -ETIMEDOUT : result, c->data);
}

struct local_connect *
local_connect_create(
	struct loop *loop, const char *path, local_connect_callback callback, void *data)
{
	struct local_connect *c = xcalloc(1, sizeof(*c));

	c->path = text_copy(path);
	c->callback = callback;
	c->data = data;
	c->deadline_ms = loop_now_ms() + LOCAL_CONNECT_TIMEOUT_MS;
	c->timer = loop_timer_create(loop, handle_timer, c);
	if (c->timer == NULL) {
		local_connect_destroy(c);
		return NULL;
	}
	loop_timer_start(c->timer, 0);
	return c;
}

void
local_connect_destroy(struct local_connect *c)
{
	if (c == NULL)
		return;
	loop_timer_destroy(c->timer);
	free(c->path);
	free(c);
}
