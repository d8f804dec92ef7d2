/*
 * The event loop; see loop.h. Kernel events carry a pointer to their source; a source destroyed
 * while a batch is dispatched is struck from the rest of that batch.
 */
#include "base/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/child.h"
#include "base/list.h"
#include "base/system_calls.h"

#define LOOP_BATCH 64

struct loop {
	int epoll_fd;
	bool quitting;
	int status;
	uint64_t turn;             /* number of the current step */
	struct list timers;        /* loop_timer.link, the armed ones */
	struct list deferred;      /* loop_deferred.link, the scheduled ones */
	struct epoll_event *batch; /* being dispatched, or NULL */
	int batch_count;
};

struct loop_fd {
	struct loop *loop;
	int fd;
	uint32_t events;
	loop_fd_callback callback;
	void *data;
};

struct loop_timer {
	struct loop *loop;
	struct list link; /* loop.timers */
	uint64_t deadline_ms;
	uint64_t armed_turn;
	loop_timer_callback callback;
	void *data;
};

struct loop_signal {
	struct loop_fd *source;
	int fd;
	int signal_number;
	loop_signal_callback callback;
	void *data;
};

struct loop_child {
	struct loop_fd *source;
	int pidfd;
	pid_t pid;
	loop_child_callback callback;
	void *data;
};

struct loop_deferred {
	struct loop *loop;
	struct list link; /* loop.deferred */
	loop_deferred_callback callback;
	void *data;
};

struct loop *
loop_create(void)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (loop == NULL)
		return NULL;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0) {
		free(loop);
		return NULL;
	}
	list_init(&loop->timers);
	list_init(&loop->deferred);
	return loop;
}

void
loop_destroy(struct loop *loop)
{
	if (loop == NULL)
		return;
	close(loop->epoll_fd);
	free(loop);
}

uint64_t
loop_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The time until the next timer, no longer than limit_ms (-1: for ever). */
static int
time_to_wait(const struct loop *loop, int limit_ms)
{
	uint64_t now, wait_ms = limit_ms < 0 ? UINT64_MAX : (uint64_t)limit_ms;
	const struct loop_timer *timer;

	if (!list_empty(&loop->deferred))
		return 0;
	if (list_empty(&loop->timers))
		return limit_ms;
	now = loop_now_ms();
	list_for_each (timer, &loop->timers, link) {
		uint64_t left_ms = timer->deadline_ms > now ? timer->deadline_ms - now : 0;

		if (left_ms < wait_ms)
			wait_ms = left_ms;
	}
	return wait_ms > 1000000000 ? 1000000000 : (int)wait_ms;
}

static int
dispatch_fds(struct loop *loop, struct epoll_event *batch, int count)
{
	int called = 0;

	loop->batch = batch;
	loop->batch_count = count;
	for (int i = 0; i < count; i++) {
		struct loop_fd *source = batch[i].data.ptr;

		if (source == NULL)
			continue;
		source->callback(source, batch[i].events, source->data);
		called++;
	}
	loop->batch = NULL;
	return called;
}

/* One timer that is due and was armed before this turn, so that none can starve the rest. */
static struct loop_timer *
find_due_timer(const struct loop *loop, uint64_t now)
{
	struct loop_timer *timer, *due = NULL;

	list_for_each (timer, &loop->timers, link) {
		if (timer->deadline_ms > now || timer->armed_turn == loop->turn)
			continue;
		if (due == NULL || timer->deadline_ms < due->deadline_ms)
			due = timer;
	}
	return due;
}

static int
dispatch_timers(struct loop *loop)
{
	struct loop_timer *timer;
	int called = 0;

	if (list_empty(&loop->timers))
		return 0;
	uint64_t now = loop_now_ms();
	while ((timer = find_due_timer(loop, now)) != NULL) {
		list_remove(&timer->link);
		timer->callback(timer, timer->data);
		called++;
	}
	return called;
}

