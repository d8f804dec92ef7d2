/* What a change would change: every difference is counted, and told once, in few words. */
#include "../base/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "fixture.h"
#include "qrexec/policy/survey.h"
#include "qrexec/policy/what_if.h"

#define ROUNDS 400

static char *
compare(const char *before, const char *after, bool all, struct what_if_counts *ret)
{
	struct policy_facts *facts = fixture_facts();
	struct policy *policies[] = {fixture_policy(before), fixture_policy(after)};
	struct policy_view *a = policy_view_create(policies[0], facts);
	struct policy_view *b = policy_view_create(policies[1], facts);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	what_if_compare(a, b, all, out, ret);
	fclose(out);
	policy_view_unref(a);
	policy_view_unref(b);
	policy_unref(policies[0]);
	policy_unref(policies[1]);
	policy_facts_unref(facts);
	return text;
}

static void
assert_told(const char *before, const char *after, const char *expected)
{
	struct what_if_counts counts;
	AUTO_FREE char *text = compare(before, after, false, &counts);

	assert_string_equal(text, expected);
}

static void
differences_are_told(void **state)
{
	assert_told("s * work red allow\n", "# other words\ns  *  work red  allow\n", "");
	assert_told("", "s * work red allow\n", "s: deny -> allow\n    work => red\n");
	assert_told("s * work red allow\n", "s * work red allow user=root\n",
		"s: allow -> allow as root\n    work => red\n");
	assert_told("s * work @default allow target=red\n",
		"s * work @default allow target=vault\n",
		"s: allow to red -> allow to vault\n    work => @default\n");
	assert_told("s * work * ask\n", "s * work red deny\ns * work * ask\n",
		"s: ask with 10 choices -> ask with 9 choices\n"
		"    work => alone, dom0, dvm, far, hidden, reddvm and 7 more\n"
		"s: ask with 10 choices -> deny\n    work => red\n");
	assert_told("s * work red ask target=red\n", "s * work red ask target=vault\n",
		"s: ask with 1 choice -> ask with 1 choice (other ones)\n    work => red\n");
	assert_told("s +a work red allow\n", "s +b work red allow\n",
		"s+a: allow -> deny\n    work => red\ns+b: deny -> allow\n    work => red\n");
}

static void
groups_are_short(void **state)
{
	assert_told("", "s * @tag:office red allow\nt * @tag:office red allow\n",
		"s, t: deny -> allow\n    vault, work => red\n");
	assert_told("", "s * work @anyvm allow\n",
		"s: deny -> allow\n"
		"    work => every other qube, @dispvm:dvm, @dispvm:reddvm\n"
		"s: deny -> allow to @dispvm:dvm\n    work => @dispvm\n");
	assert_told("", "* * @anyvm dom0 allow\n",
		"(any other service): deny -> allow\n    every qube => dom0\n");
}

/* The answer by brute force: all services, whether their rules differ or not. */
static size_t
count_differences(const char *before, const char *after)
{
	static const char *const services[] = {"s", "t", "s+a", "s+b", "t+a",
		"s" SURVEY_OTHER_ARGUMENT, "t" SURVEY_OTHER_ARGUMENT, SURVEY_OTHER_SERVICE};
	struct policy_view *a = fixture_view(before), *b = fixture_view(after);
	struct survey survey;
	size_t count = 0;

	survey_init(&survey, policy_view_policy(a), policy_view_policy(b), policy_view_facts(a));
	for (size_t s = 0; s < sizeof(services) / sizeof(services[0]); s++) {
		for (size_t source = 1; fixture_qubes[source] != NULL; source++) {
			for (size_t target = 0; target < survey.target_count; target++) {
				AUTO_DECISION struct policy_decision x = POLICY_DECISION_INIT;
				AUTO_DECISION struct policy_decision y = POLICY_DECISION_INIT;

				fixture_evaluate(a, fixture_qubes[source], survey.targets[target],
					services[s], &x);
				fixture_evaluate(b, fixture_qubes[source], survey.targets[target],
					services[s], &y);
				count += x.result != y.result;
			}
		}
	}
	survey_finish(&survey);
	policy_view_unref(a);
	policy_view_unref(b);
	return count;
}

static unsigned random_state = 1;

static unsigned
pick(unsigned count)
{
	random_state = random_state * 1103515245u + 12345u;
	return (random_state >> 16) % count;
}

static void
put_rules(struct buf *out)
{
	static const char *const services[] = {"s +a", "s +b", "s *", "t +a", "t *", "* *"};
	static const char *const qubes[] = {
		"work", "red", "@anyvm", "*", "@tag:office", "@type:AppVM", "@adminvm"};

	/* Each service with both arguments, so that what is looked at is always the same. */
	buf_put_string(out, "s +a nobody nobody deny\ns +b nobody nobody deny\n"
			    "t +a nobody nobody deny\n");
	for (unsigned i = pick(4); i > 0; i--)
		buf_printf(out, "%s %s %s %s\n", services[pick(6)], qubes[pick(7)], qubes[pick(7)],
			pick(2) ? "allow" : "deny");
	buf_put_u8(out, 0);
}

static void
nothing_is_missed(void **state)
{
	size_t different = 0;

	for (unsigned seed = 1; seed <= ROUNDS; seed++) {
		AUTO_BUF struct buf before, after;
		struct what_if_counts counts;

		random_state = seed;
		buf_init(&before, 4096);
		buf_init(&after, 4096);
		put_rules(&before);
		put_rules(&after);
		AUTO_FREE char *text = compare((const char *)buf_data(&before),
			(const char *)buf_data(&after), false, &counts);
		size_t expected = count_differences(
			(const char *)buf_data(&before), (const char *)buf_data(&after));
		size_t told = counts.allowed + counts.asked + counts.refused;

		if (told != expected)
			fail_msg("seed %u: %zu told, %zu are", seed, told, expected);
		assert_int_equal(counts.changed == 0, text[0] == '\0');
		different += expected > 0;
	}
	assert_true(different > ROUNDS / 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(differences_are_told),
		cmocka_unit_test(groups_are_short),
		cmocka_unit_test(nothing_is_missed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
