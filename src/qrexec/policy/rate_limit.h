/*
 * How often each of many may do something: a burst at once, then one in an interval. Those beyond
 * the first RATE_LIMIT_MAX_NAMES share one allowance, so that names do not make memory grow.
 */
#ifndef BULKHEAD_QREXEC_POLICY_RATE_LIMIT_H
#define BULKHEAD_QREXEC_POLICY_RATE_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qrexec/policy/intern.h"

#define RATE_LIMIT_MAX_NAMES 20000

struct rate_share {
	uint64_t full_ms; /* when it will have its whole burst again */
	uint64_t refused; /* times since it last might */
};

struct rate_limit {
	uint64_t interval_ms;
	unsigned burst;
	struct intern names;
	struct rate_share *shares; /* by number of the name */
	size_t share_count, share_capacity;
};

void rate_limit_init(struct rate_limit *r, unsigned burst, uint64_t interval_ms);
void rate_limit_finish(struct rate_limit *r);

/* Whether `name` may do it once more now, which then counts. */
bool rate_limit_take(struct rate_limit *r, const char *name, uint64_t now_ms);
/* The same; if it may, *ret_refused is how often it was refused since it last might. */
bool rate_limit_take_counted(
	struct rate_limit *r, const char *name, uint64_t now_ms, uint64_t *ret_refused);

#endif
