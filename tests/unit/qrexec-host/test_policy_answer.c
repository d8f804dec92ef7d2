/* The reader of policy answers: what is an answer, and above all what is not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "qrexec/host/policy_answer.h"

#define UUID "5d0c2a11-0000-4000-8000-0123456789ab"
#define ALLOW "result=allow\nuser=DEFAULT\ntarget=beta\nautostart=True\nrequested_target=beta"

static int
parse(const char *text, struct policy_answer *answer)
{
	AUTO_ERR struct err err = ERR_INIT;
	int result = policy_answer_parse(text, strlen(text), answer, &err);

	if (result < 0)
		assert_non_null(err.message);
	return result;
}

static void
test_allow(void **state)
{
	AUTO_POLICY_ANSWER struct policy_answer a = {0};

	(void)state;
	assert_int_equal(parse("user=joe\nresult=allow\ntarget=beta\ntarget_uuid=uuid:" UUID
			       "\nautostart=False\nrequested_target=@default\n",
				 &a),
		0);
	assert_true(a.allow);
	assert_false(a.autostart);
	assert_string_equal(a.user, "joe");
	assert_string_equal(a.target, "beta");
	assert_string_equal(a.target_uuid, "uuid:" UUID);
	assert_string_equal(a.requested_target, "@default");
	assert_null(a.service);
	assert_null(a.policy_source);
}

static void
test_allow_with_all_keys(void **state)
{
	AUTO_POLICY_ANSWER struct policy_answer a = {0};

	(void)state;
	assert_int_equal(parse(ALLOW "\nservice=qubesair.SSHProxy+work+test.Svc+\n"
				     "policy_source=remote\nfuture_key=x=y",
				 &a),
		0);
	assert_true(a.autostart);
	assert_string_equal(a.service, "qubesair.SSHProxy+work+test.Svc+");
	assert_string_equal(a.policy_source, "remote");
}

static void
test_deny(void **state)
{
	AUTO_POLICY_ANSWER struct policy_answer a = {0};

	(void)state;
	assert_int_equal(parse("result=deny\n", &a), 0);
	assert_false(a.allow);
	assert_int_equal(parse("result=deny", &a), 0);
}

static void
test_disposable(void **state)
{
	AUTO_POLICY_ANSWER struct policy_answer a = {0};

	(void)state;
	assert_int_equal(
		parse("result=allow\nuser=DEFAULT\ntarget=@dispvm:base\n"
		      "target_uuid=@dispvm:uuid:" UUID "\nautostart=True\nrequested_target=@dispvm",
			&a),
		0);
	assert_string_equal(a.target_uuid, "@dispvm:uuid:" UUID);
}

static const char *const malformed[] = {
	"",
	"\n",
	"result=",
	"result=ask",
	"result=ALLOW",
	"result=allow ",
	" result=deny",
	"result=deny\r",
	"result",
	"=",
	"user=x",
	"result=deny\nresult=deny",
	"result=deny\n\nresult=deny",
	"result=deny\nno equals sign",
	"result=deny\nuser=DEFAULT",
	"result=deny\ntarget=beta",
	"result=deny\nrequested_target=beta",
	"result=deny\nautostart=True",
	"result=allow",
	"result=allow\nuser=DEFAULT\ntarget=beta\nautostart=True",
	"result=allow\nuser=DEFAULT\ntarget=beta\nrequested_target=beta",
	"result=allow\nuser=DEFAULT\nautostart=True\nrequested_target=beta",
	"result=allow\ntarget=beta\nautostart=True\nrequested_target=beta",
	"user=DEFAULT\ntarget=beta\nautostart=True\nrequested_target=beta",
	ALLOW "\nuser=DEFAULT",
	ALLOW "\ntarget=beta",
	ALLOW "\nautostart=True",
	ALLOW "\nrequested_target=beta",
	ALLOW "\nservice=a\nservice=a",
	ALLOW "\npolicy_source=a\npolicy_source=a",
	ALLOW "\ntarget_uuid=uuid:" UUID "\ntarget_uuid=uuid:" UUID,
	/* values that would be a path, an option or a second word where they go */
	"result=allow\nuser=DEFAULT\ntarget=../beta\nautostart=True\nrequested_target=beta",
	"result=allow\nuser=DEFAULT\ntarget=a/b\nautostart=True\nrequested_target=beta",
	"result=allow\nuser=DEFAULT\ntarget=\nautostart=True\nrequested_target=beta",
	"result=allow\nuser=DEFAULT\ntarget=@default\nautostart=True\nrequested_target=beta",
	"result=allow\nuser=DEFAULT\ntarget=@dispvm\nautostart=True\nrequested_target=beta",
	"result=allow\nuser=DEFAULT\ntarget=@dispvm:\nautostart=True\nrequested_target=beta",
	"result=allow\nuser=DEFAULT\ntarget=@dispvm:@tag:x\nautostart=True\nrequested_target=b",
	"result=allow\nuser=a:b\ntarget=beta\nautostart=True\nrequested_target=beta",
	"result=allow\nuser=-s\ntarget=beta\nautostart=True\nrequested_target=beta",
	"result=allow\nuser=a b\ntarget=beta\nautostart=True\nrequested_target=beta",
	"result=allow\nuser=\xc3\xa9\ntarget=beta\nautostart=True\nrequested_target=beta",
	"result=allow\nuser=DEFAULT\ntarget=beta\nautostart=true\nrequested_target=beta",
	"result=allow\nuser=DEFAULT\ntarget=beta\nautostart=\nrequested_target=beta",
	"result=allow\nuser=DEFAULT\ntarget=beta\nautostart=True\nrequested_target=",
	"result=allow\nuser=DEFAULT\ntarget=beta\nautostart=True\nrequested_target=a b",
	ALLOW "\ntarget_uuid=" UUID,
	ALLOW "\ntarget_uuid=uuid:",
	ALLOW "\ntarget_uuid=uuid:../x",
	ALLOW "\ntarget_uuid=@dispvm:" UUID,
	ALLOW "\nservice=",
	ALLOW "\nservice=+x",
	ALLOW "\nservice=a b",
	ALLOW "\nservice=a/b",
	ALLOW "\npolicy_source=",
	ALLOW "\npolicy_source=a b",
};

static void
test_malformed(void **state)
{
	struct policy_answer a = {.user = (char *)(uintptr_t) "untouched"};

	(void)state;
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
		if (parse(malformed[i], &a) == 0)
			fail_msg("accepted: %s", malformed[i]);
		assert_string_equal(a.user, "untouched");
	}
}

static void
test_nul_and_size(void **state)
{
	static char big[POLICY_ANSWER_MAX];
	struct policy_answer a;
	AUTO_ERR struct err err = ERR_INIT;
	const char nul[] = "result=deny\0\n";

	(void)state;
	assert_int_equal(policy_answer_parse(nul, sizeof(nul) - 1, &a, &err), -1);
	memset(big, 'x', sizeof(big));
	memcpy(big, "result=deny\nx=", 14);
	assert_int_equal(policy_answer_parse(big, sizeof(big), &a, &err), -1);
	assert_int_equal(err.code, EMSGSIZE);
	assert_int_equal(policy_answer_parse(big, sizeof(big) - 1, &a, &err), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_allow),
		cmocka_unit_test(test_allow_with_all_keys),
		cmocka_unit_test(test_deny),
		cmocka_unit_test(test_disposable),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_nul_and_size),
	};

	return cmocka_run_group_tests_name("policy answer", tests, NULL, NULL);
}
