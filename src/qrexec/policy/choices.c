/*
 * What an ask without target= offers (spec qrexec.md 5.9). Seen from the first rule on: each
 * possible choice belongs to the first rule that speaks of it, whatever target it has now; a
 * deny keeps its choices out, the others offer theirs.
 */
#include "qrexec/policy/view.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

/* Sets of choices: qubes, disposables by their base, and the bare keyword @dispvm. */
struct choice_set {
	uint64_t *qubes, *bases; /* of one piece of memory */
	bool keyword;
};

static void
set_bit(uint64_t *set, uint32_t qube)
{
	set[qube / 64] |= UINT64_C(1) << (qube % 64);
}

static void
clear_bit(uint64_t *set, uint32_t qube)
{
	set[qube / 64] &= ~(UINT64_C(1) << (qube % 64));
}

/* What a token of the target column, or of target=, stands for. */
static void
expand(const struct policy_view *v, const struct policy_bound_token *token, struct choice_set *ret)
{
	size_t words = policy_facts_words(v->facts), size = words * sizeof(uint64_t);
	const uint64_t *templates = policy_facts_templates(v->facts);
	uint32_t dom0 = policy_facts_dom0(v->facts);

	memset(ret->qubes, 0, size * 2);
	ret->keyword = false;
	switch (token->kind) {
	case POLICY_TOKEN_ANY:
	case POLICY_TOKEN_ANYVM:
		memcpy(ret->qubes, policy_facts_all(v->facts), size);
		memcpy(ret->bases, templates, size);
		ret->keyword = true;
		if (token->kind == POLICY_TOKEN_ANYVM)
			clear_bit(ret->qubes, dom0);
		break;
	case POLICY_TOKEN_ADMINVM:
		set_bit(ret->qubes, dom0);
		break;
	case POLICY_TOKEN_NAME:
		if (token->qube != POLICY_NONE)
			set_bit(ret->qubes, token->qube);
		break;
	case POLICY_TOKEN_TYPE:
	case POLICY_TOKEN_TAG:
		memcpy(ret->qubes, token->set, size);
		break;
	case POLICY_TOKEN_DISPVM:
		ret->keyword = true;
		break;
	case POLICY_TOKEN_DISPVM_NAME:
		if (policy_is_template(v, token->qube))
			set_bit(ret->bases, token->qube);
		break;
	case POLICY_TOKEN_DISPVM_TAG:
		for (size_t i = 0; i < words; i++)
			ret->bases[i] = templates[i] & token->set[i];
		break;
	case POLICY_TOKEN_DEFAULT:
		break;
	}
}

/* Moves what nobody spoke of before into `spoken`, and into `offered` unless it is denied. */
static void
take(const struct choice_set *expansion, bool denied, size_t words, struct choice_set *spoken,
	struct choice_set *offered)
{
	/* Both halves lie one behind the other. */
	for (size_t i = 0; i < words * 2; i++) {
		uint64_t fresh = expansion->qubes[i] & ~spoken->qubes[i];

		spoken->qubes[i] |= fresh;
		if (!denied)
			offered->qubes[i] |= fresh;
	}
	if (expansion->keyword && !spoken->keyword) {
		spoken->keyword = true;
		offered->keyword = !denied;
	}
}

static void
walk_rules(const struct policy_view *v, const struct policy_query *query,
	struct choice_set *expansion, struct choice_set *spoken, struct choice_set *offered)
{
	size_t words = policy_facts_words(v->facts);
	struct policy_walk walk;
	uint32_t number;

	policy_walk_start(&walk, v->policy, query->service);
	while ((number = policy_walk_next(&walk)) != POLICY_NONE) {
		const struct policy_rule *rule = &v->policy->rules[number];
		uint32_t token = rule->redirect != POLICY_NONE ? rule->redirect : rule->target;

		if (rule->grant || !policy_argument_matches(rule, query) ||
			!policy_covers_qube(v, &v->tokens[rule->source], query->source))
			continue;
		expand(v, &v->tokens[token], expansion);
		take(expansion, rule->action == POLICY_ACTION_DENY, words, spoken, offered);
	}
}

/* The keyword becomes the source's base, unless a call to that by name would be denied. */
static void
resolve_keyword(
	const struct policy_view *v, const struct policy_query *query, struct choice_set *offered)
{
	uint32_t base = policy_default_base(v, query->source), rule;
	struct policy_query by_name = *query;

	if (!offered->keyword || !policy_is_template(v, base))
		return;
	by_name.target = (struct policy_target){POLICY_TARGET_DISPVM_BASE, false, base};
	rule = policy_first_match(v, &by_name);
	if (rule == POLICY_NONE || v->policy->rules[rule].action != POLICY_ACTION_DENY)
		set_bit(offered->bases, base);
}

static void
drop_internal(const struct policy_view *v, uint64_t *set)
{
	for (uint32_t i = 0; i < policy_facts_count(v->facts); i++) {
		if (policy_facts_qube(v->facts, i)->internal)
			clear_bit(set, i);
	}
}

void
policy_collect_choices(
	const struct policy_view *v, const struct policy_query *query, uint64_t *ret_choices)
{
	size_t words = policy_facts_words(v->facts);
	AUTO_FREE uint64_t *scratch = xcalloc(words * 4, sizeof(*scratch));
	struct choice_set expansion = {scratch, scratch + words, false};
	struct choice_set spoken = {scratch + words * 2, scratch + words * 3, false};
	struct choice_set offered = {ret_choices, ret_choices + words, false};

	memset(ret_choices, 0, words * 2 * sizeof(*ret_choices));
	walk_rules(v, query, &expansion, &spoken, &offered);
	resolve_keyword(v, query, &offered);
	clear_bit(offered.qubes, query->source);
	drop_internal(v, offered.qubes);
	drop_internal(v, offered.bases);
}
