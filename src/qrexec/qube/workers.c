/*
 * The agent's side of its workers; see workers.h. A worker is a fork of the agent with one socket
 * to it: a call goes there in one message, a byte comes back when it is over.
 */
#include "qrexec/qube/workers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "qrexec/qube/worker.h"

#define IDLE_MAX 8 /* more are not kept */
#define IDLE_MS 10000
#define CALLS_PER_WORKER 1000 /* then a fresh process takes its place */

struct worker {
	struct list link; /* workers.idle or workers.others */
	struct workers *workers;
	struct loop_child *child;
	struct loop_fd *answers; /* NULL when no more is expected */
	int fd;
	bool idle;
	unsigned int calls;
	worker_callback handle_end; /* of the call under way; NULL: none, or forgotten */
	void *data;
};

struct workers {
	struct agent *agent;
	struct list idle;   /* the last used first */
	struct list others; /* with a call, or ending */
	size_t idle_count;
	struct loop_timer *timer;
};

static void
set_idle(struct worker *w, bool idle)
{
	struct workers *workers = w->workers;

	if (w->idle == idle)
		return;
	w->idle = idle;
	list_remove(&w->link);
	list_append(idle ? workers->idle.next : &workers->others, &w->link);
	workers->idle_count += idle ? 1 : -1;
}

static void
worker_destroy(struct worker *w)
{
	set_idle(w, false);
	list_remove(&w->link);
	loop_fd_destroy(w->answers);
	loop_child_destroy(w->child);
	close(w->fd);
	free(w);
}

/* Without a socket it ends by itself, which handle_death() then sees. */
static void
dismiss(struct worker *w)
{
	set_idle(w, false);
	loop_fd_destroy(w->answers);
	w->answers = NULL;
	shutdown(w->fd, SHUT_RDWR);
}

static void
end_call(struct worker *w)
{
	worker_callback handle_end = w->handle_end;

	w->handle_end = NULL;
	if (handle_end != NULL)
		handle_end(w, w->data);
}

static void
handle_answer(struct loop_fd *source, uint32_t events, void *data)
{
	struct worker *w = data;
	char byte;
	ssize_t n = recv(w->fd, &byte, sizeof(byte), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || w->calls >= CALLS_PER_WORKER || w->workers->idle_count >= IDLE_MAX) {
		dismiss(w);
	} else {
		set_idle(w, true);
		loop_timer_start(w->workers->timer, IDLE_MS);
	}
	if (n > 0)
		end_call(w);
}

static void
handle_death(struct loop_child *child, int wait_status, void *data)
{
	struct worker *w = data;

	if (WIFSIGNALED(wait_status))
		log_warning("call: its worker %d was killed by signal %d",
			(int)loop_child_pid(child), WTERMSIG(wait_status));
	end_call(w);
	worker_destroy(w);
}

/* No call has come for a while: one worker is enough to wait for the next. */
static void
handle_quiet(struct loop_timer *timer, void *data)
{
	struct workers *workers = data;

	while (workers->idle_count > 1)
		dismiss(container_of(workers->idle.prev, struct worker, link));
}

static struct worker *
worker_create(struct workers *workers)
{
	struct worker *w;
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return NULL;
	pid = fork();
	if (pid == 0)
		_exit(worker_run(pair[1], &workers->agent->options));
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return NULL;
	}
	w = xcalloc(1, sizeof(*w));
	list_append(&workers->others, &w->link);
	w->workers = workers;
	w->fd = pair[0];
	w->child = loop_child_create(workers->agent->loop, pid, handle_death, w);
	w->answers = loop_fd_create(workers->agent->loop, w->fd, EPOLLIN, handle_answer, w);
	if (w->child == NULL || w->answers == NULL)
		fatal("call: cannot watch its worker: %s", strerror(errno));
	return w;
}

struct worker *
workers_carry(struct workers *workers, const struct call *call, int session_fd,
	worker_callback handle_end, void *data)
{
	struct worker *w;
	int e;

	for (;;) {
		bool fresh = list_empty(&workers->idle);

		w = fresh ? worker_create(workers)
			  : container_of(workers->idle.next, struct worker, link);
		if (w == NULL) {
			log_error("call: cannot have a process: %s", strerror(errno));
			return NULL;
		}
		set_idle(w, false);
		e = worker_send(w->fd, call, session_fd);
		if (e == 0)
			break;
		dismiss(w);
		if (fresh) {
			log_error("call: cannot hand it over: %s", strerror(-e));
			return NULL;
		}
		/* It died while idle; the next one, or a new one, will do. */
	}
	w->calls++;
	w->handle_end = handle_end;
	w->data = data;
	return w;
}

void
worker_forget(struct worker *worker)
{
	worker->handle_end = NULL;
}

struct workers *
workers_create(struct agent *agent)
{
	struct workers *workers = xcalloc(1, sizeof(*workers));

	workers->agent = agent;
	list_init(&workers->idle);
	list_init(&workers->others);
	workers->timer = loop_timer_create(agent->loop, handle_quiet, workers);
	if (workers->timer == NULL)
		fatal("call: %s", strerror(errno));
	return workers;
}

void
workers_destroy(struct workers *workers)
{
	struct worker *w, *next;

	if (workers == NULL)
		return;
	list_for_each_safe (w, next, &workers->idle, link)
		worker_destroy(w);
	list_for_each_safe (w, next, &workers->others, link)
		worker_destroy(w);
	loop_timer_destroy(workers->timer);
	free(workers);
}
