/* The head of a call; see callers.h. */
#include "gui/launcher/callers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "base/log.h"
#include "base/socket.h"
#include "base/text.h"

#define SOCKET_MODE 0660
#define HEAD_MAX_BYTES 512
#define HEAD_TIMEOUT_MS 5000
#define WAITING_MAX 32

struct caller {
	struct list link; /* callers.waiting */
	struct callers *callers;
	int fd;
	struct loop_fd *source;
	struct loop_timer *timer;
};

struct callers {
	struct loop *loop;
	char *path, *service;
	callers_callback callback;
	void *data;
	int fd;
	struct loop_fd *source;
	struct list waiting; /* for their heads: caller.link */
	unsigned int waiting_count;
};

static void
forget(struct caller *c)
{
	list_remove(&c->link);
	c->callers->waiting_count--;
	loop_fd_destroy(c->source);
	loop_timer_destroy(c->timer);
	if (c->fd >= 0)
		close(c->fd);
	free(c);
}

/* "SERVICE[+ARGUMENT] QUBE [KIND TARGET]": the qube, or NULL. */
static const char *
qube_of(const struct callers *c, char *head)
{
	char *rest = head, *word = strsep(&rest, " "), *qube = strsep(&rest, " ");
	char *argument = word != NULL ? strchr(word, '+') : NULL;

	if (argument != NULL)
		*argument = '\0';
	if (qube == NULL || !text_equal(word, c->service) || !qube_name_valid(qube, NULL))
		return NULL;
	return qube;
}

/* What follows the head is not ours to read: it is looked at before it is taken. */
static void
handle_readable(struct loop_fd *source, uint32_t events, void *data)
{
	struct caller *caller = data;
	struct callers *callers = caller->callers;
	char head[HEAD_MAX_BYTES];
	ssize_t held = recv(caller->fd, head, sizeof(head), MSG_PEEK | MSG_DONTWAIT);
	const char *end = held > 0 ? memchr(head, '\0', (size_t)held) : NULL;
	const char *qube;
	int fd;

	(void)source;
	(void)events;
	if (held < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (held <= 0 || (end == NULL && held == (ssize_t)sizeof(head))) {
		forget(caller);
		return;
	}
	/* Half of a head: the rest wakes us only when all of it is awaited by its edge. */
	if (end == NULL) {
		loop_fd_set_events(caller->source, EPOLLIN | EPOLLET);
		return;
	}
	if (recv(caller->fd, head, (size_t)(end - head) + 1, MSG_DONTWAIT) != end - head + 1) {
		forget(caller);
		return;
	}
	qube = qube_of(callers, head);
	fd = caller->fd;
	caller->fd = -1;
	loop_fd_destroy(caller->source);
	caller->source = NULL;
	forget(caller);
	if (qube != NULL) {
		/* As whoever gets it expects it. */
		fd_set_nonblocking(fd, 0);
		callers->callback(callers->data, qube, fd);
	} else {
		log_warning("call at '%s': not understood", callers->path);
		close(fd);
	}
}

static void
handle_timeout(struct loop_timer *timer, void *data)
{
	(void)timer;
	forget(data);
}

static void
handle_connection(struct loop_fd *source, uint32_t events, void *data)
{
	struct callers *callers = data;
	struct caller *c;
	int fd = accept4(callers->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)source;
	(void)events;
	if (fd < 0)
		return;
	if (callers->waiting_count >= WAITING_MAX) {
		close(fd);
		return;
	}
	c = xcalloc(1, sizeof(*c));
	c->callers = callers;
	c->fd = fd;
	list_append(&callers->waiting, &c->link);
	callers->waiting_count++;
	c->timer = loop_timer_create(callers->loop, handle_timeout, c);
	c->source = loop_fd_create(callers->loop, fd, EPOLLIN, handle_readable, c);
	if (c->timer == NULL || c->source == NULL)
		forget(c);
	else
		loop_timer_start(c->timer, HEAD_TIMEOUT_MS);
}

struct callers *
callers_listen(struct loop *loop, const char *path, const char *service, callers_callback callback,
	void *data, struct err *err)
{
	struct callers *c = xcalloc(1, sizeof(*c));

	c->loop = loop;
	c->path = text_copy(path);
	c->service = text_copy(service);
	c->callback = callback;
	c->data = data;
	list_init(&c->waiting);
	c->fd = socket_listen(path, SOCKET_MODE, err);
	if (c->fd >= 0)
		c->source = loop_fd_create(loop, c->fd, EPOLLIN, handle_connection, c);
	if (c->fd >= 0 && c->source == NULL)
		err_set_errno(err, errno, "socket '%s'", path);
	if (c->source == NULL) {
		callers_close(c);
		return NULL;
	}
	return c;
}

void
callers_close(struct callers *c)
{
	struct caller *caller, *following;

	if (c == NULL)
		return;
	list_for_each_safe (caller, following, &c->waiting, link)
		forget(caller);
	loop_fd_destroy(c->source);
	if (c->fd >= 0) {
		unlink(c->path);
		close(c->fd);
	}
	free(c->path);
	free(c->service);
	free(c);
}
