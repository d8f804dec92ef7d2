/* The second thread of a call; see data_feeder.h. It handles what the first does, in its place. */
#include "qrexec/common/data_feeder.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "qrexec/common/data_pump.h"

/* A read that takes longer than this waits for the lock. */
#define PATIENCE_NS 20000000L
/* How soon it is seen that the read has ended. */
#define TICK_MS 20

struct feeder {
	struct pump *pump;
	pthread_t thread;
	pthread_mutex_t mutex; /* whoever holds it works on the call */
	int timer_fd;          /* runs while the first thread reads */
	bool reading;          /* the first thread is between enter and leave */
	atomic_bool ending;
	int error;
};

static void
set_timer(const struct feeder *f, long nanoseconds)
{
	const struct itimerspec when = {.it_value.tv_nsec = nanoseconds};

	timerfd_settime(f->timer_fd, 0, &when, NULL);
}

/* Waits, without the mutex, for what the incoming half needs next. */
static bool
wait_for_input(struct feeder *f)
{
	const struct pump *p = f->pump;
	const struct vchan_stream *stream = &p->channel->stream;
	struct pollfd slot = {.fd = -1};
	bool sleeps = true;
	short events;
	int count;

	if (p->blocked != NULL)
		slot = (struct pollfd){.fd = p->blocked->fd, .events = POLLOUT};
	else if (pump_wants_channel(p) &&
		 (sleeps = vchan_stream_sleeps(stream, true, false, &events)))
		slot = (struct pollfd){.fd = stream->fd, .events = events};
	if (!sleeps)
		return true;
	pthread_mutex_unlock(&f->mutex);
	count = poll(&slot, 1, TICK_MS);
	pthread_mutex_lock(&f->mutex);
	return count > 0;
}

/* A call that is over ends its program's input, which brings the first thread back. */
static int
pass_on(struct pump *p)
{
	int e = pump_pass_on(p);

	if (e < 0 || (p->channel->in_ended && p->blocked == NULL))
		pump_close_sink(p);
	return e;
}

/*
 * The first thread may have come and gone while we waited: what it has received since must be
 * passed on before there is room for more.
 */
static int
feed(struct pump *p)
{
	int e;

	if (p->blocked != NULL) {
		p->blocked->ready = true;
		p->blocked = NULL;
	}
	e = pass_on(p);
	if (e < 0 || !pump_wants_channel(p))
		return e;
	e = pump_receive(p);
	if (e < 0)
		pump_close_sink(p);
	return e < 0 ? e : pass_on(p);
}

static void
stand_in(struct feeder *f)
{
	pthread_mutex_lock(&f->mutex);
	if (f->reading)
		f->error = feed(f->pump);
	while (f->reading && f->error == 0) {
		if (wait_for_input(f) && f->reading)
			f->error = feed(f->pump);
	}
	pthread_mutex_unlock(&f->mutex);
}

static void *
run_thread(void *data)
{
	struct feeder *f = data;
	uint64_t expirations;

	while (!atomic_load(&f->ending)) {
		if (read(f->timer_fd, &expirations, sizeof(expirations)) > 0 &&
			!atomic_load(&f->ending))
			stand_in(f);
	}
	return NULL;
}

static struct feeder *
feeder_create(struct pump *p)
{
	struct feeder *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->pump = p;
	f->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	if (f->timer_fd < 0) {
		free(f);
		return NULL;
	}
	pthread_mutex_init(&f->mutex, NULL);
	pthread_mutex_lock(&f->mutex);
	if (pthread_create(&f->thread, NULL, run_thread, f) != 0) {
		pthread_mutex_destroy(&f->mutex);
		close(f->timer_fd);
		free(f);
		return NULL;
	}
	return f;
}

/* A program of ours, whose stdin is a socket that can still be fed. */
static bool
may_be_locked(const struct pump *p, const struct local_end *end)
{
	return end->is_pipe && pump_is_service(p) && p->io->owned && p->sink.fd >= 0 &&
	       p->sink.kind == LOCAL_END_SOCKET;
}

bool
feeder_enter(struct pump *p, const struct local_end *end)
{
	struct feeder *f;

	if (!may_be_locked(p, end))
		return false;
	if (p->feeder == NULL && (p->feeder = feeder_create(p)) == NULL) {
		log_warning("call: no second thread: a program that splices may hang");
		return false;
	}
	f = p->feeder;
	f->reading = true;
	set_timer(f, PATIENCE_NS);
	pthread_mutex_unlock(&f->mutex);
	return true;
}

int
feeder_leave(struct pump *p)
{
	struct feeder *f = p->feeder;
	int e;

	pthread_mutex_lock(&f->mutex);
	f->reading = false;
	set_timer(f, 0);
	e = f->error;
	f->error = 0;
	return e;
}

void
feeder_destroy(struct feeder *f)
{
	if (f == NULL)
		return;
	pthread_mutex_unlock(&f->mutex);
	atomic_store(&f->ending, true);
	set_timer(f, 1);
	pthread_join(f->thread, NULL);
	pthread_mutex_destroy(&f->mutex);
	close(f->timer_fd);
	free(f);
}
