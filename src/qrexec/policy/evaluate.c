/* From a request to a decision (spec qrexec.md 5.6, 5.8, and the repairs of section 10). */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "qrexec/policy/evaluate.h"

void
policy_decision_finish(struct policy_decision *d)
{
	free(d->choices);
	*d = (struct policy_decision)POLICY_DECISION_INIT;
}

void
policy_decide_deny(struct policy_decision *d, enum policy_reason reason, bool notify)
{
	d->result = POLICY_DENY;
	d->reason = reason;
	d->notify = notify;
}

static bool
service_is_clean(const char *service)
{
	return service[0] != '\0' && service[0] != '+' && strlen(service) <= POLICY_SERVICE_MAX &&
	       text_only_has(service, "+-._");
}

static struct policy_target
target_of_qube(uint32_t qube, bool by_uuid)
{
	return (struct policy_target){POLICY_TARGET_QUBE, by_uuid, qube};
}

/* A disposable's base as written after "@dispvm:". */
static int
normalise_base(const struct policy_view *v, const char *base, struct policy_target *ret,
	struct policy_decision *d)
{
	uint32_t qube;

	if (base[0] == '\0' || strchr(base, '@') != NULL) {
		policy_decide_deny(d, POLICY_REASON_BAD_TARGET, false);
		return -1;
	}
	qube = policy_facts_find(v->facts, base);
	if (!policy_is_template(v, qube)) {
		policy_decide_deny(d, POLICY_REASON_BAD_DISPVM, true);
		return -1;
	}
	*ret = (struct policy_target){
		POLICY_TARGET_DISPVM_BASE, text_starts_with(base, "uuid:"), qube};
	return 0;
}

/* The intended target as the caller wrote it. 0, or -1 with the refusal in *d. */
static int
normalise_target(const struct policy_view *v, const char *untrusted_text, struct policy_target *ret,
	struct policy_decision *d)
{
	const char *text = untrusted_text;
	uint32_t qube;

	if (text[0] == '\0' || text_equal(text, "@default")) {
		ret->kind = POLICY_TARGET_DEFAULT;
	} else if (text_equal(text, "@adminvm")) {
		ret->kind = POLICY_TARGET_ADMINVM;
	} else if (text_equal(text, "@dispvm")) {
		ret->kind = POLICY_TARGET_DISPVM;
	} else if (text_starts_with(text, "@dispvm:")) {
		return normalise_base(v, text + strlen("@dispvm:"), ret, d);
	} else if (text[0] == '@' || text_equal(text, "*")) {
		policy_decide_deny(d, POLICY_REASON_BAD_TARGET, false);
		return -1;
	} else {
		qube = policy_facts_find(v->facts, text);
		if (qube == POLICY_NONE)
			ret->kind = POLICY_TARGET_DEFAULT;
		else
			*ret = target_of_qube(qube, text_starts_with(text, "uuid:"));
	}
	return 0;
}

/* A relay may speak for the remote qubes behind it, and nobody else for anybody. */
static int
accept_claim(const struct policy_view *v, const char *untrusted_claim, struct policy_decision *d)
{
	uint32_t claimed = policy_facts_find(v->facts, untrusted_claim);

	if (claimed == POLICY_NONE || !policy_facts_qube(v->facts, claimed)->remote ||
		policy_facts_qube(v->facts, claimed)->relay != d->caller) {
		policy_decide_deny(d, POLICY_REASON_BAD_SOURCE, true);
		return -1;
	}
	d->source = claimed;
	d->claimed = true;
	return 0;
}

int
policy_redirect_target(const struct policy_view *v, uint32_t token, struct policy_target *ret,
	struct policy_decision *d)
{
	const struct policy_bound_token *bound = &v->tokens[token];

	*ret = (struct policy_target){.kind = POLICY_TARGET_DEFAULT};
	switch (bound->kind) {
	case POLICY_TOKEN_ADMINVM:
		ret->kind = POLICY_TARGET_ADMINVM;
		return 0;
	case POLICY_TOKEN_DISPVM:
		ret->kind = POLICY_TARGET_DISPVM;
		return 0;
	case POLICY_TOKEN_NAME:
		if (bound->qube != POLICY_NONE)
			*ret = target_of_qube(bound->qube, bound->by_uuid);
		return 0;
	case POLICY_TOKEN_DISPVM_NAME:
		*ret = (struct policy_target){
			POLICY_TARGET_DISPVM_BASE, bound->by_uuid, bound->qube};
		if (policy_is_template(v, bound->qube))
			return 0;
		policy_decide_deny(d, POLICY_REASON_BAD_DISPVM, true);
		return -1;
	default:
		assert(!"the line parser lets no other token through");
		policy_decide_deny(d, POLICY_REASON_NO_TARGET, true);
		return -1;
	}
}

