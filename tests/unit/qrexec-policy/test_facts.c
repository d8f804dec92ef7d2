/* Snapshots of facts: what they find, what they refuse, and JSON. */
#include "../base/cmocka_all.h"

#include <string.h>

#include "fixture.h"
#include "qrexec/policy/facts_json.h"

#define DOM0 "\"dom0\":{\"type\":\"AdminVM\",\"uuid\":\"" POLICY_DOM0_UUID "\"}"
#define UUID FIXTURE_UUID "1"

static struct policy_facts *
from_json(const char *text)
{
	AUTO_ERR struct err err = ERR_INIT;

	return policy_facts_from_json(text, strlen(text), &err);
}

static void
qubes_are_found_by_name_and_uuid(void **state)
{
	struct policy_facts *f = fixture_facts();
	uint32_t work = policy_facts_find(f, "work");

	assert_int_not_equal(work, POLICY_NONE);
	assert_int_equal(policy_facts_find(f, "uuid:" FIXTURE_UUID "1"), work);
	assert_int_equal(policy_facts_find(f, "wor"), POLICY_NONE);
	assert_int_equal(policy_facts_find(f, "work2"), POLICY_NONE);
	assert_int_equal(policy_facts_find(f, ""), POLICY_NONE);
	assert_int_equal(policy_facts_find(f, "uuid:"), POLICY_NONE);
	assert_string_equal(policy_facts_qube(f, work)->name, "work");
	assert_int_equal(policy_facts_qube(f, work)->default_dispvm, policy_facts_find(f, "dvm"));
	policy_facts_unref(f);
}

static void
sets_hold_who_they_should(void **state)
{
	struct policy_facts *f = fixture_facts();
	const uint64_t *office = policy_facts_tagged(f, "office");
	const uint64_t *nothing = policy_facts_tagged(f, "nothing");

	for (uint32_t i = 0; i < policy_facts_count(f); i++) {
		const char *name = policy_facts_qube(f, i)->name;
		bool expected = strcmp(name, "work") == 0 || strcmp(name, "vault") == 0;

		assert_int_equal(policy_set_has(office, i), expected);
		assert_false(policy_set_has(nothing, i));
		assert_true(policy_set_has(policy_facts_all(f), i));
	}
	assert_true(policy_set_has(policy_facts_typed(f, "AdminVM"), policy_facts_dom0(f)));
	policy_facts_unref(f);
}

static void
json_is_read(void **state)
{
	struct policy_facts *f = from_json(
		"{\"domains\":{" DOM0 ",\"a\":{\"type\":\"AppVM\",\"uuid\":\"" UUID
		"\",\"tags\":[\"t\"],"
		"\"internal\":null,\"power_state\":\"Running\",\"template_for_dispvms\":true},"
		"\"uuid:" UUID "\":{\"type\":\"AppVM\"}}}");
	uint32_t a;

	assert_non_null(f);
	assert_int_equal(policy_facts_count(f), 2);
	a = policy_facts_find(f, "a");
	assert_true(policy_set_has(policy_facts_templates(f), a));
	assert_true(policy_facts_qube(f, a)->running);
	policy_facts_unref(f);
}

static void
contradictions_are_refused(void **state)
{
	static const char *const bad[] = {"", "{}", "[]", "{\"domains\":[]}", "{\"domains\":{}}",
		"{\"domains\":{\"dom0\":{\"type\":\"AdminVM\",\"uuid\":\"" UUID "\"}}}",
		"{\"domains\":{" DOM0 ",\"a\":{}}}", "{\"domains\":{" DOM0 ",\"a\":[]}}",
		"{\"domains\":{" DOM0 ",\"a\":{\"type\":1}}}",
		"{\"domains\":{" DOM0 ",\"a\":{\"type\":\"AppVM\",\"tags\":[1]}}}",
		"{\"domains\":{" DOM0 ",\"a\":{\"type\":\"AppVM\",\"tags\":\"x\"}}}",
		"{\"domains\":{" DOM0 ",\"a\":{\"type\":\"AppVM\",\"uuid\":\"x\"}}}",
		"{\"domains\":{" DOM0 ",\"a\":{\"type\":\"AppVM\",\"template_for_dispvms\":1}}}",
		"{\"domains\":{" DOM0 ",\"@a\":{\"type\":\"AppVM\"}}}",
		"{\"domains\":{" DOM0 ",\"\":{\"type\":\"AppVM\"}}}",
		"{\"domains\":{" DOM0 ",\"a b\":{\"type\":\"AppVM\"}}}",
		"{\"domains\":{" DOM0 ",\"a\":{\"type\":\"AppVM\",\"uuid\":\"" UUID
		"\"},\"b\":{\"type\":\"AppVM\",\"uuid\":\"" UUID "\"}}}",
		"{\"domains\":{" DOM0 ",\"a\":{\"type\":\"AppVM\"},\"a\":{\"type\":\"AppVM\"}}}",
		"{\"domains\":{" DOM0 ",\"a\":{\"type\":\"AppVM\",\"guivm\":\"d\\u0000\"}}}",
		"{\"domains\":{" DOM0 "}} x"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct policy_facts *f = from_json(bad[i]);

		if (f != NULL)
			fail_msg("accepted: %s", bad[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(qubes_are_found_by_name_and_uuid),
		cmocka_unit_test(sets_hold_who_they_should),
		cmocka_unit_test(json_is_read),
		cmocka_unit_test(contradictions_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
