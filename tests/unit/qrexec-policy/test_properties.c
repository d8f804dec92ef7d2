/*
 * What holds for any policy, any system and any request: random ones are made by the thousand.
 * A failure names the seed, and the seed makes it again.
 */
#include "../base/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "fixture.h"

#define ROUNDS 3000
#define REQUESTS_A_ROUND 8
#define MAX_QUBES 12
#define MAX_RULES 8

static uint64_t random_state;

static unsigned
pick(unsigned count)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)(random_state >> 33) % count;
}

static const char *const names[MAX_QUBES] = {
	"dom0", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"};
static const char *const tags[] = {"x", "y"};

/* One random system; qubes are numbered as in `names`. */
struct world {
	unsigned count;
	struct policy_qube_description qubes[MAX_QUBES];
	char uuids[MAX_QUBES][UUID_LENGTH + 1];
};

static const char *
maybe_qube(const struct world *w)
{
	return pick(2) ? names[pick(w->count)] : NULL;
}

static void
make_world(struct world *w)
{
	static const char *const types[] = {"AppVM", "TemplateVM", "RemoteVM"};

	w->count = 3 + pick(MAX_QUBES - 2);
	for (unsigned i = 0; i < w->count; i++) {
		snprintf(
			w->uuids[i], sizeof(w->uuids[i]), FIXTURE_UUID "%c", "0123456789abcdef"[i]);
		w->qubes[i] = (struct policy_qube_description){
			.name = names[i],
			.uuid = i == 0 ? POLICY_DOM0_UUID : w->uuids[i],
			.type = i == 0 ? "AdminVM" : types[pick(3)],
			.tags = &tags[pick(2)],
			.tag_count = pick(2),
			.power_state = pick(2) ? "Running" : "Halted",
			.default_dispvm = maybe_qube(w),
			.guivm = pick(4) ? "dom0" : NULL,
			.internal = pick(6) ? NULL : "1",
			.relayvm = maybe_qube(w),
			.transport_rpc = pick(3) ? "t.T" : NULL,
			.template_for_dispvms = i > 0 && pick(2),
		};
	}
}

/* The facts of a world, its qubes put in from the given one on. */
static struct policy_facts *
make_facts(const struct world *w, unsigned first, bool backwards)
{
	struct policy_facts *facts = policy_facts_create();
	AUTO_ERR struct err err = ERR_INIT;

	for (unsigned i = 0; i < w->count; i++) {
		unsigned step = backwards ? w->count - i : i;

		assert_int_equal(
			policy_facts_add(facts, &w->qubes[(first + step) % w->count], &err), 0);
	}
	assert_int_equal(policy_facts_seal(facts, &err), 0);
	return facts;
}

static void
put_token(struct buf *out, const struct world *w, bool target)
{
	const char *name = pick(8) ? names[pick(w->count)] : "nothing";

	switch (pick(target ? 12 : 7)) {
	case 0:
		buf_put_string(out, "*");
		break;
	case 1:
		buf_put_string(out, "@anyvm");
		break;
	case 2:
		buf_put_string(out, "@adminvm");
		break;
	case 3:
		buf_printf(out, "@tag:%s", tags[pick(2)]);
		break;
	case 4:
		buf_printf(out, "@type:%s", pick(2) ? "AppVM" : "RemoteVM");
		break;
	case 5:
		buf_put_string(out, name);
		break;
	case 6:
		buf_printf(out, "uuid:" FIXTURE_UUID "%x", pick(w->count));
		break;
	case 7:
		buf_put_string(out, "@dispvm");
		break;
	case 8:
		buf_printf(out, "@dispvm:%s", name);
		break;
	case 9:
		buf_printf(out, "@dispvm:@tag:%s", tags[pick(2)]);
		break;
	case 10:
		buf_printf(out, "@dispvm:uuid:" FIXTURE_UUID "%x", pick(w->count));
		break;
	default:
		buf_put_string(out, "@anyvm");
		break;
	}
}

static void
put_rule(struct buf *out, const struct world *w, bool deny)
{
	static const char *const services[] = {"s *", "s +", "s +k", "t *", "* *"};
	static const char *const redirects[] = {
		" target=@dispvm", " target=@adminvm", " target=a", " target=@dispvm:b"};

	buf_printf(out, "%s ", services[pick(5)]);
	put_token(out, w, false);
	buf_put_string(out, " ");
	put_token(out, w, true);
	if (deny || pick(3) == 0) {
		buf_put_string(out, " deny\n");
		return;
	}
	buf_printf(out, "%s%s%s%s\n", pick(2) ? " allow" : " ask",
		pick(4) ? "" : redirects[pick(4)], pick(4) ? "" : " autostart=no",
		pick(4) ? "" : " notify=yes");
}

static char *
make_rules(const struct world *w, unsigned count, bool deny)
{
	AUTO_BUF struct buf out;

	buf_init(&out, 65536);
	for (unsigned i = 0; i < count; i++)
		put_rule(&out, w, deny);
	return buf_steal_string(&out);
}

static char *
make_target(const struct world *w)
{
	const char *name = names[pick(w->count)];

	switch (pick(6)) {
	case 0:
		return text_copy("@dispvm");
	case 1:
		return text_format("@dispvm:%s", name);
	case 2:
		return text_copy(pick(2) ? "@adminvm" : "@default");
	case 3:
		return text_format("uuid:" FIXTURE_UUID "%x", pick(w->count));
	default:
		return text_copy(name);
	}
}

static struct policy_view *
make_view(const char *rules, struct policy_facts *facts)
{
	struct policy *policy = fixture_policy(rules);
	struct policy_view *v = policy_view_create(policy, facts);

	assert_null(policy_error(policy));
	policy_unref(policy);
	return v;
}

/* How often each result came: a property that was never put to the test proves nothing. */
static unsigned results[3];

static bool
offers(const struct policy_view *v, const struct policy_decision *d, struct policy_target wanted)
{
	struct policy_target target;
	size_t cursor = 0;

	while ((target = policy_choice_next(v, d, &cursor)).kind != POLICY_TARGET_NONE) {
		if (target.kind == wanted.kind && target.qube == wanted.qube)
			return true;
	}
	return false;
}

static void
assert_not_wider(const struct policy_view *wide, const struct policy_decision *before,
	const struct policy_view *narrow, const struct policy_decision *after)
{
	struct policy_target target;
	size_t cursor = 0;

	results[after->result]++;
	if (after->result == POLICY_DENY)
		return;
	assert_int_equal(after->result, before->result);
	assert_int_equal(after->target.kind, before->target.kind);
	assert_int_equal(after->target.qube, before->target.qube);
	if (after->result != POLICY_ASK)
		return;
	while ((target = policy_choice_next(narrow, after, &cursor)).kind != POLICY_TARGET_NONE)
		assert_true(offers(wide, before, target));
}

/* A deny line, wherever it is put, takes away and never gives. */
static void
a_deny_never_widens(void **state)
{
	for (unsigned round = 1; round <= ROUNDS; round++) {
		struct world w;

		random_state = round * UINT64_C(0x9e3779b97f4a7c15);
		make_world(&w);
		AUTO_FREE char *above = make_rules(&w, pick(MAX_RULES), false);
		AUTO_FREE char *deny = make_rules(&w, 1, true);
		AUTO_FREE char *below = make_rules(&w, 1 + pick(MAX_RULES), false);
		AUTO_FREE char *rules = text_format("%s%s", above, below);
		AUTO_FREE char *more = text_format("%s%s%s", above, deny, below);
		struct policy_facts *facts = make_facts(&w, 0, false);
		struct policy_view *before = make_view(rules, facts);
		struct policy_view *after = make_view(more, facts);

		for (unsigned i = 0; i < REQUESTS_A_ROUND; i++) {
			AUTO_DECISION struct policy_decision d1 = POLICY_DECISION_INIT;
			AUTO_DECISION struct policy_decision d2 = POLICY_DECISION_INIT;
			AUTO_FREE char *target = make_target(&w);
			const char *source = names[pick(w.count)], *service = pick(2) ? "s" : "s+k";

			fixture_evaluate(before, source, target, service, &d1);
			fixture_evaluate(after, source, target, service, &d2);
			assert_not_wider(before, &d1, after, &d2);
		}
		policy_view_unref(before);
		policy_view_unref(after);
		policy_facts_unref(facts);
	}
	for (size_t i = 0; i < 3; i++)
		assert_true(results[i] > ROUNDS / 4);
}

static void
assert_same(const struct policy_view *v1, const struct policy_decision *d1,
	const struct policy_view *v2, const struct policy_decision *d2)
{
	char text1[POLICY_TARGET_TEXT_MAX], text2[POLICY_TARGET_TEXT_MAX];
	struct policy_target t1, t2;
	size_t cursor1 = 0, cursor2 = 0;

	assert_int_equal(d1->result, d2->result);
	assert_int_equal(d1->reason, d2->reason);
	assert_int_equal(d1->rule, d2->rule);
	assert_int_equal(d1->notify, d2->notify);
	assert_string_equal(policy_target_text(v1, d1->target, text1),
		policy_target_text(v2, d2->target, text2));
	do {
		t1 = policy_choice_next(v1, d1, &cursor1);
		t2 = policy_choice_next(v2, d2, &cursor2);
		assert_string_equal(
			policy_target_text(v1, t1, text1), policy_target_text(v2, t2, text2));
	} while (t1.kind != POLICY_TARGET_NONE);
}

/* The order in which qubes are told of changes nothing, nor what hash tables make of it. */
static void
the_order_of_facts_means_nothing(void **state)
{
	for (unsigned round = 1; round <= ROUNDS; round++) {
		struct world w;

		random_state = round * UINT64_C(0xbf58476d1ce4e5b9);
		make_world(&w);
		AUTO_FREE char *rules = make_rules(&w, 1 + pick(MAX_RULES), false);
		struct policy_facts *facts1 = make_facts(&w, 0, false);
		struct policy_facts *facts2 = make_facts(&w, pick(w.count), true);
		struct policy_view *v1 = make_view(rules, facts1), *v2 = make_view(rules, facts2);

		for (unsigned i = 0; i < REQUESTS_A_ROUND; i++) {
			AUTO_DECISION struct policy_decision d1 = POLICY_DECISION_INIT;
			AUTO_DECISION struct policy_decision d2 = POLICY_DECISION_INIT;
			AUTO_FREE char *target = make_target(&w);
			const char *source = names[pick(w.count)];

			fixture_evaluate(v1, source, target, "s+k", &d1);
			fixture_evaluate(v2, source, target, "s+k", &d2);
			assert_same(v1, &d1, v2, &d2);
		}
		policy_view_unref(v1);
		policy_view_unref(v2);
		policy_facts_unref(facts1);
		policy_facts_unref(facts2);
	}
}

/* The explanation of every rule fits the decision: none before it matches, it does. */
static void
explanations_agree_with_decisions(void **state)
{
	for (unsigned round = 1; round <= ROUNDS; round++) {
		struct world w;

		random_state = round * UINT64_C(0x94d049bb133111eb);
		make_world(&w);
		AUTO_FREE char *rules = make_rules(&w, 1 + pick(MAX_RULES), false);
		struct policy_facts *facts = make_facts(&w, 0, false);
		struct policy_view *v = make_view(rules, facts);
		AUTO_FREE char *target = make_target(&w);
		struct policy_request request = {
			.source = names[pick(w.count)], .target = target, .service = "s"};
		AUTO_DECISION struct policy_decision d = POLICY_DECISION_INIT;
		uint32_t count = (uint32_t)policy_rule_count(policy_view_policy(v));

		policy_evaluate(v, &request, &d);
		for (uint32_t rule = 0; rule < count && rule <= d.rule; rule++) {
			enum policy_mismatch mismatch = policy_rule_mismatch(v, &request, &d, rule);

			if (d.requested.kind != POLICY_TARGET_NONE)
				assert_int_equal(mismatch == POLICY_MATCHES, rule == d.rule);
		}
		policy_view_unref(v);
		policy_facts_unref(facts);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_deny_never_widens),
		cmocka_unit_test(the_order_of_facts_means_nothing),
		cmocka_unit_test(explanations_agree_with_decisions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
