/*
 * A policy as the compiler leaves it: rules in one order, every text a number, and an index by
 * service. Internal to the engine; the front door is policy.h.
 */
#ifndef BULKHEAD_QREXEC_POLICY_COMPILED_H
#define BULKHEAD_QREXEC_POLICY_COMPILED_H

#include "qrexec/policy/intern.h"
#include "qrexec/policy/policy.h"
#include "qrexec/policy/token.h"

struct policy_rule {
	uint32_t service, argument;        /* numbers; POLICY_NONE: any */
	uint32_t source, target;           /* tokens */
	uint32_t redirect, default_target; /* tokens or POLICY_NONE */
	uint32_t user;                     /* number or POLICY_NONE */
	uint32_t file;
	uint32_t line; /* 0: implied */
	enum policy_action action;
	bool notify, autostart;
	bool grant; /* of a file of grants: answers an ask, and is passed over otherwise */
};

struct policy {
	unsigned references;
	char *error; /* NULL: usable */
	enum policy_reason error_reason;
	struct policy_rule *rules;
	size_t rule_count, rule_capacity;
	struct intern services, arguments, users, files;
	struct intern tokens; /* each text is one letter for the kind, then the value */

	/* Numbers of the rules for each service, ascending; those for any service apart. */
	uint32_t *by_service;    /* grouped by service */
	uint32_t *service_start; /* of the group; one more than services */
	uint32_t *for_any_service;
	size_t for_any_service_count;
};

/* Appends a rule; the policy is not yet indexed. */
void policy_add_rule(struct policy *p, const struct policy_rule *rule);
uint32_t policy_add_token(struct policy *p, const struct policy_token *token);
void policy_index(struct policy *p);

enum policy_token_kind policy_token_kind(const struct policy *p, uint32_t token);
const char *policy_token_value(const struct policy *p, uint32_t token);

/*
 * Walks the rules that a service selects (by number, POLICY_NONE: one that no rule names) in
 * their order, without looking at the rest.
 */
struct policy_walk {
	const uint32_t *own, *own_end;
	const uint32_t *any, *any_end;
};

void policy_walk_start(struct policy_walk *walk, const struct policy *p, uint32_t service);

/* The number of the next rule, or POLICY_NONE at the end. */
static inline uint32_t
policy_walk_next(struct policy_walk *walk)
{
	if (walk->own < walk->own_end && (walk->any == walk->any_end || *walk->own < *walk->any))
		return *walk->own++;
	return walk->any < walk->any_end ? *walk->any++ : POLICY_NONE;
}

#endif
