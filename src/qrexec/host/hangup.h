/*
 * Ends a wait for nothing: one end of a data channel is about to join, the process that was to be
 * the other end is gone, and nobody would tell. We come in its place and hang up, so that the
 * waiting end fails at once and gives its port back instead of after its two minutes.
 */
#ifndef BULKHEAD_QREXEC_HOST_HANGUP_H
#define BULKHEAD_QREXEC_HOST_HANGUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/loop.h"

/* What is over anyhow gets so much time to be reported as such. */
#define HANGUP_DELAY_MS 500
#define HANGUP_TIME_MS 120000      /* as long as an end waits */
#define HANGUP_TIME_SHORT_MS 10000 /* for one that may as well be over */

struct hangup;

struct hangup_config {
	uint32_t absent;  /* domain of the end that is gone, whom we stand for */
	uint32_t waiting; /* domain of the end that waits */
	uint32_t port;
	bool serve; /* the absent end was to be the server */
	uint64_t time_ms;
	/* A process, by pidfd (taken), that may still come: while it lives, nothing is done. -1. */
	int pidfd;
	struct hangup **slot; /* set to NULL when it ends by itself, or NULL */
};

struct hangups {
	struct loop *loop;
	struct list list; /* hangup.link */
};

void hangups_init(struct hangups *h, struct loop *loop);
void hangups_finish(struct hangups *h);

/* Begins after HANGUP_DELAY_MS; ends by itself when somebody came or its time is over. NULL with
 * errno set. */
struct hangup *hangup_begin(struct hangups *h, const struct hangup_config *config);
/* No longer needed. NULL is fine. */
void hangup_cancel(struct hangup *hangup);

/* The address is about to be used by a new call. */
void hangups_cancel_for(
	struct hangups *h, uint32_t server_domain, uint32_t client_domain, uint32_t port);

#endif
