/* Binding a policy to facts, and matching rules (spec qrexec.md 5.7); see view.h. */
#include "qrexec/policy/view.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static struct policy_bound_token
bind_token(const struct policy *p, const struct policy_facts *f, uint32_t token)
{
	const char *value = policy_token_value(p, token);
	struct policy_bound_token bound = {
		.kind = policy_token_kind(p, token),
		.qube = POLICY_NONE,
	};

	switch (bound.kind) {
	case POLICY_TOKEN_NAME:
	case POLICY_TOKEN_DISPVM_NAME:
		bound.qube = policy_facts_find(f, value);
		bound.by_uuid = text_starts_with(value, "uuid:");
		break;
	case POLICY_TOKEN_TYPE:
		bound.set = policy_facts_typed(f, value);
		break;
	case POLICY_TOKEN_TAG:
	case POLICY_TOKEN_DISPVM_TAG:
		bound.set = policy_facts_tagged(f, value);
		break;
	default:
		break;
	}
	return bound;
}

struct policy_view *
policy_view_create(struct policy *p, struct policy_facts *f)
{
	struct policy_view *v = xcalloc(1, sizeof(*v));

	v->references = 1;
	v->policy = policy_ref(p);
	v->facts = policy_facts_ref(f);
	v->tokens = xcalloc(p->tokens.count, sizeof(*v->tokens));
	for (uint32_t i = 0; i < p->tokens.count; i++)
		v->tokens[i] = bind_token(p, f, i);
	return v;
}

struct policy_view *
policy_view_ref(struct policy_view *v)
{
	v->references++;
	return v;
}

void
policy_view_unref(struct policy_view *v)
{
	if (v == NULL || --v->references > 0)
		return;
	policy_unref(v->policy);
	policy_facts_unref(v->facts);
	free(v->tokens);
	free(v);
}

const struct policy *
policy_view_policy(const struct policy_view *v)
{
	return v->policy;
}

const struct policy_facts *
policy_view_facts(const struct policy_view *v)
{
	return v->facts;
}

bool
policy_covers_qube(
	const struct policy_view *v, const struct policy_bound_token *token, uint32_t qube)
{
	switch (token->kind) {
	case POLICY_TOKEN_ANY:
		return true;
	case POLICY_TOKEN_ANYVM:
		return qube != policy_facts_dom0(v->facts);
	case POLICY_TOKEN_ADMINVM:
		return qube == policy_facts_dom0(v->facts);
	case POLICY_TOKEN_NAME:
		return qube == token->qube;
	case POLICY_TOKEN_TYPE:
	case POLICY_TOKEN_TAG:
		return policy_set_has(token->set, qube);
	case POLICY_TOKEN_DEFAULT:
	case POLICY_TOKEN_DISPVM:
	case POLICY_TOKEN_DISPVM_NAME:
	case POLICY_TOKEN_DISPVM_TAG:
		return false;
	}
	return false;
}

/* Whether the base of a disposable, POLICY_NONE for an unknown one, is what the token wants. */
static bool
covers_base(const struct policy_view *v, const struct policy_bound_token *token, uint32_t base)
{
	if (base == POLICY_NONE)
		return false;
	if (token->kind == POLICY_TOKEN_DISPVM_NAME)
		return token->qube == base;
	return token->kind == POLICY_TOKEN_DISPVM_TAG && policy_is_template(v, base) &&
	       policy_set_has(token->set, base);
}

bool
policy_covers_target(const struct policy_view *v, const struct policy_bound_token *token,
	uint32_t source, struct policy_target target)
{
	enum policy_token_kind kind = token->kind;

	switch (target.kind) {
	case POLICY_TARGET_QUBE:
		return policy_covers_qube(v, token, target.qube);
	case POLICY_TARGET_ADMINVM:
		/* The keyword has neither type nor tags. */
		return kind == POLICY_TOKEN_ANY || kind == POLICY_TOKEN_ADMINVM ||
		       (kind == POLICY_TOKEN_NAME && token->qube == policy_facts_dom0(v->facts));
	case POLICY_TARGET_DEFAULT:
		return kind == POLICY_TOKEN_ANY || kind == POLICY_TOKEN_ANYVM ||
		       kind == POLICY_TOKEN_DEFAULT;
	case POLICY_TARGET_DISPVM:
		return kind == POLICY_TOKEN_ANY || kind == POLICY_TOKEN_ANYVM ||
		       kind == POLICY_TOKEN_DISPVM ||
		       covers_base(v, token, policy_default_base(v, source));
	case POLICY_TARGET_DISPVM_BASE:
		return kind == POLICY_TOKEN_ANY || kind == POLICY_TOKEN_ANYVM ||
		       covers_base(v, token, target.qube);
	case POLICY_TARGET_NONE:
		return false;
	}
	return false;
}

void
policy_query_set_service(const struct policy_view *v, const char *service, struct policy_query *ret)
{
	const char *plus = strchr(service, '+');
	size_t length = plus != NULL ? (size_t)(plus - service) : strlen(service);

	if (plus == NULL)
		plus = "+";
	ret->service = intern_find(&v->policy->services, service, length);
	ret->argument = intern_find(&v->policy->arguments, plus, strlen(plus));
}

uint32_t
policy_first_match(const struct policy_view *v, const struct policy_query *query)
{
	struct policy_walk walk;
	uint32_t number;

	policy_walk_start(&walk, v->policy, query->service);
	while ((number = policy_walk_next(&walk)) != POLICY_NONE) {
		const struct policy_rule *rule = &v->policy->rules[number];

		if (!rule->grant && policy_argument_matches(rule, query) &&
			policy_covers_qube(v, &v->tokens[rule->source], query->source) &&
			policy_covers_target(
				v, &v->tokens[rule->target], query->source, query->target))
			return number;
	}
	return POLICY_NONE;
}
