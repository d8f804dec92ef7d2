/*
 * The snapshot from the JSON that internal.GetSystemInfo answers: {"domains": {NAME: {...}}}
 * (spec qrexec.md 5.5). Keys that begin with "uuid:" are skipped: they repeat the others.
 */
#ifndef BULKHEAD_QREXEC_POLICY_FACTS_JSON_H
#define BULKHEAD_QREXEC_POLICY_FACTS_JSON_H

#include "qrexec/policy/facts.h"

#include <jansson.h>

/* More than 20,000 qubes need. */
#define POLICY_FACTS_JSON_MAX_BYTES (64u << 20)

/* A sealed snapshot with one reference, or NULL with the error. */
struct policy_facts *policy_facts_from_json(const char *text, size_t size, struct err *err);

/* The same from the inner object {NAME: {...}}. */
struct policy_facts *policy_facts_from_domains(const json_t *domains, struct err *err);

#endif
