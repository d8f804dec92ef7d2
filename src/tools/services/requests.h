/*
 * What a qube asks dom0 to note about it (spec guest.md 1B.5): lines KEY=VALUE. Until QubesDB
 * carries them they are the payload of qubes.FeaturesRequest and qubes.NotifyTools, which is empty
 * from a qube that has none. Pure parsing.
 */
#ifndef BULKHEAD_TOOLS_SERVICES_REQUESTS_H
#define BULKHEAD_TOOLS_SERVICES_REQUESTS_H

#include <stddef.h>

#define REQUESTS_MAX 1024
#define REQUESTS_MAX_BYTES 65536
/* What is left of a QubesDB path after "/features-request/". */
#define REQUEST_NAME_MAX 45
#define REQUEST_VALUE_MAX 256

struct feature_request {
	const char *name, *value; /* within the text that was parsed */
};

struct feature_requests {
	struct feature_request items[REQUESTS_MAX];
	size_t count;
};

/*
 * Splits the text in place; a byte must follow it. A line that is not one, or has a character that
 * is not allowed, is left out; of two for one key the last counts. 0, or -E2BIG for too many.
 */
int requests_parse(char *untrusted_text, size_t size, struct feature_requests *ret_requests);

/* The value asked for, or NULL. */
const char *requests_value(const struct feature_requests *requests, const char *name);

#endif
