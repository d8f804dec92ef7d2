/*
 * Rules of grants: what the user once answered, answers again (policy.h,
 * POLICY_GRANTS_SYSTEM_FILE). They are looked at only where the other rules ask, so that a grant
 * can never stand in the way of a deny, and only if they name exactly one call.
 */
#include "qrexec/policy/evaluate.h"

/* The one kind of token that names a requested target and nothing beside it. */
static enum policy_token_kind
exact_token(enum policy_target_kind kind)
{
	switch (kind) {
	case POLICY_TARGET_ADMINVM:
		return POLICY_TOKEN_ADMINVM;
	case POLICY_TARGET_DISPVM:
		return POLICY_TOKEN_DISPVM;
	case POLICY_TARGET_DISPVM_BASE:
		return POLICY_TOKEN_DISPVM_NAME;
	case POLICY_TARGET_QUBE:
		return POLICY_TOKEN_NAME;
	case POLICY_TARGET_DEFAULT:
	case POLICY_TARGET_NONE:
		break;
	}
	return POLICY_TOKEN_DEFAULT;
}

static bool
is_granted(const struct policy_view *v, const struct policy_query *query,
	const struct policy_rule *rule)
{
	const struct policy_bound_token *source = &v->tokens[rule->source];
	const struct policy_bound_token *target = &v->tokens[rule->target];

	return rule->grant && rule->action == POLICY_ACTION_ALLOW &&
	       rule->redirect != POLICY_NONE && rule->service != POLICY_NONE &&
	       rule->argument != POLICY_NONE && rule->argument == query->argument &&
	       source->kind == POLICY_TOKEN_NAME && source->qube == query->source &&
	       target->kind == exact_token(query->target.kind) &&
	       policy_covers_target(v, target, query->source, query->target);
}

void
policy_apply_grant(const struct policy_view *v, const struct policy_query *query,
	struct policy_decision *asked)
{
	struct policy_walk walk;
	uint32_t number;

	policy_walk_start(&walk, v->policy, query->service);
	while ((number = policy_walk_next(&walk)) != POLICY_NONE) {
		const struct policy_rule *rule = &v->policy->rules[number];
		struct policy_decision ignored = *asked;
		struct policy_target target;

		if (!is_granted(v, query, rule) ||
			policy_redirect_target(v, rule->redirect, &target, &ignored) < 0 ||
			policy_resolve_keyword(v, &target, &ignored) < 0 ||
			!policy_is_choice(v, asked, target))
			continue;
		/* As after a prompt: the rule that asked says the rest. */
		target.by_uuid = false;
		policy_finish_allow(v, target, asked);
		asked->rule = number;
		return;
	}
}
