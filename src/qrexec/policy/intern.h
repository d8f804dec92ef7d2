/*
 * Texts as numbers: equal texts get the same number, counted from 0 in the order of arrival, so
 * that rules and requests compare numbers. Look-ups go through a hash table whose order nothing
 * else can see. The texts put in are trusted (policy, facts); only look-ups come from requests.
 */
#ifndef BULKHEAD_QREXEC_POLICY_INTERN_H
#define BULKHEAD_QREXEC_POLICY_INTERN_H

#include <stddef.h>
#include <stdint.h>

struct intern {
	char **texts;
	size_t count, capacity;
	uint32_t *slots; /* number + 1, 0: free; a power of two of them */
	size_t slot_count;
};

void intern_finish(struct intern *table);

/* Ends the process without memory. */
uint32_t intern_add(struct intern *table, const char *text);

/* The number, or POLICY_NONE. The text need not be terminated. */
uint32_t intern_find(const struct intern *table, const char *text, size_t length);

const char *intern_text(const struct intern *table, uint32_t number);

#endif
