/* Between an ask and its prompt (spec qrexec.md 5.8 and 7.1): what is offered, and what is made
 * of the answer, which comes from another process and is not trusted to be one of the choices. */
#include <string.h>

#include "base/text.h"
#include "qrexec/policy/evaluate.h"

/* The number of the first bit that is set at or after `from`, or `end`. */
static size_t
next_bit(const uint64_t *set, size_t from, size_t end)
{
	while (from < end) {
		uint64_t word = set[from / 64] >> (from % 64);

		if (word != 0)
			return from + (size_t)__builtin_ctzll(word);
		from = (from / 64 + 1) * 64;
	}
	return end;
}

/*
 * Disposables come first, as "@" sorts before the letters that names begin with. The cursor
 * counts bits: those of the disposables, then those of the qubes.
 */
struct policy_target
policy_choice_next(const struct policy_view *v, const struct policy_decision *asked, size_t *cursor)
{
	size_t words = policy_facts_words(v->facts), half = words * 64, bit;

	if (asked->choices == NULL)
		return (struct policy_target){.kind = POLICY_TARGET_NONE};
	if (*cursor < half) {
		bit = next_bit(asked->choices + words, *cursor, half);
		*cursor = bit < half ? bit + 1 : half;
		if (bit < half)
			return (struct policy_target){
				POLICY_TARGET_DISPVM_BASE, false, (uint32_t)bit};
	}
	bit = next_bit(asked->choices, *cursor - half, half);
	*cursor = bit < half ? half + bit + 1 : half * 2;
	if (bit < half)
		return (struct policy_target){POLICY_TARGET_QUBE, false, (uint32_t)bit};
	return (struct policy_target){.kind = POLICY_TARGET_NONE};
}

size_t
policy_choice_count(const struct policy_view *v, const struct policy_decision *asked)
{
	size_t count = 0;

	if (asked->choices == NULL)
		return 0;
	for (size_t i = 0; i < policy_facts_words(v->facts) * 2; i++)
		count += (size_t)__builtin_popcountll(asked->choices[i]);
	return count;
}

const char *
policy_gui_qube(const struct policy_view *v, const struct policy_decision *asked)
{
	if (asked->source == POLICY_NONE)
		return NULL;
	return policy_facts_qube(v->facts, asked->source)->gui_qube;
}

void
policy_refuse_ask(struct policy_decision *asked, enum policy_reason reason)
{
	if (asked->result == POLICY_ASK)
		policy_decide_deny(asked, reason, asked->notify);
}

/* A choice as the prompt names it: only the forms that choices are shown in. */
static struct policy_target
parse_choice(const struct policy_view *v, const char *untrusted_choice)
{
	struct policy_target target = {.kind = POLICY_TARGET_QUBE};
	const char *name = untrusted_choice;

	if (text_starts_with(name, "@dispvm:")) {
		target.kind = POLICY_TARGET_DISPVM_BASE;
		name += strlen("@dispvm:");
	}
	target.qube = policy_facts_find(v->facts, name);
	if (target.qube == POLICY_NONE || text_starts_with(name, "uuid:"))
		target.kind = POLICY_TARGET_NONE;
	return target;
}

void
policy_prompt_answer(
	const struct policy_view *v, struct policy_decision *asked, const char *untrusted_answer)
{
	struct policy_target target = {.kind = POLICY_TARGET_NONE};

	if (asked->result != POLICY_ASK)
		return;
	if (untrusted_answer == NULL) {
		policy_refuse_ask(asked, POLICY_REASON_NO_GUI_QUBE);
		return;
	}
	if (text_equal(untrusted_answer, "deny")) {
		policy_refuse_ask(asked, POLICY_REASON_USER_REFUSED);
		return;
	}
	if (text_starts_with(untrusted_answer, "allow:"))
		target = parse_choice(v, untrusted_answer + strlen("allow:"));
	if (policy_is_choice(v, asked, target))
		policy_finish_allow(v, target, asked);
	else
		policy_decide_deny(asked, POLICY_REASON_BAD_PROMPT_ANSWER, true);
}

void
policy_assume_yes(const struct policy_view *v, struct policy_decision *asked)
{
	struct policy_target target = asked->requested;

	if (asked->result != POLICY_ASK || policy_resolve_keyword(v, &target, asked) < 0)
		return;
	if (policy_is_choice(v, asked, target))
		policy_finish_allow(v, target, asked);
	else
		policy_decide_deny(asked, POLICY_REASON_ASK_NOT_ALLOWED, true);
}
