/* Decisions that the vectors do not cover: the repairs of spec section 10, and what surrounds an
 * ask. */
#include "../base/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "fixture.h"
#include "qrexec/policy/answer.h"

/* One question to one policy: the result, and its reason. */
static void
check(const char *policy, const char *source, const char *claim, const char *target,
	const char *service, enum policy_result result, enum policy_reason reason)
{
	struct policy_view *v = fixture_view(policy);
	const struct policy_request request = {
		.source = source, .requested_source = claim, .target = target, .service = service};
	AUTO_DECISION struct policy_decision d = POLICY_DECISION_INIT;

	policy_evaluate(v, &request, &d);
	assert_int_equal(d.result, result);
	if (d.reason != reason)
		fail_msg("the reason is %s", policy_reason_name(d.reason));
	policy_view_unref(v);
}

static void
nobody_calls_itself(void **state)
{
	static const char all[] = "s * * * allow notify=yes\n";

	check(all, "work", NULL, "work", "s", POLICY_DENY, POLICY_REASON_LOOPBACK);
	check(all, "work", NULL, "uuid:" FIXTURE_UUID "1", "s", POLICY_DENY,
		POLICY_REASON_LOOPBACK);
	check("s * * * allow target=uuid:" FIXTURE_UUID "1\n", "work", NULL, "red", "s",
		POLICY_DENY, POLICY_REASON_LOOPBACK);
	check(all, "relay", "far", "relay", "s", POLICY_DENY, POLICY_REASON_LOOPBACK);
	check(all, "relay", NULL, "far", "s", POLICY_DENY, POLICY_REASON_LOOPBACK);
	check(all, "work", NULL, "far", "s", POLICY_ALLOW, POLICY_REASON_RULE);
}

static void
bad_requests_are_refused(void **state)
{
	static const char all[] = "* * * * allow\n";

	check(all, "nobody", NULL, "red", "s", POLICY_DENY, POLICY_REASON_UNKNOWN_CALLER);
	check(all, "", NULL, "red", "s", POLICY_DENY, POLICY_REASON_UNKNOWN_CALLER);
	check(all, "work", NULL, "red", "", POLICY_DENY, POLICY_REASON_BAD_SERVICE);
	check(all, "work", NULL, "red", "+a", POLICY_DENY, POLICY_REASON_BAD_SERVICE);
	check(all, "work", NULL, "red", "s/x", POLICY_DENY, POLICY_REASON_BAD_SERVICE);
	check(all, "work", NULL, "@dispvm:", "s", POLICY_DENY, POLICY_REASON_BAD_TARGET);
	check(all, "work", NULL, "@dispvm:@tag:wild", "s", POLICY_DENY, POLICY_REASON_BAD_TARGET);
	check(all, "work", NULL, "@dispvm:red", "s", POLICY_DENY, POLICY_REASON_BAD_DISPVM);
	check(all, "work", "far", "red", "s", POLICY_DENY, POLICY_REASON_BAD_SOURCE);
	check(all, "relay", "red", "work", "s", POLICY_DENY, POLICY_REASON_BAD_SOURCE);
	check(all, "relay", "", "work", "s", POLICY_ALLOW, POLICY_REASON_RULE);
	check("broken\n", "work", NULL, "red", "s", POLICY_DENY, POLICY_REASON_POLICY_SYNTAX);
}

static void
autostart_looks_at_the_relay(void **state)
{
	check("s * * far allow autostart=no\n", "work", NULL, "far", "s", POLICY_ALLOW,
		POLICY_REASON_RULE);
	check("s * * vault allow autostart=no\n", "work", NULL, "vault", "s", POLICY_DENY,
		POLICY_REASON_AUTOSTART);
	check("s * * @dispvm allow autostart=no\n", "work", NULL, "@dispvm", "s", POLICY_DENY,
		POLICY_REASON_AUTOSTART);
}

/* The choices of an ask as one text. */
static char *
choices(const struct policy_view *v, const struct policy_decision *d)
{
	char text[POLICY_TARGET_TEXT_MAX];
	struct policy_target target;
	AUTO_BUF struct buf out;
	size_t cursor = 0;

	buf_init(&out, 4096);
	while ((target = policy_choice_next(v, d, &cursor)).kind != POLICY_TARGET_NONE)
		buf_printf(&out, " %s", policy_target_text(v, target, text));
	return buf_steal_string(&out);
}

