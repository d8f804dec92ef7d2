/* Answers that hold for longer than once: written, obeyed, ended, listed and revoked. */
#include "../../unit/base/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../qrexec-policy/daemon_fixture.h"
#include "../qrexec-policy/fake_qubesd.h"
#include "base/child.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "base/text.h"
#include "played_agent.h"
#include "qrexec/policy/grant_list.h"

#define RUNTIME_FILE "/run/qubes/policy.d/31-grants-runtime.policy"
#define SYSTEM_FILE "/etc/qubes/policy.d/31-grants.policy"
#define WORK "uuid:c0ffee00-0000-4000-8000-000000000001"
#define RED "uuid:c0ffee00-0000-4000-8000-000000000002"
#define PATIENCE 600 /* of 50 ms */

static struct fake_qubesd qubesd;
static pid_t daemon_pid;

static int
set_up_group(void **state)
{
	log_set_level(LOG_LEVEL_ERROR);
	if (getenv("BULKHEAD_LOG") == NULL)
		setenv("BULKHEAD_LOG", "error", 1);
	daemon_root_create();
	return 0;
}

static int
tear_down_group(void **state)
{
	daemon_root_destroy();
	return 0;
}

static int
set_up(void **state)
{
	daemon_write_policy("20.policy", "");
	daemon_write_policy("40.policy", "test.Ask * @anyvm @anyvm ask\n");
	fake_qubesd_start(&qubesd, daemon_write_facts("good"), true);
	daemon_pid = daemon_start();
	played_agent_start();
	return 0;
}

static int
tear_down(void **state)
{
	AUTO_FREE char *runtime = root_path(RUNTIME_FILE);
	AUTO_FREE char *system_file = root_path(SYSTEM_FILE);

	played_agent_stop();
	assert_int_equal(daemon_stop(daemon_pid), 0);
	fake_qubesd_stop(&qubesd);
	unlink(runtime);
	unlink(system_file);
	return 0;
}

static void
assert_result(int fd, const char *result)
{
	AUTO_FREE char *answer = caller_answer(fd);

	if (strstr(answer, result) == NULL)
		fail_msg("the answer is '%s', not '%s'", answer, result);
}

/* Asked, and answered so. */
static void
answer_prompt(const char *target, const char *service, const char *answer, const char *result)
{
	int caller = caller_ask("work", target, service);
	struct played_request r;

	played_agent_take(&r);
	played_agent_answer(&r, answer);
	assert_result(caller, result);
}

/* Whether the call is allowed without asking. */
static bool
is_granted(const char *source, const char *target, const char *service)
{
	AUTO_FREE char *answer = daemon_ask(source, target, service, "just_evaluate=yes\n");

	return strstr(answer, "result=allow") != NULL;
}

static bool
ends_in_time(void)
{
	for (int i = 0; i < PATIENCE; i++) {
		if (!is_granted("work", "red", "test.Ask"))
			return true;
		usleep(50000);
	}
	return false;
}

static char *
read_text(const char *path)
{
	AUTO_FREE char *full = root_path("%s", path);
	char *text = NULL;

	return read_file(full, 1 << 20, &text, NULL, NULL) == 0 ? text : text_copy("");
}

static void
a_grant_is_for_exactly_one_call(void **state)
{
	AUTO_FREE char *text = NULL;

	answer_prompt("red", "test.Ask", "allow:red hour", "target=red\n");
	text = read_text(RUNTIME_FILE);
	assert_non_null(strstr(text, "\ntest.Ask + " WORK " " RED " allow target=" RED "\n"));
	assert_non_null(strstr(text, " for=hour ends="));
	assert_non_null(strstr(text, " from=work asked=red to=red\n"));
	assert_true(is_granted("work", "red", "test.Ask"));
	assert_true(is_granted("work", "red", "test.Ask+"));
	assert_true(is_granted("work", RED, "test.Ask"));
	assert_false(is_granted("work", "red", "test.Ask+x"));
	assert_false(is_granted("work", "red", "test.Askmore"));
	assert_false(is_granted("work", "vault", "test.Ask"));
	assert_false(is_granted("work", "", "test.Ask"));
	assert_false(is_granted("work", "dom0", "test.Ask"));
	assert_false(is_granted("vault", "red", "test.Ask"));
	assert_result(caller_ask("work", "red", "test.Ask"), "target=red\n");
}

static void
a_grant_goes_where_the_user_sent_the_call(void **state)
{
	answer_prompt("", "test.Ask", "allow:vault hour", "target=vault\n");
	assert_result(caller_ask("work", "", "test.Ask"), "target=vault\n");
	assert_false(is_granted("work", "vault", "test.Ask"));
}

static void
once_is_once(void **state)
{
	AUTO_FREE char *text = NULL;

	answer_prompt("red", "test.Ask", "allow:red once", "target=red\n");
	text = read_text(RUNTIME_FILE);
	assert_string_equal(text, "");
	answer_prompt("red", "test.Ask", "deny", "result=deny\n");
	/* A refusal can not be made to last. */
	answer_prompt("red", "test.Ask", "deny hour", "result=deny\n");
	assert_false(is_granted("work", "red", "test.Ask"));
}

