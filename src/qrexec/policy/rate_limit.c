/* Allowances by name; see rate_limit.h. Pure: the time is given. */
#include "qrexec/policy/rate_limit.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "qrexec/policy/facts.h"

void
rate_limit_init(struct rate_limit *r, unsigned burst, uint64_t interval_ms)
{
	*r = (struct rate_limit){.interval_ms = interval_ms, .burst = burst};
}

void
rate_limit_finish(struct rate_limit *r)
{
	intern_finish(&r->names);
	free(r->shares);
}

static uint32_t
find_share(struct rate_limit *r, const char *name)
{
	uint32_t number = intern_find(&r->names, name, strlen(name));
	struct rate_share *larger;

	if (number == POLICY_NONE && r->names.count >= RATE_LIMIT_MAX_NAMES)
		number = 0;
	if (number == POLICY_NONE)
		number = intern_add(&r->names, name);
	if (number < r->share_count)
		return number;
	if (r->share_count == r->share_capacity) {
		r->share_capacity = r->share_capacity > 0 ? r->share_capacity * 2 : 32;
		larger = xcalloc(r->share_capacity, sizeof(*larger));
		if (r->share_count > 0)
			memcpy(larger, r->shares, r->share_count * sizeof(*larger));
		free(r->shares);
		r->shares = larger;
	}
	return (uint32_t)r->share_count++;
}

bool
rate_limit_take_counted(
	struct rate_limit *r, const char *name, uint64_t now_ms, uint64_t *ret_refused)
{
	uint32_t number = find_share(r, name); /* which may move the shares */
	struct rate_share *share = &r->shares[number];
	uint64_t full_ms = share->full_ms > now_ms ? share->full_ms : now_ms;

	/* What has been taken and not yet come back is the time until it is full. */
	if (full_ms - now_ms > (r->burst - 1) * r->interval_ms) {
		share->refused++;
		return false;
	}
	share->full_ms = full_ms + r->interval_ms;
	*ret_refused = share->refused;
	share->refused = 0;
	return true;
}

bool
rate_limit_take(struct rate_limit *r, const char *name, uint64_t now_ms)
{
	uint64_t refused;

	return rate_limit_take_counted(r, name, now_ms, &refused);
}