static void
check_choices(const char *policy, const char *source, const char *expected)
{
	struct policy_view *v = fixture_view(policy);
	AUTO_DECISION struct policy_decision d = POLICY_DECISION_INIT;
	AUTO_FREE char *given = NULL;

	fixture_evaluate(v, source, "red", "s", &d);
	assert_int_equal(d.result, POLICY_ASK);
	given = choices(v, &d);
	assert_string_equal(given, expected);
	policy_view_unref(v);
}

static void
choices_follow_the_first_rule_that_speaks_of_them(void **state)
{
	check_choices("s * work * ask\n", "work",
		" @dispvm:dvm @dispvm:reddvm alone dom0 dvm far red reddvm relay vault");
	check_choices("s * work @adminvm deny\ns * work @tag:office deny\ns * work * ask\n", "work",
		" @dispvm:dvm @dispvm:reddvm alone dvm far red reddvm relay");
	check_choices("s * work @dispvm:dvm deny\ns * work @anyvm ask\n", "work",
		" @dispvm:reddvm alone dvm far red reddvm relay vault");
	check_choices("s * work @dispvm:nothing allow\ns * work red ask\n", "work", " red");
	check_choices("s * work red ask target=@dispvm\n", "work", " @dispvm:dvm");
	check_choices("s * work red ask target=uuid:" FIXTURE_UUID "2\n", "work", " vault");
	/* A redirecting allow offers where it redirects to, whatever a deny says of its column. */
	check_choices(
		"s * work relay allow target=vault\ns * work red ask\n", "work", " red vault");
}

static void
answer_prompt(const char *policy, const char *answer, enum policy_result result,
	enum policy_reason reason, bool notify)
{
	struct policy_view *v = fixture_view(policy);
	AUTO_DECISION struct policy_decision d = POLICY_DECISION_INIT;

	fixture_evaluate(v, "work", "red", "s", &d);
	assert_int_equal(d.result, POLICY_ASK);
	policy_prompt_answer(v, &d, answer);
	assert_int_equal(d.result, result);
	assert_int_equal(d.reason, reason);
	assert_int_equal(d.notify, notify);
	policy_view_unref(v);
}

static void
only_offered_choices_count(void **state)
{
	static const char ask[] = "s * work red ask\n";

	answer_prompt(ask, "allow:red", POLICY_ALLOW, POLICY_REASON_RULE, false);
	answer_prompt(ask, "deny", POLICY_DENY, POLICY_REASON_USER_REFUSED, false);
	answer_prompt(ask, "allow:vault", POLICY_DENY, POLICY_REASON_BAD_PROMPT_ANSWER, true);
	answer_prompt(ask, "allow:red\n", POLICY_DENY, POLICY_REASON_BAD_PROMPT_ANSWER, true);
	answer_prompt(ask, "allow:", POLICY_DENY, POLICY_REASON_BAD_PROMPT_ANSWER, true);
	answer_prompt(ask, "allow:uuid:" FIXTURE_UUID "3", POLICY_DENY,
		POLICY_REASON_BAD_PROMPT_ANSWER, true);
	answer_prompt(ask, "", POLICY_DENY, POLICY_REASON_BAD_PROMPT_ANSWER, true);
	answer_prompt(ask, NULL, POLICY_DENY, POLICY_REASON_NO_GUI_QUBE, false);
	answer_prompt("s * work red ask target=work\n", "allow:work", POLICY_DENY,
		POLICY_REASON_LOOPBACK, true);
}

static void
assumed_yes_is_for_the_requested_target(void **state)
{
	struct policy_view *v = fixture_view("s * work @default ask\ns * work red ask\n"
					     "s * work vault ask target=red\n"
					     "s * work @dispvm ask\n");
	static const struct {
		const char *target;
		enum policy_result result;
	} cases[] = {{"red", POLICY_ALLOW}, {"vault", POLICY_DENY}, {"@dispvm", POLICY_ALLOW},
		{"@default", POLICY_DENY}, {"relay", POLICY_DENY}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO_DECISION struct policy_decision d = POLICY_DECISION_INIT;

		fixture_evaluate(v, "work", cases[i].target, "s", &d);
		policy_assume_yes(v, &d);
		assert_int_equal(d.result, cases[i].result);
	}
	policy_view_unref(v);
}

static void
check_answer(const char *policy, const struct policy_request *request, const char *expected)
{
	struct policy_view *v = fixture_view(policy);
	AUTO_DECISION struct policy_decision d = POLICY_DECISION_INIT;
	AUTO_BUF struct buf out;
	AUTO_FREE char *given = NULL;

	buf_init(&out, 8192);
	policy_evaluate(v, request, &d);
	assert_int_equal(policy_answer_format(v, request, &d, false, &out), 0);
	given = buf_steal_string(&out);
	assert_string_equal(given, expected);
	policy_view_unref(v);
}

