/*
 * What policy needs to know about the qubes: an immutable snapshot in which every name is a
 * number and every tag and type a precomputed set. Filled by one caller, sealed, then shared.
 *
 * Pure: no I/O. The texts come from the administration daemon, which is trusted, and are checked
 * all the same: a snapshot that contradicts itself is refused whole.
 */
#ifndef BULKHEAD_QREXEC_POLICY_FACTS_H
#define BULKHEAD_QREXEC_POLICY_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/text.h"

/* "No such": of qubes, rules, tokens and interned texts alike. */
#define POLICY_NONE UINT32_MAX

#define POLICY_QUBE_NAME_MAX 63
#define POLICY_MAX_QUBES 20000

/* The number, name and UUID of the administrative qube. */
#define POLICY_DOM0_NAME "dom0"
#define POLICY_DOM0_UUID "00000000-0000-0000-0000-000000000000"

/* One qube as the administration daemon describes it (spec qrexec.md 5.5). All borrowed. */
struct policy_qube_description {
	const char *name;
	const char *uuid; /* "" when unknown */
	const char *type; /* "AppVM", ... */
	const char *const *tags;
	size_t tag_count;
	const char *power_state;
	const char *icon;
	const char *label;          /* its colour, "0xrrggbb" */
	const char *default_dispvm; /* a name or NULL, as the four below */
	const char *guivm;
	const char *internal;
	const char *relayvm;
	const char *transport_rpc;
	bool template_for_dispvms;
};

/* The same, compiled. Qubes are numbered in the order of their names. */
struct policy_qube {
	char name[POLICY_QUBE_NAME_MAX + 1];
	char uuid[UUID_LENGTH + 1];
	char *icon;
	uint32_t color; /* of the label, 0xrrggbb; POLICY_NONE: unknown */
	char *gui_qube; /* name of the qube that shows its prompts; NULL: none */
	char *transport;
	char *default_dispvm_name, *relay_name; /* only until the snapshot is sealed */
	uint32_t default_dispvm, relay;         /* POLICY_NONE: none or unknown */
	bool template_for_dispvms;
	bool internal;
	bool running;
	bool remote;
};

struct policy_facts;

/* An empty snapshot with one reference. */
struct policy_facts *policy_facts_create(void);
struct policy_facts *policy_facts_ref(struct policy_facts *f);
void policy_facts_unref(struct policy_facts *f);

/* Adds a qube, copying all. 0 or -1 with the error. Only before policy_facts_seal(). */
int policy_facts_add(
	struct policy_facts *f, const struct policy_qube_description *description, struct err *err);

/*
 * Checks the whole (dom0 is there, names and UUIDs are unique), numbers the qubes and makes the
 * tables. 0 or -1 with the error. From here on the snapshot never changes.
 */
int policy_facts_seal(struct policy_facts *f, struct err *err);

size_t policy_facts_count(const struct policy_facts *f);
const struct policy_qube *policy_facts_qube(const struct policy_facts *f, uint32_t qube);
uint32_t policy_facts_dom0(const struct policy_facts *f);

/* The qube called so, by name or as "uuid:...", or POLICY_NONE. */
uint32_t policy_facts_find(const struct policy_facts *f, const char *text);

/*
 * Sets of qubes: bit (n % 64) of word (n / 64) stands for qube n. Every set of one snapshot has
 * policy_facts_words() words. A tag or type that no qube has gives the empty set.
 */
size_t policy_facts_words(const struct policy_facts *f);
const uint64_t *policy_facts_all(const struct policy_facts *f);
const uint64_t *policy_facts_templates(const struct policy_facts *f); /* for disposables */
const uint64_t *policy_facts_tagged(const struct policy_facts *f, const char *tag);
const uint64_t *policy_facts_typed(const struct policy_facts *f, const char *type);

static inline bool
policy_set_has(const uint64_t *set, uint32_t qube)
{
	return (set[qube / 64] >> (qube % 64) & 1) != 0;
}

#endif
