/* The daemon's end; see courier.h. */
#include "qrexec/policy/courier.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "base/log.h"
#include "base/socket.h"
#include "base/text.h"
#include "qrexec/policy/courier_internal.h"

#define MAX_ERRANDS 128

struct courier {
	struct loop *loop;
	int fd;
	struct loop_fd *source;
	struct list errands; /* errand.link */
	size_t errand_count;
	uint64_t last_id;
};

struct errand {
	struct courier *courier;
	struct list link; /* courier.errands */
	uint64_t id;
	courier_callback callback;
	void *data;
};

const char *
courier_service_name(enum courier_service service)
{
	return service == COURIER_ASK ? "policy.Ask" : "policy.Notify";
}

int
courier_start(const char *client, struct err *err)
{
	pid_t parent = getpid(), pid;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return err_set_errno(err, errno, "courier: cannot start");
	pid = fork();
	if (pid < 0) {
		close(ends[0]);
		close(ends[1]);
		return err_set_errno(err, errno, "courier: cannot start");
	}
	if (pid == 0) {
		close(ends[0]);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(getppid() == parent ? courier_process(ends[1], client) : 1);
	}
	close(ends[1]);
	return ends[0];
}

static void
errand_free(struct errand *e)
{
	list_remove(&e->link);
	e->courier->errand_count--;
	free(e);
}

static struct errand *
find_errand(struct courier *c, uint64_t id)
{
	struct errand *e;

	list_for_each (e, &c->errands, link) {
		if (e->id == id)
			return e;
	}
	return NULL;
}

static void
finish_errand(struct courier *c, const struct courier_answer *answer, int fd)
{
	struct errand *e = find_errand(c, answer->id);
	courier_callback callback;
	void *data;

	if (e == NULL) {
		if (fd >= 0)
			close(fd); /* cancelled: the agent sees the end */
		return;
	}
	callback = e->callback;
	data = e->data;
	errand_free(e);
	if (fd >= 0)
		callback(fd, data);
	else
		callback(answer->error < 0 ? answer->error : -EPROTO, data);
}

static void
handle_answer(struct loop_fd *source, uint32_t events, void *data)
{
	struct courier *c = data;
	struct courier_answer answer = {0};
	ssize_t count;
	int fd;

	(void)source;
	(void)events;
	count = socket_receive_fd(c->fd, &answer, sizeof(answer), &fd);
	if (count == -EAGAIN)
		return;
	if (count != sizeof(answer)) {
		log_error("courier: is gone: nobody can be asked");
		loop_fd_set_events(c->source, 0);
		loop_quit(c->loop, 1);
		return;
	}
	finish_errand(c, &answer, fd);
}

struct courier *
courier_create(struct loop *loop, int fd)
{
	struct courier *c = xcalloc(1, sizeof(*c));

	*c = (struct courier){.loop = loop, .fd = fd};
	list_init(&c->errands);
	fd_set_nonblocking(fd, 1);
	c->source = loop_fd_create(loop, fd, EPOLLIN, handle_answer, c);
	if (c->source == NULL) {
		courier_destroy(c);
		return NULL;
	}
	return c;
}

void
courier_destroy(struct courier *c)
{
	struct errand *e, *following;

	if (c == NULL)
		return;
	list_for_each_safe (e, following, &c->errands, link)
		errand_free(e);
	loop_fd_destroy(c->source);
	close(c->fd);
	free(c);
}

struct errand *
courier_ask(struct courier *c, const char *gui_qube, enum courier_service service,
	courier_callback callback, void *data)
{
	struct courier_request request = {.id = c->last_id + 1, .service = service};
	struct errand *e;

	if (c->errand_count == MAX_ERRANDS || strlen(gui_qube) > POLICY_QUBE_NAME_MAX)
		return NULL;
	memcpy(request.gui_qube, gui_qube, strlen(gui_qube));
	if (send(c->fd, &request, sizeof(request), MSG_NOSIGNAL | MSG_DONTWAIT) != sizeof(request))
		return NULL;
	c->last_id = request.id;
	e = xcalloc(1, sizeof(*e));
	*e = (struct errand){.courier = c, .id = request.id, .callback = callback, .data = data};
	list_append(&c->errands, &e->link);
	c->errand_count++;
	return e;
}

void
courier_cancel(struct errand *errand)
{
	if (errand != NULL)
		errand_free(errand);
}
