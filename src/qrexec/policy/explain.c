/* Why a rule did not decide: the same comparisons as match.c makes, one by one, in words. */
#include <string.h>

#include "base/text.h"
#include "qrexec/policy/view.h"

static void
make_query(const struct policy_view *v, const struct policy_request *request,
	const struct policy_decision *d, struct policy_query *ret)
{
	policy_query_set_service(v, request->service, ret);
	ret->source = d->source;
	ret->target = d->requested;
}

enum policy_mismatch
policy_rule_mismatch(const struct policy_view *v, const struct policy_request *request,
	const struct policy_decision *d, uint32_t rule_number)
{
	const struct policy_rule *rule = &v->policy->rules[rule_number];
	struct policy_query query;

	make_query(v, request, d, &query);
	if (rule->service != POLICY_NONE && rule->service != query.service)
		return POLICY_MISMATCH_SERVICE;
	if (!policy_argument_matches(rule, &query))
		return POLICY_MISMATCH_ARGUMENT;
	if (d->source == POLICY_NONE ||
		!policy_covers_qube(v, &v->tokens[rule->source], query.source))
		return POLICY_MISMATCH_SOURCE;
	if (!policy_covers_target(v, &v->tokens[rule->target], query.source, query.target))
		return POLICY_MISMATCH_TARGET;
	if (rule->grant && rule_number != d->rule)
		return POLICY_MISMATCH_GRANT;
	return POLICY_MATCHES;
}

static int
explain_argument(const struct policy_request *request, const struct policy_view *v,
	const struct policy_rule *rule, struct buf *out)
{
	const char *plus = strchr(request->service, '+');

	return buf_printf(out, "the argument is '%s', not '%s'", plus != NULL ? plus : "+",
		intern_text(&v->policy->arguments, rule->argument));
}

/* Why a token does not cover a qube. */
static int
explain_qube(const struct policy_view *v, const char *what, const char *name, uint32_t token_number,
	struct buf *out)
{
	const struct policy_bound_token *token = &v->tokens[token_number];
	const char *value = policy_token_value(v->policy, token_number);

	switch (token->kind) {
	case POLICY_TOKEN_ANYVM:
		return buf_printf(
			out, "the %s '%s' is the host, which @anyvm leaves out", what, name);
	case POLICY_TOKEN_ADMINVM:
		return buf_printf(out, "the %s '%s' is not the host", what, name);
	case POLICY_TOKEN_NAME:
		return token->qube == POLICY_NONE
			       ? buf_printf(out, "there is no qube '%s'", value)
			       : buf_printf(out, "the %s is '%s', not '%s'", what, name, value);
	case POLICY_TOKEN_TYPE:
		return buf_printf(out, "the %s '%s' is not of type '%s'", what, name, value);
	case POLICY_TOKEN_TAG:
		return buf_printf(out, "the %s '%s' has no tag '%s'", what, name, value);
	case POLICY_TOKEN_DEFAULT:
		return buf_printf(out, "the %s is '%s', and the rule is for calls that name none",
			what, name);
	case POLICY_TOKEN_DISPVM:
		return buf_printf(out, "the %s is '%s', not the keyword @dispvm", what, name);
	case POLICY_TOKEN_DISPVM_NAME:
		return buf_printf(
			out, "the %s is '%s', not a new disposable of '%s'", what, name, value);
	case POLICY_TOKEN_DISPVM_TAG:
		return buf_printf(out,
			"the %s is '%s', not a new disposable whose template has the tag '%s'",
			what, name, value);
	case POLICY_TOKEN_ANY:
		break;
	}
	return buf_printf(out, "the %s is '%s'", what, name);
}

int
policy_mismatch_explain(const struct policy_view *v, const struct policy_request *request,
	const struct policy_decision *d, uint32_t rule_number, enum policy_mismatch mismatch,
	struct buf *out)
{
	const struct policy_rule *rule = &v->policy->rules[rule_number];
	char text[POLICY_TARGET_TEXT_MAX];

	switch (mismatch) {
	case POLICY_MATCHES:
		return buf_put_string(out, "matches");
	case POLICY_MISMATCH_SERVICE:
		return buf_printf(out, "it is for the service '%s'",
			intern_text(&v->policy->services, rule->service));
	case POLICY_MISMATCH_ARGUMENT:
		return explain_argument(request, v, rule, out);
	case POLICY_MISMATCH_SOURCE:
		return explain_qube(v, "source",
			d->source != POLICY_NONE ? policy_facts_qube(v->facts, d->source)->name
						 : request->source,
			rule->source, out);
	case POLICY_MISMATCH_TARGET:
		return explain_qube(
			v, "target", policy_target_text(v, d->requested, text), rule->target, out);
	case POLICY_MISMATCH_GRANT:
		return buf_put_string(out, "it is a grant: it answers only what a rule asks");
	}
	return 0;
}
