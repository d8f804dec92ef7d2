/* Non-blocking connect to a local socket. Runs in qrexec-daemon. */
#include "qrexec/host/local_connect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/text.h"

#define RETRY_MS 5

struct local_connect {
	char *path;
	struct loop_timer *timer;
	uint64_t deadline_ms;
	local_connect_callback callback;
	void *data;
};

/* A path that does not fit goes by its directory, which procfs names in few bytes. */
static int
address_fill(struct sockaddr_un *address, const char *path, int *ret_directory_fd)
{
	const char *name = strrchr(path, '/');
	AUTO_FREE char *directory = NULL;
	int count;

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) < sizeof(address->sun_path)) {
		memcpy(address->sun_path, path, strlen(path) + 1);
		return 0;
	}
	if (name == NULL || name == path)
		return -ENAMETOOLONG;
	directory = text_format("%.*s", (int)(name - path), path);
	*ret_directory_fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*ret_directory_fd < 0)
		return -errno;
	count = snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d%s",
		*ret_directory_fd, name);
	return count < 0 || (size_t)count >= sizeof(address->sun_path) ? -ENAMETOOLONG : 0;
}

static int
connect_now(const char *path)
{
	AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	AUTO_FD int directory_fd = -1;
	struct sockaddr_un address;
	int result;

	if (fd < 0)
		return -errno;
	result = address_fill(&address, path, &directory_fd);
	if (result < 0)
		return result;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return steal_fd(&fd);
}

static void
handle_timer(struct loop_timer *timer, void *data)
{
	struct local_connect *c = data;
	int result = connect_now(c->path);

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