static int
dispatch_deferred(struct loop *loop)
{
	struct list due;
	int called = 0;

	if (list_empty(&loop->deferred))
		return 0;
	/* What is scheduled from here on waits for the next turn. */
	due = loop->deferred;
	due.next->prev = due.prev->next = &due;
	list_init(&loop->deferred);
	while (!list_empty(&due)) {
		struct loop_deferred *source = container_of(due.next, struct loop_deferred, link);

		list_remove(&source->link);
		source->callback(source, source->data);
		called++;
	}
	return called;
}

int
loop_step(struct loop *loop, int timeout_ms)
{
	struct epoll_event batch[LOOP_BATCH];
	int count, called = 0;

	count = epoll_wait(loop->epoll_fd, batch, LOOP_BATCH, time_to_wait(loop, timeout_ms));
	if (count < 0 && errno != EINTR)
		return -errno;
	loop->turn++;
	/* Deferred calls may destroy sources whose events are in the batch already. */
	loop->batch = batch;
	loop->batch_count = count > 0 ? count : 0;
	called += dispatch_deferred(loop);
	if (count > 0)
		called += dispatch_fds(loop, batch, count);
	loop->batch = NULL;
	called += dispatch_timers(loop);
	return called;
}

int
loop_run(struct loop *loop)
{
	loop->quitting = false;
	while (!loop->quitting) {
		int result = loop_step(loop, -1);

		if (result < 0)
			return result;
	}
	return loop->status;
}

void
loop_quit(struct loop *loop, int status)
{
	loop->quitting = true;
	loop->status = status;
}

struct loop_fd *
loop_fd_create(struct loop *loop, int fd, uint32_t events, loop_fd_callback callback, void *data)
{
	struct loop_fd *source = calloc(1, sizeof(*source));
	struct epoll_event event = {.events = events};

	if (source == NULL)
		return NULL;
	*source = (struct loop_fd){
		.loop = loop, .fd = fd, .events = events, .callback = callback, .data = data};
	event.data.ptr = source;
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
		free(source);
		return NULL;
	}
	return source;
}

int
loop_fd_set_events(struct loop_fd *source, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = source};

	/* Also spares a hang-up that nobody wants to hear of from being reported again. */
	if (events == source->events)
		return 0;
	if (epoll_ctl(source->loop->epoll_fd, EPOLL_CTL_MOD, source->fd, &event) < 0)
		return -errno;
	source->events = events;
	return 0;
}

void
loop_fd_destroy(struct loop_fd *source)
{
	struct loop *loop;

	if (source == NULL)
		return;
	loop = source->loop;
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
	if (loop->batch != NULL) {
		for (int i = 0; i < loop->batch_count; i++) {
			if (loop->batch[i].data.ptr == source)
				loop->batch[i].data.ptr = NULL;
		}
	}
	free(source);
}

struct loop_timer *
loop_timer_create(struct loop *loop, loop_timer_callback callback, void *data)
{
	struct loop_timer *timer = calloc(1, sizeof(*timer));

	if (timer == NULL)
		return NULL;
	*timer = (struct loop_timer){.loop = loop, .callback = callback, .data = data};
	list_init(&timer->link);
	return timer;
}

void
loop_timer_start(struct loop_timer *timer, uint64_t delay_ms)
{
	list_remove(&timer->link);
	timer->deadline_ms = loop_now_ms() + delay_ms;
	timer->armed_turn = timer->loop->turn;
	list_append(&timer->loop->timers, &timer->link);
}

void
loop_timer_stop(struct loop_timer *timer)
{
	list_remove(&timer->link);
}

void
loop_timer_destroy(struct loop_timer *timer)
{
	if (timer == NULL)
		return;
	list_remove(&timer->link);
	free(timer);
}

