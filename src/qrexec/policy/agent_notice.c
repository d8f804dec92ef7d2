/* Notifications on their way; see agent_notice.h. */
#include "qrexec/policy/agent_notice.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "base/log.h"
#include "base/stream.h"
#include "base/text.h"
#include "qrexec/policy/prompt_request.h"
#include "qrexec/policy/rate_limit.h"

#define MAX_UNDER_WAY 16
#define SEND_TIMEOUT_MS 10000

struct agent_notices {
	struct loop *loop;
	struct courier *courier;
	struct rate_limit limit; /* by source */
	struct list notices;     /* notice.link */
	size_t count;
};

struct notice {
	struct agent_notices *owner;
	struct list link; /* agent_notices.notices */
	char *request;
	struct errand *errand;
	struct stream *stream;
	struct loop_timer *timer;
};

static void
notice_free(struct notice *notice)
{
	list_remove(&notice->link);
	notice->owner->count--;
	courier_cancel(notice->errand);
	stream_destroy(notice->stream);
	loop_timer_destroy(notice->timer);
	free(notice->request);
	free(notice);
}

static void
fail(struct notice *notice, int error)
{
	log_debug("cannot notify: %s", strerror(error));
	notice_free(notice);
}

/* Nothing is answered. */
static void
handle_data(struct stream *s, struct buf *in, void *data)
{
	(void)s;
	(void)data;
	buf_clear(in);
}

static void
handle_end(struct stream *s, int error, void *data)
{
	(void)s;
	(void)error;
	notice_free(data);
}

static void
handle_timeout(struct loop_timer *timer, void *data)
{
	(void)timer;
	fail(data, ETIMEDOUT);
}

static void
handle_way(int fd_or_error, void *data)
{
	static const struct stream_handler handler = {
		.handle_data = handle_data,
		.handle_end = handle_end,
	};
	struct notice *notice = data;
	size_t size = strlen(notice->request);

	notice->errand = NULL;
	if (fd_or_error < 0) {
		fail(notice, -fd_or_error);
		return;
	}
	notice->stream = stream_create(
		notice->owner->loop, fd_or_error, PROMPT_ANSWER_MAX, size, &handler, notice);
	if (notice->stream == NULL || stream_send(notice->stream, notice->request, size) < 0)
		fail(notice, EPIPE);
	else
		stream_shutdown_write(notice->stream);
}

void
agent_notices_send(struct agent_notices *n, const struct policy_notification *notification)
{
	struct notice *notice;
	char *request;

	if (n->count == MAX_UNDER_WAY ||
		!rate_limit_take(&n->limit, notification->source, loop_now_ms()))
		return;
	request = notify_request_format(notification);
	if (request == NULL)
		return;
	notice = xcalloc(1, sizeof(*notice));
	*notice = (struct notice){.owner = n, .request = request};
	list_append(&n->notices, &notice->link);
	n->count++;
	notice->timer = loop_timer_create(n->loop, handle_timeout, notice);
	notice->errand =
		courier_ask(n->courier, notification->gui_qube, COURIER_NOTIFY, handle_way, notice);
	if (notice->timer == NULL || notice->errand == NULL)
		fail(notice, EAGAIN);
	else
		loop_timer_start(notice->timer, SEND_TIMEOUT_MS);
}

struct agent_notices *
agent_notices_create(struct loop *loop, struct courier *courier)
{
	struct agent_notices *n = xcalloc(1, sizeof(*n));

	n->loop = loop;
	n->courier = courier;
	rate_limit_init(&n->limit, NOTIFICATIONS_BURST, NOTIFICATIONS_INTERVAL_MS);
	list_init(&n->notices);
	return n;
}

void
agent_notices_destroy(struct agent_notices *n)
{
	struct notice *notice, *following;

	if (n == NULL)
		return;
	list_for_each_safe (notice, following, &n->notices, link)
		notice_free(notice);
	rate_limit_finish(&n->limit);
	free(n);
}