static void
a_deny_stands_above_every_grant(void **state)
{
	answer_prompt("red", "test.Ask", "allow:red always", "target=red\n");
	assert_true(is_granted("work", "red", "test.Ask"));
	/* Before the file of grants, and behind it: the rule that asks is what counts. */
	daemon_write_policy("20.policy", "test.Ask * work red deny\n");
	assert_false(is_granted("work", "red", "test.Ask"));
	daemon_write_policy("20.policy", "");
	assert_true(is_granted("work", "red", "test.Ask"));
	daemon_write_policy("40.policy", "test.Ask * @tag:good @anyvm deny\n"
					 "test.Ask * @anyvm @anyvm ask\n");
	assert_false(is_granted("work", "red", "test.Ask"));
	/* No longer among what would be offered. */
	daemon_write_policy("40.policy", "test.Ask * work red ask target=vault\n");
	assert_false(is_granted("work", "red", "test.Ask"));
}

static void
a_grant_ends_with_its_qube(void **state)
{
	AUTO_FREE char *text = NULL;

	/* Stops are told by events: until they are listened to, nothing depends on them. */
	for (int i = 0; i < PATIENCE && !is_granted("work", "red", "test.Ask"); i++)
		answer_prompt("red", "test.Ask", "allow:red stop", "target=red\n");
	assert_true(is_granted("work", "red", "test.Ask"));
	fake_qubesd_send_event(&qubesd);
	assert_true(is_granted("work", "red", "test.Ask"));
	fake_qubesd_send_stop(&qubesd);
	assert_true(ends_in_time());
	text = read_text(RUNTIME_FILE);
	assert_string_equal(text, "");
}

static void
a_grant_ends_when_a_stop_may_have_been_missed(void **state)
{
	for (int i = 0; i < PATIENCE && !is_granted("work", "red", "test.Ask"); i++)
		answer_prompt("red", "test.Ask", "allow:red stop", "target=red\n");
	assert_int_equal(daemon_stop(daemon_pid), 0);
	daemon_pid = daemon_start();
	assert_false(is_granted("work", "red", "test.Ask"));
}

/* Rewritten as if the hour ended in so many seconds. */
static void
move_end(uint64_t seconds)
{
	AUTO_FREE char *path = root_path(RUNTIME_FILE);
	AUTO_FREE char *old = read_text(RUNTIME_FILE);
	AUTO_FREE char *text = NULL;
	char *at = strstr(old, " ends="), *after;

	assert_non_null(at);
	after = strstr(at, " until=");
	assert_non_null(after);
	text = text_format("%.*s ends=%llu%s", (int)(at - old), old,
		(unsigned long long)(grant_clock_s() + seconds), after);
	assert_int_equal(write_file(path, text, strlen(text), 0644, NULL), 0);
}

static void
an_hour_ends(void **state)
{
	answer_prompt("red", "test.Ask", "allow:red hour", "target=red\n");
	assert_int_equal(daemon_stop(daemon_pid), 0);
	move_end(3);
	daemon_pid = daemon_start();
	assert_true(ends_in_time());
	answer_prompt("red", "test.Ask", "deny", "result=deny\n");
}

static void
what_ended_while_nobody_looked_is_no_more(void **state)
{
	answer_prompt("red", "test.Ask", "allow:red hour", "target=red\n");
	assert_int_equal(daemon_stop(daemon_pid), 0);
	move_end(0);
	daemon_pid = daemon_start();
	assert_false(is_granted("work", "red", "test.Ask"));
}

static int
run_tool(const char *a, const char *b, char **ret_output)
{
	const char *const argv[] = {POLICY_TOOL, "grants", a, b, NULL};
	struct child_config config = CHILD_CONFIG_INIT;

	config.argv = argv;
	return child_run(&config, 65536, ret_output, NULL);
}

static void
grants_are_listed_and_revoked(void **state)
{
	AUTO_FREE char *list = NULL, *empty = NULL;
	char id[GRANT_ID_LENGTH + 1];

	answer_prompt("red", "test.Ask", "allow:red always", "target=red\n");
	answer_prompt("vault", "test.Ask+x", "allow:vault hour", "target=vault\n");
	assert_int_equal(run_tool("list", NULL, &list), 0);
	assert_non_null(strstr(list, "test.Ask  work -> red  always, given 2"));
	assert_non_null(strstr(list, "test.Ask+x  work -> vault  until 2"));
	/* The first is the one that ends. */
	memcpy(id, list, GRANT_ID_LENGTH);
	id[GRANT_ID_LENGTH] = '\0';
	assert_int_equal(run_tool("revoke", id, NULL), 0);
	assert_false(is_granted("work", "vault", "test.Ask+x"));
	assert_true(is_granted("work", "red", "test.Ask"));
	assert_int_equal(run_tool("revoke", id, NULL), 1);
	assert_int_equal(run_tool("revoke", "--all", NULL), 0);
	assert_false(is_granted("work", "red", "test.Ask"));
	assert_int_equal(run_tool("list", NULL, &empty), 0);
	assert_string_equal(empty, "");
}

#define WITH_DAEMON(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_DAEMON(a_grant_is_for_exactly_one_call),
		WITH_DAEMON(a_grant_goes_where_the_user_sent_the_call),
		WITH_DAEMON(once_is_once),
		WITH_DAEMON(a_deny_stands_above_every_grant),
		WITH_DAEMON(a_grant_ends_with_its_qube),
		WITH_DAEMON(a_grant_ends_when_a_stop_may_have_been_missed),
		WITH_DAEMON(an_hour_ends),
		WITH_DAEMON(what_ended_while_nobody_looked_is_no_more),
		WITH_DAEMON(grants_are_listed_and_revoked),
	};

	return cmocka_run_group_tests(tests, set_up_group, tear_down_group);
}