static void
handle_signal(struct loop_fd *source, uint32_t events, void *data)
{
	struct loop_signal *s = data;
	struct signalfd_siginfo information;

	(void)source;
	(void)events;
	if (read(s->fd, &information, sizeof(information)) == sizeof(information))
		s->callback(s, s->signal_number, s->data);
}

struct loop_signal *
loop_signal_create(struct loop *loop, int signal_number, loop_signal_callback callback, void *data)
{
	struct loop_signal *s = calloc(1, sizeof(*s));
	sigset_t set;

	if (s == NULL)
		return NULL;
	*s = (struct loop_signal){
		.fd = -1, .signal_number = signal_number, .callback = callback, .data = data};
	sigemptyset(&set);
	sigaddset(&set, signal_number);
	if (sigprocmask(SIG_BLOCK, &set, NULL) == 0)
		s->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->fd >= 0)
		s->source = loop_fd_create(loop, s->fd, EPOLLIN, handle_signal, s);
	if (s->source == NULL) {
		loop_signal_destroy(s);
		return NULL;
	}
	return s;
}

void
loop_signal_destroy(struct loop_signal *s)
{
	if (s == NULL)
		return;
	loop_fd_destroy(s->source);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

/* The layout that waitpid() uses, from what waitid() tells. */
static int
wait_status_of(const siginfo_t *information)
{
	if (information->si_code == CLD_EXITED)
		return (information->si_status & 0xff) << 8;
	return information->si_status & 0x7f;
}

static void
handle_child_end(struct loop_fd *source, uint32_t events, void *data)
{
	struct loop_child *child = data;
	siginfo_t information = {0};
	int status = -1;

	(void)events;
	if (waitid(P_PIDFD, (id_t)child->pidfd, &information, WEXITED) == 0)
		status = wait_status_of(&information);
	else if (errno != ECHILD)
		return;
	loop_fd_destroy(source);
	child->source = NULL;
	child->callback(child, status, child->data);
}

struct loop_child *
loop_child_create(struct loop *loop, pid_t pid, loop_child_callback callback, void *data)
{
	struct loop_child *child = calloc(1, sizeof(*child));

	if (child == NULL)
		return NULL;
	*child = (struct loop_child){.pid = pid, .callback = callback, .data = data};
	child->pidfd = pidfd_open(pid, 0);
	if (child->pidfd >= 0)
		child->source =
			loop_fd_create(loop, child->pidfd, EPOLLIN, handle_child_end, child);
	if (child->source == NULL) {
		loop_child_destroy(child);
		return NULL;
	}
	return child;
}

pid_t
loop_child_pid(const struct loop_child *child)
{
	return child->pid;
}

int
loop_child_signal(struct loop_child *child, int signal_number)
{
	return pidfd_send_signal(child->pidfd, signal_number, NULL, 0) < 0 ? -errno : 0;
}

void
loop_child_destroy(struct loop_child *child)
{
	int saved_errno = errno;

	if (child == NULL)
		return;
	loop_fd_destroy(child->source);
	if (child->pidfd >= 0)
		close(child->pidfd);
	free(child);
	errno = saved_errno;
}

void
loop_child_end(struct loop_child *child)
{
	pid_t pid = loop_child_pid(child);

	(void)loop_child_signal(child, SIGKILL);
	loop_child_destroy(child);
	child_reap(pid);
}

struct loop_deferred *
loop_deferred_create(struct loop *loop, loop_deferred_callback callback, void *data)
{
	struct loop_deferred *source = calloc(1, sizeof(*source));

	if (source == NULL)
		return NULL;
	*source = (struct loop_deferred){.loop = loop, .callback = callback, .data = data};
	list_init(&source->link);
	return source;
}

void
loop_deferred_schedule(struct loop_deferred *source)
{
	if (list_empty(&source->link))
		list_append(&source->loop->deferred, &source->link);
}

void
loop_deferred_destroy(struct loop_deferred *source)
{
	if (source == NULL)
		return;
	list_remove(&source->link);
	free(source);
}
