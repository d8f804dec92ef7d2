/* Data channels between two qubes. Runs in the qrexec-daemon of the calling qube. */
#include "qrexec/host/call_channel.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "vchan/link_grant.h"

struct call_channel {
	struct call_channel_config config;
	struct hangups *hangups;
	struct link_join *join; /* until both have joined, or it failed */
	bool met;               /* over a link: both have joined; else not known */
	struct hangup *on_target;
};

static void
hang_up_on_caller(struct call_channel *c)
{
	const struct hangup_config config = {
		.absent = c->config.target,
		.waiting = c->config.caller,
		.port = c->config.port,
		.time_ms = HANGUP_TIME_SHORT_MS,
		.pidfd = -1,
	};

	hangup_begin(c->hangups, &config);
}

static void
hang_up_on_target(struct call_channel *c)
{
	const struct hangup_config config = {
		.absent = c->config.caller,
		.waiting = c->config.target,
		.port = c->config.port,
		.serve = true,
		.time_ms = HANGUP_TIME_MS,
		.pidfd = -1,
		.slot = &c->on_target,
	};

	if (c->on_target == NULL)
		c->on_target = hangup_begin(c->hangups, &config);
}

static void
handle_join(struct link_join *join, int result, void *data)
{
	struct call_channel *c = data;

	link_join_destroy(join);
	c->join = NULL;
	c->met = result == 0;
	if (c->met)
		return;
	log_warning("channel %u of domains %u and %u: cannot be joined: %s", c->config.port,
		c->config.caller, c->config.target, strerror(-result));
	hang_up_on_caller(c);
	hang_up_on_target(c);
}

struct call_channel *
call_channel_open(struct hangups *hangups, const struct call_channel_config *config)
{
	struct call_channel *c = xcalloc(1, sizeof(*c));

	c->config = *config;
	c->hangups = hangups;
	hangups_cancel_for(hangups, config->caller, config->target, config->port);
	if (!config->over_link)
		return c;
	c->join = link_join_create(
		hangups->loop, config->caller, config->target, config->port, handle_join, c);
	if (c->join == NULL) {
		free(c);
		return NULL;
	}
	return c;
}

void
call_channel_caller_left(struct call_channel *c)
{
	if (c->met)
		return;
	link_join_destroy(steal_ptr(c->join));
	hang_up_on_target(c);
}

void
call_channel_close(struct call_channel *c)
{
	if (c == NULL)
		return;
	/* Over other transports a caller finds out by itself, or not at all. */
	if (c->join != NULL)
		hang_up_on_caller(c);
	link_join_destroy(c->join);
	hangup_cancel(c->on_target);
	free(c);
}