int
policy_resolve_keyword(
	const struct policy_view *v, struct policy_target *target, struct policy_decision *d)
{
	uint32_t base;

	switch (target->kind) {
	case POLICY_TARGET_ADMINVM:
		*target = target_of_qube(policy_facts_dom0(v->facts), false);
		return 0;
	case POLICY_TARGET_DISPVM:
		base = policy_default_base(v, d->source);
		if (!policy_is_template(v, base)) {
			policy_decide_deny(d,
				base == POLICY_NONE ? POLICY_REASON_NO_DEFAULT_DISPVM
						    : POLICY_REASON_BAD_DISPVM,
				true);
			return -1;
		}
		*target = (struct policy_target){POLICY_TARGET_DISPVM_BASE, false, base};
		return 0;
	case POLICY_TARGET_DISPVM_BASE:
	case POLICY_TARGET_QUBE:
		return 0;
	case POLICY_TARGET_DEFAULT:
	case POLICY_TARGET_NONE:
		break;
	}
	policy_decide_deny(d, POLICY_REASON_NO_TARGET, true);
	return -1;
}

/* The target of a rule that redirects or not, resolved. 0, or -1 with the refusal. */
static int
resolve_target(const struct policy_view *v, const struct policy_rule *rule,
	struct policy_target *ret, struct policy_decision *d)
{
	struct policy_target target = d->requested;

	if (rule->redirect != POLICY_NONE &&
		policy_redirect_target(v, rule->redirect, &target, d) < 0)
		return -1;
	if (policy_resolve_keyword(v, &target, d) < 0)
		return -1;
	*ret = target;
	return 0;
}

bool
policy_is_up(const struct policy_view *v, struct policy_target target)
{
	const struct policy_qube *qube = policy_facts_qube(v->facts, target.qube);

	if (target.kind != POLICY_TARGET_QUBE)
		return false;
	if (target.qube == policy_facts_dom0(v->facts))
		return true;
	/* Of a remote qube, the relay is what would have to be started. */
	if (qube->remote && qube->relay != POLICY_NONE)
		qube = policy_facts_qube(v->facts, qube->relay);
	return qube->running;
}

void
policy_finish_allow(
	const struct policy_view *v, struct policy_target target, struct policy_decision *d)
{
	const struct policy_qube *qube = policy_facts_qube(v->facts, target.qube);
	uint32_t final = target.qube;

	if (target.kind == POLICY_TARGET_QUBE && qube->remote) {
		if (qube->relay == POLICY_NONE || qube->transport == NULL ||
			policy_facts_qube(v->facts, qube->relay)->remote) {
			policy_decide_deny(d, POLICY_REASON_REMOTE_CONFIG, true);
			return;
		}
		final = d->relay = qube->relay;
	}
	/* Nobody can be connected with itself, whatever name it goes by. */
	if (target.kind == POLICY_TARGET_QUBE && (target.qube == d->source || final == d->caller)) {
		policy_decide_deny(d, POLICY_REASON_LOOPBACK, true);
		return;
	}
	d->result = POLICY_ALLOW;
	d->target = target;
	d->notify = v->policy->rules[d->rule].notify;
}

static void
decide_allow(const struct policy_view *v, const struct policy_rule *rule, struct policy_decision *d)
{
	struct policy_target target;

	if (resolve_target(v, rule, &target, d) < 0)
		return;
	if (!rule->autostart && !policy_is_up(v, target)) {
		policy_decide_deny(d, POLICY_REASON_AUTOSTART, rule->notify);
		return;
	}
	policy_finish_allow(v, target, d);
}

static uint64_t *
choice_word(const struct policy_view *v, uint64_t *choices, struct policy_target target)
{
	size_t half = target.kind == POLICY_TARGET_DISPVM_BASE ? policy_facts_words(v->facts) : 0;

	return &choices[half + target.qube / 64];
}

bool
policy_is_choice(
	const struct policy_view *v, const struct policy_decision *d, struct policy_target target)
{
	if (target.kind != POLICY_TARGET_QUBE && target.kind != POLICY_TARGET_DISPVM_BASE)
		return false;
	return (*choice_word(v, d->choices, target) >> (target.qube % 64) & 1) != 0;
}

