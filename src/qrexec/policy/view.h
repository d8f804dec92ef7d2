/*
 * A policy bound to facts: every token of the rules resolved to a qube or a set of qubes, so
 * that matching is comparing numbers and testing bits. Internal to the engine.
 */
#ifndef BULKHEAD_QREXEC_POLICY_VIEW_H
#define BULKHEAD_QREXEC_POLICY_VIEW_H

#include "qrexec/policy/compiled.h"

struct policy_bound_token {
	enum policy_token_kind kind;
	bool by_uuid;        /* the value is "uuid:..." */
	uint32_t qube;       /* that the value names, or POLICY_NONE */
	const uint64_t *set; /* of the qubes with the type or tag; borrowed from the facts */
};

struct policy_view {
	unsigned references;
	struct policy *policy;
	struct policy_facts *facts;
	struct policy_bound_token *tokens;
};

/* A request after its names became numbers. */
struct policy_query {
	uint32_t service, argument; /* POLICY_NONE: no rule names it */
	uint32_t source;
	struct policy_target target;
};

/* Whether a token covers a qube: as the source, or as a target named by name or UUID. */
bool policy_covers_qube(
	const struct policy_view *v, const struct policy_bound_token *token, uint32_t qube);

/* Whether a token of the target column covers a requested target. */
bool policy_covers_target(const struct policy_view *v, const struct policy_bound_token *token,
	uint32_t source, struct policy_target target);

/* Service and argument as numbers, from "NAME" or "NAME+ARGUMENT". */
void policy_query_set_service(
	const struct policy_view *v, const char *service, struct policy_query *ret);

/* The first rule that matches, or POLICY_NONE. */
uint32_t policy_first_match(const struct policy_view *v, const struct policy_query *query);

static inline bool
policy_argument_matches(const struct policy_rule *rule, const struct policy_query *query)
{
	return rule->argument == POLICY_NONE || rule->argument == query->argument;
}

/* The base of the disposables that a qube's "@dispvm" means, or POLICY_NONE. */
static inline uint32_t
policy_default_base(const struct policy_view *v, uint32_t source)
{
	return policy_facts_qube(v->facts, source)->default_dispvm;
}

static inline bool
policy_is_template(const struct policy_view *v, uint32_t qube)
{
	return qube != POLICY_NONE && policy_set_has(policy_facts_templates(v->facts), qube);
}

/*
 * The choices of an ask without target= (spec 5.9): fills words * 2 words, qubes first, then
 * disposables based on them.
 */
void policy_collect_choices(
	const struct policy_view *v, const struct policy_query *query, uint64_t *ret_choices);

#endif
