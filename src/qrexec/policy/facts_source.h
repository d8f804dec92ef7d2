/*
 * Facts about the qubes, kept current: fetched from the administration daemon, and good until it
 * reports any event. Where its events are not to be had, facts are good for half a second.
 *
 * Fetches are numbered. A question may be answered with the facts of a fetch that began after
 * the question came, or with those in hand while they are good.
 */
#ifndef BULKHEAD_QREXEC_POLICY_FACTS_SOURCE_H
#define BULKHEAD_QREXEC_POLICY_FACTS_SOURCE_H

#include <stdbool.h>

#include "base/loop.h"
#include "qrexec/policy/facts.h"

/* Age limit without events, and how long a fetch may take. */
#define FACTS_MAX_AGE_MS 500
#define FACTS_TIMEOUT_MS 5000

struct facts_source;

/* A fetch ended: `facts` is NULL with the error when it failed. */
typedef void (*facts_callback)(
	uint64_t fetch, struct policy_facts *facts, const char *error, void *data);

struct facts_source *facts_source_create(struct loop *loop, facts_callback callback, void *data);
void facts_source_destroy(struct facts_source *s);

/* The facts in hand while they are good (borrowed until the loop goes on), else NULL. */
struct policy_facts *facts_source_current(struct facts_source *s);

/* The number of the fetch to wait for, which is under way or will be; the callback tells. */
uint64_t facts_source_want(struct facts_source *s);

/* Each event; NULL for both when events may have been missed. Borrowed texts. */
typedef void (*event_callback)(const char *subject, const char *name, void *data);
void facts_source_set_event_callback(struct facts_source *s, event_callback callback, void *data);
/* Whether events do come. */
bool facts_source_is_listening(const struct facts_source *s);

#endif