/* With autostart=no, what does not run is not offered. */
static void
drop_what_is_down(const struct policy_view *v, uint64_t *choices)
{
	size_t words = policy_facts_words(v->facts);

	memset(choices + words, 0, words * sizeof(*choices));
	for (uint32_t i = 0; i < policy_facts_count(v->facts); i++) {
		if (!policy_is_up(v, target_of_qube(i, false)))
			choices[i / 64] &= ~(UINT64_C(1) << (i % 64));
	}
}

static void
set_default_target(const struct policy_view *v, uint32_t token, struct policy_decision *d)
{
	struct policy_decision ignored = *d;
	struct policy_target target;

	if (token == POLICY_NONE || policy_redirect_target(v, token, &target, &ignored) < 0 ||
		policy_resolve_keyword(v, &target, &ignored) < 0 || !policy_is_choice(v, d, target))
		return;
	target.by_uuid = false;
	d->default_target = target;
}

static void
decide_ask(const struct policy_view *v, const struct policy_rule *rule,
	const struct policy_query *query, struct policy_decision *d)
{
	struct policy_target target;

	d->choices = xcalloc(policy_facts_words(v->facts) * 2, sizeof(*d->choices));
	if (rule->redirect == POLICY_NONE)
		policy_collect_choices(v, query, d->choices);
	else if (resolve_target(v, rule, &target, d) == 0)
		*choice_word(v, d->choices, target) |= UINT64_C(1) << (target.qube % 64);
	if (!rule->autostart)
		drop_what_is_down(v, d->choices);
	if (policy_choice_count(v, d) == 0) {
		policy_decide_deny(d, POLICY_REASON_NO_ASK_TARGET, true);
		return;
	}
	set_default_target(v, rule->default_target, d);
	d->result = POLICY_ASK;
	d->notify = rule->notify;
}

static void
apply_rule(const struct policy_view *v, const struct policy_query *query, struct policy_decision *d)
{
	const struct policy_rule *rule = &v->policy->rules[d->rule];

	d->reason = POLICY_REASON_RULE;
	d->autostart = rule->autostart;
	if (rule->user != POLICY_NONE)
		d->user = intern_text(&v->policy->users, rule->user);
	switch (rule->action) {
	case POLICY_ACTION_ALLOW:
		decide_allow(v, rule, d);
		break;
	case POLICY_ACTION_ASK:
		decide_ask(v, rule, query, d);
		break;
	case POLICY_ACTION_DENY:
		policy_decide_deny(d, POLICY_REASON_RULE, rule->notify);
		break;
	}
}

/* Everything about the request that is checked before any rule is looked at. */
static int
accept_request(const struct policy_view *v, const struct policy_request *request,
	struct policy_decision *d)
{
	const char *claim = request->requested_source;

	d->caller = d->source = policy_facts_find(v->facts, request->source);
	if (v->policy->error != NULL) {
		policy_decide_deny(d, v->policy->error_reason,
			v->policy->error_reason == POLICY_REASON_POLICY_LOAD);
		return -1;
	}
	if (d->caller == POLICY_NONE) {
		policy_decide_deny(d, POLICY_REASON_UNKNOWN_CALLER, false);
		return -1;
	}
	if (!service_is_clean(request->service)) {
		policy_decide_deny(d, POLICY_REASON_BAD_SERVICE, false);
		return -1;
	}
	if (normalise_target(v, request->target, &d->requested, d) < 0)
		return -1;
	return claim != NULL && claim[0] != '\0' ? accept_claim(v, claim, d) : 0;
}

void
policy_evaluate(const struct policy_view *v, const struct policy_request *request,
	struct policy_decision *ret)
{
	struct policy_query query;

	*ret = (struct policy_decision)POLICY_DECISION_INIT;
	if (accept_request(v, request, ret) < 0)
		return;
	policy_query_set_service(v, request->service, &query);
	query.source = ret->source;
	query.target = ret->requested;
	ret->rule = policy_first_match(v, &query);
	if (ret->rule == POLICY_NONE)
		policy_decide_deny(ret, POLICY_REASON_NO_RULE, true);
	else
		apply_rule(v, &query, ret);
	if (ret->result == POLICY_ASK && !request->without_grants)
		policy_apply_grant(v, &query, ret);
}
