/* Hanging up on ends that wait. Runs in qrexec-daemon; not a byte is read or written. */
#include "qrexec/host/hangup.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "vchan/vchan_extra.h"

struct hangup {
	struct list link; /* hangups.list */
	struct loop *loop;
	struct hangup_config config;
	struct loop_timer *timer;
	struct libvchan *channel; /* NULL before the delay is over */
	struct loop_fd *source;
};

void
hangups_init(struct hangups *h, struct loop *loop)
{
	h->loop = loop;
	list_init(&h->list);
}

void
hangups_finish(struct hangups *h)
{
	struct hangup *hangup, *following;

	list_for_each_safe (hangup, following, &h->list, link)
		hangup_cancel(hangup);
}

void
hangup_cancel(struct hangup *h)
{
	if (h == NULL)
		return;
	if (h->config.slot != NULL)
		*h->config.slot = NULL;
	list_remove(&h->link);
	loop_timer_destroy(h->timer);
	loop_fd_destroy(h->source);
	libvchan_close(h->channel);
	if (h->config.pidfd >= 0)
		close(h->config.pidfd);
	free(h);
}

static void
advance(struct hangup *h)
{
	int state = vchan_advance(h->channel);

	if (state == VCHAN_WAITING)
		return;
	if (state == VCHAN_CONNECTED)
		log_info("channel %u of domain %u: its other end is gone, hung up", h->config.port,
			h->config.waiting);
	hangup_cancel(h);
}

static void
handle_channel(struct loop_fd *source, uint32_t events, void *data)
{
	(void)source;
	(void)events;
	advance(data);
}

static bool
may_still_come(const struct hangup *h)
{
	struct pollfd ended = {.fd = h->config.pidfd, .events = POLLIN};

	return h->config.pidfd >= 0 && poll(&ended, 1, 0) == 0;
}

static void
begin(struct hangup *h)
{
	const struct vchan_config config = {
		.server = h->config.serve,
		.domain = (int)h->config.waiting,
		.own_domain = (int)h->config.absent,
		.port = (int)h->config.port,
	};

	h->channel = vchan_create(&config);
	if (h->channel != NULL)
		h->source = loop_fd_create(
			h->loop, libvchan_fd_for_select(h->channel), EPOLLIN, handle_channel, h);
	if (h->source == NULL) {
		hangup_cancel(h);
		return;
	}
	loop_timer_start(h->timer, h->config.time_ms);
	advance(h);
}

static void
handle_timer(struct loop_timer *timer, void *data)
{
	struct hangup *h = data;

	(void)timer;
	if (h->channel != NULL || may_still_come(h))
		hangup_cancel(h);
	else
		begin(h);
}

struct hangup *
hangup_begin(struct hangups *hangups, const struct hangup_config *config)
{
	struct hangup *h = xcalloc(1, sizeof(*h));

	h->loop = hangups->loop;
	h->config = *config;
	list_append(&hangups->list, &h->link);
	h->timer = loop_timer_create(h->loop, handle_timer, h);
	if (h->timer == NULL) {
		hangup_cancel(h);
		return NULL;
	}
	loop_timer_start(h->timer, HANGUP_DELAY_MS);
	return h;
}

static bool
is_for(const struct hangup *h, uint32_t server_domain, uint32_t client_domain, uint32_t port)
{
	uint32_t server = h->config.serve ? h->config.absent : h->config.waiting;
	uint32_t client = h->config.serve ? h->config.waiting : h->config.absent;

	return server == server_domain && client == client_domain && h->config.port == port;
}

void
hangups_cancel_for(struct hangups *h, uint32_t server_domain, uint32_t client_domain, uint32_t port)
{
	struct hangup *hangup, *following;

	list_for_each_safe (hangup, following, &h->list, link) {
		if (is_for(hangup, server_domain, client_domain, port))
			hangup_cancel(hangup);
	}
}
