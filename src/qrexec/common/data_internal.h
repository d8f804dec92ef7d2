/* What data_channel.c (set-up, HELLO) and data_pump.c (the call) share. */
#ifndef BULKHEAD_QREXEC_DATA_INTERNAL_H
#define BULKHEAD_QREXEC_DATA_INTERNAL_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "qrexec/common/data_channel.h"
#include "qrexec/common/protocol.h"
#include "vchan/vchan_stream.h"

/* Twice the largest frame: one can arrive while another is being passed on. */
#define DATA_BUFFER_BYTES ((size_t)2 * (QREXEC_CHUNK_BYTES + QREXEC_HEADER_BYTES))

struct data_channel {
	struct libvchan *vchan;     /* until joined */
	struct vchan_stream stream; /* from then on */
	unsigned int version;
	struct buf in;      /* received, not yet taken */
	struct buf out;     /* to be sent */
	int splice_fds[2];  /* a pipe: after `out`, what it holds is sent without a copy */
	size_t splice_left; /* how many bytes that is */
	bool in_ended;      /* nothing more will come */
	bool out_dead;      /* nothing more can be sent; `out` is then kept empty */
};

/* Receives once, at most max_bytes. 0 when something came or the end was noted, -EAGAIN, or an
 * error of the descriptor. */
int data_channel_receive(struct data_channel *channel, size_t max_bytes);

/* Whether something waits to be sent; while bytes are to be spliced nothing may be queued. */
static inline bool
data_channel_pending(const struct data_channel *channel)
{
	return buf_len(&channel->out) > 0 || channel->splice_left > 0;
}

/* Sends what can be sent. 0 (all, or the peer is gone), -EAGAIN, or an error. */
int data_channel_flush(struct data_channel *channel);

/* Nothing can be sent any more. */
void data_channel_give_up(struct data_channel *channel);

/* Sends all that is held, waiting for the peer as long as it takes. */
int data_channel_flush_all(struct data_channel *channel);

/* Queues an exit code. */
int data_channel_put_exit(struct data_channel *channel, int code);

/* The descriptor on which SIGUSR1 arrives, or -1. */
int data_channel_signal_fd(void);

#endif
