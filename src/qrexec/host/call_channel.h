/*
 * The data channel of an allowed call between two qubes, as their host has it: it joins the two
 * links, where the qubes are behind links, and sees to it that an end whose other end went away
 * before they met is told. The data itself passes elsewhere.
 */
#ifndef BULKHEAD_QREXEC_HOST_CALL_CHANNEL_H
#define BULKHEAD_QREXEC_HOST_CALL_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "qrexec/host/hangup.h"

struct call_channel;

struct call_channel_config {
	uint32_t caller; /* domain of the calling qube, server of the channel */
	uint32_t target;
	uint32_t port;
	bool over_link;
};

/*
 * Grants the channel. The hangups are those of the daemon, and outlive it. NULL with errno set
 * when it can not be made.
 */
struct call_channel *call_channel_open(
	struct hangups *hangups, const struct call_channel_config *config);

/* The calling program is gone: a target that has not met it need not wait. */
void call_channel_caller_left(struct call_channel *channel);

/* The call is over for the target: a caller that has not met it need not wait. Frees the channel,
 * which ends a grant that was not used. NULL is fine. */
void call_channel_close(struct call_channel *channel);

#endif
