/* Which files make the policy, in which order, and what makes it unusable. */
#include "../base/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "qrexec/policy/memory_tree.h"
#include "qrexec/policy/policy.h"

static struct policy *
compile(const struct memory_tree_file *files, size_t count)
{
	struct memory_tree_file sized[64];
	struct memory_tree tree = {sized, count};
	struct policy_loader loader = memory_tree_loader(&tree);

	assert_true(count <= 64);
	for (size_t i = 0; i < count; i++) {
		sized[i] = files[i];
		if (sized[i].size == 0)
			sized[i].size = strlen(files[i].bytes);
	}
	return policy_compile(&loader);
}

#define COMPILE(...)                                                                               \
	compile((const struct memory_tree_file[]){__VA_ARGS__},                                    \
		sizeof((const struct memory_tree_file[]){__VA_ARGS__}) /                           \
			sizeof(struct memory_tree_file))

static void
assert_rule(const struct policy *p, uint32_t rule, const char *file, unsigned line)
{
	struct policy_rule_place place = policy_rule_place(p, rule);

	assert_string_equal(place.file, file);
	assert_int_equal(place.line, line);
}

static void
files_are_ordered_and_hidden(void **state)
{
	struct policy *p = COMPILE({POLICY_SYSTEM, "9.policy", "a * b c allow"},
		{POLICY_SYSTEM, "10.policy", "a * b c allow"},
		{POLICY_RUNTIME, "50.policy", "\na * b c allow"},
		{POLICY_SYSTEM, "50.policy", "broken"}, {POLICY_SYSTEM, ".x.policy", "broken"},
		{POLICY_SYSTEM, "x.policy.bak", "broken"}, {POLICY_SYSTEM, "README", "broken"});

	assert_null(policy_error(p));
	assert_int_equal(policy_rule_count(p), 3);
	assert_rule(p, 0, "10.policy", 1);
	assert_rule(p, 1, "50.policy", 2);
	assert_rule(p, 2, "9.policy", 1);
	policy_unref(p);
}

static void
an_error_says_where(void **state)
{
	struct policy *p = COMPILE({POLICY_SYSTEM, "a.policy", "\n!include sub/b\n"},
		{POLICY_SYSTEM, "sub/b", "a * b c allow\n\na * b c grant\n"});

	assert_non_null(policy_error(p));
	assert_string_equal(
		policy_error(p), "a.policy:2: sub/b:3: action 'grant': none of allow, ask, deny");
	policy_unref(p);
}

static void
includes_go_where_they_stand(void **state)
{
	struct policy *p = COMPILE(
		{POLICY_SYSTEM, "a.policy",
			"x * b c allow\n!include-dir d\n!include-service s +k f\nz * b c allow\n"},
		{POLICY_SYSTEM, "d/2.policy", "d2 * b c allow"},
		{POLICY_SYSTEM, "d/1.policy", "d1 * b c allow"},
		{POLICY_SYSTEM, "d/other", "broken"}, {POLICY_SYSTEM, "f", "$anyvm $anyvm ask"});
	AUTO_BUF struct buf text;

	buf_init(&text, 1000);
	assert_null(policy_error(p));
	assert_int_equal(policy_rule_count(p), 5);
	assert_rule(p, 1, "d/1.policy", 1);
	assert_rule(p, 2, "d/2.policy", 1);
	assert_rule(p, 3, "f", 1);
	assert_rule(p, 4, "a.policy", 4);
	policy_rule_format(p, 3, &text);
	AUTO_FREE char *written = buf_steal_string(&text);
	assert_string_equal(written, "s +k @anyvm @anyvm ask");
	policy_unref(p);
}

static void
legacy_files_have_their_order(void **state)
{
	struct policy *p = COMPILE({POLICY_SYSTEM, "a.policy", "!compat-4.0\n"},
		{POLICY_LEGACY, "s", "a b allow"}, {POLICY_LEGACY, "s+k", "$include:other+file"},
		{POLICY_LEGACY, "other+file", "a b allow"}, {POLICY_LEGACY, "s.rpmsave", "broken"},
		{POLICY_LEGACY, "s~", "broken"});

	assert_null(policy_error(p));
	assert_int_equal(policy_rule_count(p), 7);
	assert_rule(p, 0, "other+file", 1);
	assert_rule(p, 1, "other+file", 0);
	assert_rule(p, 3, "other+file", 1);
	assert_rule(p, 4, "s+k", 0);
	assert_int_equal(policy_rule_action(p, 5), POLICY_ACTION_DENY);
	assert_rule(p, 6, "s", 1);
	policy_unref(p);
}

static void
cycles_and_bombs_end(void **state)
{
	struct memory_tree_file files[41];
	char names[41][16], texts[41][64];
	struct policy *p = COMPILE({POLICY_SYSTEM, "a.policy", "!include a.policy\n"});

	assert_non_null(strstr(policy_error(p), "64 files deep"));
	policy_unref(p);
	/* Each file twice includes the next: 2^40 files if nothing stopped it. */
	for (unsigned i = 0; i < 41; i++) {
		snprintf(names[i], sizeof(names[i]), i == 0 ? "0.policy" : "%u", i);
		snprintf(texts[i], sizeof(texts[i]),
			i < 40 ? "!include %u\n!include %u\n" : "# end\n", i + 1, i + 1);
		files[i] = (struct memory_tree_file){POLICY_SYSTEM, names[i], texts[i], 0};
	}
	p = compile(files, 41);
	assert_non_null(strstr(policy_error(p), "more than 10000 files"));
	policy_unref(p);
}

static void
a_deep_include_is_fine(void **state)
{
	struct memory_tree_file files[61];
	char names[61][16], texts[61][32];
	struct policy *p;

	for (unsigned i = 0; i < 61; i++) {
		snprintf(names[i], sizeof(names[i]), i == 0 ? "0.policy" : "%u", i);
		snprintf(texts[i], sizeof(texts[i]), i < 60 ? "!include %u\n" : "a * b c deny\n",
			i + 1);
		files[i] = (struct memory_tree_file){POLICY_SYSTEM, names[i], texts[i], 0};
	}
	p = compile(files, 61);
	assert_null(policy_error(p));
	assert_int_equal(policy_rule_count(p), 1);
	policy_unref(p);
}

static void
bad_names_and_missing_files_are_errors(void **state)
{
	static const struct memory_tree_file files[] = {
		{POLICY_SYSTEM, "A.policy", "# fine"},
		{POLICY_SYSTEM, "a+b.policy", "# fine"},
		{POLICY_SYSTEM, "a.policy", "!include nothing"},
		{POLICY_SYSTEM, "a.policy", "!include-dir nothing"},
		{POLICY_SYSTEM, "a.policy", "!include-service s * nothing"},
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct policy *p = compile(&files[i], 1);

		assert_non_null(policy_error(p));
		policy_unref(p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_ordered_and_hidden),
		cmocka_unit_test(an_error_says_where),
		cmocka_unit_test(includes_go_where_they_stand),
		cmocka_unit_test(legacy_files_have_their_order),
		cmocka_unit_test(cycles_and_bombs_end),
		cmocka_unit_test(a_deep_include_is_fine),
		cmocka_unit_test(bad_names_and_missing_files_are_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