static void
answers_have_their_form(void **state)
{
	check_answer("s * * @default allow target=far user=root autostart=no\n",
		&(struct policy_request){.source = "work", .target = "", .service = "s+k"},
		"user=DEFAULT\nresult=allow\ntarget=relay\ntarget_uuid=uuid:" FIXTURE_UUID
		"6\nautostart=False\nrequested_target=@default\nservice=span.Forward+far+s+k\n");
	check_answer("s * far dom0 allow user=root\n",
		&(struct policy_request){.source = "relay",
			.requested_source = "far",
			.target = "dom0",
			.service = "s"},
		"user=root\nresult=allow\ntarget=dom0\nautostart=True\nrequested_target=dom0\n"
		"policy_source=far\n");
	check_answer("s * work @dispvm allow\n",
		&(struct policy_request){.source = "work", .target = "@dispvm", .service = "s"},
		"user=DEFAULT\nresult=allow\ntarget=@dispvm:dvm\n"
		"target_uuid=@dispvm:uuid:" FIXTURE_UUID "4\nautostart=True\n"
		"requested_target=@dispvm\n");
	check_answer("s * work @anyvm ask\n",
		&(struct policy_request){.source = "work", .target = "red", .service = "s"},
		"result=deny\n");
}

static void
an_answer_that_is_too_long_is_none(void **state)
{
	struct policy_view *v = fixture_view("* * * * allow\n");
	AUTO_DECISION struct policy_decision d = POLICY_DECISION_INIT;
	AUTO_BUF struct buf out;
	char service[POLICY_ANSWER_MAX];
	struct policy_request request = {.source = "work", .target = "far", .service = service};

	buf_init(&out, 16384);
	memset(service, 's', sizeof(service) - 1);
	service[sizeof(service) - 1] = '\0';
	policy_evaluate(v, &request, &d);
	assert_int_equal(d.result, POLICY_ALLOW);
	assert_true(policy_answer_format(v, &request, &d, false, &out) < 0);
	assert_int_equal(buf_len(&out), 0);
	policy_view_unref(v);
}

static int
parse_question(const char *text, struct policy_question *ret)
{
	static char storage[1024];
	AUTO_ERR struct err err = ERR_INIT;

	assert_true(strlen(text) < sizeof(storage));
	memcpy(storage, text, strlen(text) + 1);
	return policy_question_parse(storage, strlen(text), ret, &err);
}

static void
questions_are_strict(void **state)
{
	static const char *const bad[] = {"", "\n", "source=a\n\n",
		"source=a\nintended_target=\n\n",
		"source=a\nintended_target=\nservice_and_arg=s\nsource=a\n\n",
		"source=a\nintended_target=\nservice_and_arg=s\nwhat=a\n\n",
		"source=a\nintended_target=\nservice_and_arg=s\njust_evaluate=true\n\n",
		"source=a\nintended_target=\nservice_and_arg=s\nx\n\n",
		"source=a\nintended_target=\nservice_and_arg=s\n\nx",
		"source=\xc3\xbc\nintended_target=\nservice_and_arg=s\n\n",
		"source=a\tb\nintended_target=\nservice_and_arg=s\n\n",
		"source=a\nintended_target=\nservice_and_arg=s"};
	struct policy_question q;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse_question(bad[i], &q), -1);
	assert_int_equal(parse_question("service_and_arg=s+a=b\nsource=a\nintended_target=\n"
					"just_evaluate=yes\nassume_yes_for_ask=no\n\n",
				 &q),
		0);
	assert_string_equal(q.request.service, "s+a=b");
	assert_string_equal(q.request.target, "");
	assert_true(q.just_evaluate && !q.assume_yes_for_ask);
	assert_int_equal(policy_question_length("a=b\n\nrest", 9), 5);
	assert_int_equal(policy_question_length("a=b\n", 4), 0);
	assert_int_equal(policy_question_length("\n", 1), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_calls_itself),
		cmocka_unit_test(bad_requests_are_refused),
		cmocka_unit_test(autostart_looks_at_the_relay),
		cmocka_unit_test(choices_follow_the_first_rule_that_speaks_of_them),
		cmocka_unit_test(only_offered_choices_count),
		cmocka_unit_test(assumed_yes_is_for_the_requested_target),
		cmocka_unit_test(answers_have_their_form),
		cmocka_unit_test(an_answer_that_is_too_long_is_none),
		cmocka_unit_test(questions_are_strict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
