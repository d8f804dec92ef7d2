/* The parts of vchan-linkd put together; see linkd.h. */
#include "vchan/linkd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

/*
 * A nonce has to differ from those of earlier sessions, not to be secret from anybody who sees
 * the port: early in the boot of a qube it must not wait for good randomness.
 */
static uint64_t
make_nonce(void *data)
{
	struct timespec now;
	uint64_t nonce = 0;

	(void)data;
	if (getrandom(&nonce, sizeof(nonce), GRND_INSECURE) == sizeof(nonce))
		return nonce;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec << 32 ^ (uint64_t)now.tv_nsec ^ (uint64_t)getpid() << 40;
}

static const struct link_handler handler = {
	.make_nonce = make_nonce,
	.handle_up = linkd_port_handle_up,
	.handle_down = linkd_port_handle_down,
	.handle_open = linkd_local_handle_open,
	.handle_accept = linkd_local_handle_accept,
	.handle_data = linkd_stream_handle_data,
	.handle_shutdown = linkd_stream_handle_shutdown,
	.handle_close = linkd_stream_handle_close,
};

void
linkd_work(struct linkd *d)
{
	bool more = linkd_port_read(d);

	linkd_local_ask(d);
	more |= linkd_port_write(d);
	linkd_ring_bells(d);
	if (more)
		loop_deferred_schedule(d->work);
}

static void
handle_work(struct loop_deferred *source, void *data)
{
	(void)source;
	linkd_work(data);
}

int
linkd_init(struct linkd *d, const struct linkd_config *config, struct err *err)
{
	*d = (struct linkd){.config = *config, .port_fd = -1, .listen_fd = -1};
	list_init(&d->locals);
	list_init(&d->asking);
	list_init(&d->offers);
	list_init(&d->bells);
	d->loop = loop_create();
	d->link = link_create(config->role, config->domain, &handler, d);
	if (d->loop != NULL)
		d->work = loop_deferred_create(d->loop, handle_work, d);
	if (d->link == NULL || d->work == NULL)
		return err_set(err, ENOMEM, "no memory");
	if (linkd_local_begin(d, err) < 0)
		return -1;
	return 0;
}

void
linkd_finish(struct linkd *d)
{
	linkd_local_finish(d);
	linkd_port_finish(d);
	link_destroy(d->link);
	loop_deferred_destroy(d->work);
	loop_destroy(d->loop);
}
