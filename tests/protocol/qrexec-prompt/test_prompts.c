/* The policy daemon and a policy agent: prompts, their queue, and notifications. */
#include "../../unit/base/cmocka_all.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../qrexec-policy/daemon_fixture.h"
#include "../qrexec-policy/fake_qubesd.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "base/text.h"
#include "played_agent.h"

#define RULES                                                                                      \
	"test.Ask * work @default ask default_target=red\n"                                        \
	"test.Ask * @anyvm @anyvm ask\n"                                                           \
	"test.Free * @anyvm @anyvm allow\n"                                                        \
	"test.Told * @anyvm @anyvm deny\n"

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
	daemon_write_policy("40.policy", RULES);
	fake_qubesd_start(&qubesd, daemon_write_facts("good"), true);
	daemon_pid = daemon_start();
	played_agent_start();
	return 0;
}

static int
tear_down(void **state)
{
	played_agent_stop();
	assert_int_equal(daemon_stop(daemon_pid), 0);
	fake_qubesd_stop(&qubesd);
	return 0;
}

static void
restart_daemon(const char *option, const char *value)
{
	assert_int_equal(daemon_stop(daemon_pid), 0);
	daemon_pid = daemon_start_with(option, value);
}

static void
assert_result(int fd, const char *result)
{
	AUTO_FREE char *answer = caller_answer(fd);

	if (strstr(answer, result) == NULL)
		fail_msg("the answer is '%s', not '%s'", answer, result);
}

static const char *
text_of(const struct played_request *r, const char *key)
{
	const char *text = json_string_value(json_object_get(r->json, key));

	return text != NULL ? text : "";
}

static void
assert_source(const struct played_request *r, const char *source)
{
	assert_string_equal(text_of(r, "source"), source);
}

static void
the_request_says_what_the_protocol_says(void **state)
{
	int caller = caller_ask("work", "", "test.Ask+arg");
	struct played_request r;
	char *targets;

	played_agent_take(&r);
	assert_string_equal(r.header, "policy.Ask dom0 name dom0");
	assert_source(&r, "work");
	assert_string_equal(text_of(&r, "service"), "test.Ask");
	assert_string_equal(text_of(&r, "argument"), "+arg");
	assert_string_equal(text_of(&r, "default_target"), "red");
	assert_non_null(json_object_get(json_object_get(r.json, "icons"), "work"));
	targets = json_dumps(json_object_get(r.json, "targets"), JSON_COMPACT);
	/* @anyvm leaves dom0 out. */
	assert_string_equal(targets, "[\"red\",\"vault\"]");
	free(targets);
	assert_int_equal(json_array_size(json_object_get(r.json, "terms")), 4);
	played_agent_answer(&r, "allow:vault");
	assert_result(caller, "target=vault\n");
}

static void
answers_are_taken_to_the_letter(void **state)
{
	static const char *const refused[] = {"deny", "", "allow:", "allow:dom0", "allow:vault\n",
		"allow:vault for ever", "ALLOW:vault", "allow:@dispvm:vault", "vault", NULL};

	for (size_t i = 0; i == 0 || refused[i - 1] != NULL; i++) {
		int caller = caller_ask("work", "red", "test.Ask");
		struct played_request r;

		played_agent_take(&r);
		played_agent_answer(&r, refused[i]);
		assert_result(caller, "result=deny\n");
		/* What is refused is told nobody unless the rule says so, or it was garbage. */
		while (played_agent_is_asked(50)) {
			played_agent_take(&r);
			assert_string_equal(r.header, "policy.Notify dom0 name dom0");
			played_agent_answer(&r, NULL);
		}
	}
}

static void
a_caller_that_goes_takes_its_prompt_along(void **state)
{
	int caller = caller_ask("work", "red", "test.Ask"), next;
	struct played_request r;

	played_agent_take(&r);
	close(caller);
	assert_true(played_agent_sees_end(&r));
	played_agent_answer(&r, "allow:red");
	/* Also one that is not yet shown. */
	caller = caller_ask("work", "red", "test.Ask");
	played_agent_take(&r);
	close(caller_ask("vault", "red", "test.Ask"));
	next = caller_ask("red", "vault", "test.Ask");
	usleep(100000);
	played_agent_answer(&r, "allow:red");
	assert_result(caller, "target=red\n");
	played_agent_take(&r);
	assert_source(&r, "red");
	played_agent_answer(&r, "allow:vault");
	assert_result(next, "target=vault\n");
}

static void
prompts_are_shown_one_by_one_and_in_turns(void **state)
{
	static const char *const order[] = {"work", "red", "work", "red", "work"};
	struct played_request r;
	int callers[5];

	callers[0] = caller_ask("work", "vault", "test.Ask");
	played_agent_take(&r);
	callers[2] = caller_ask("work", "vault", "test.Ask");
	callers[4] = caller_ask("work", "vault", "test.Ask");
	/* So that these come after those: each is its own connection. */
	usleep(200000);
	callers[1] = caller_ask("red", "vault", "test.Ask");
	callers[3] = caller_ask("red", "vault", "test.Ask");
	for (size_t i = 0; i < 5; i++) {
		assert_source(&r, order[i]);
		assert_false(played_agent_is_asked(100));
		played_agent_answer(&r, "allow:vault");
		if (i < 4)
			played_agent_take(&r);
	}
	for (size_t i = 0; i < 5; i++)
		assert_result(callers[i], "target=vault\n");
}

static void
a_qube_can_not_flood_the_user(void **state)
{
	struct played_request r;
	int callers[4], others;

	for (size_t i = 0; i < 4; i++)
		callers[i] = caller_ask("work", "vault", "test.Ask");
	played_agent_take(&r);
	usleep(200000);
	assert_result(caller_ask("work", "vault", "test.Ask"), "result=deny\n");
	/* Nobody else waits for that, nor for the user. */
	assert_result(caller_ask("red", "vault", "test.Free"), "target=vault\n");
	others = caller_ask("red", "vault", "test.Ask");
	for (size_t i = 0; i < 4; i++)
		close(callers[i]);
	assert_true(played_agent_sees_end(&r));
	played_agent_answer(&r, NULL);
	/* A prompt may have been begun in between. */
	do
		played_agent_take(&r);
	while (!text_equal(text_of(&r, "source"), "red") && (played_agent_answer(&r, NULL), true));
	played_agent_answer(&r, "allow:vault");
	assert_result(others, "target=vault\n");
}

static void
the_user_has_limited_time(void **state)
{
	struct played_request r;
	int caller;

	restart_daemon("--prompt-timeout", "1");
	caller = caller_ask("work", "red", "test.Ask");
	played_agent_take(&r);
	assert_result(caller, "result=deny\n");
	assert_true(played_agent_sees_end(&r));
	played_agent_answer(&r, "allow:red");
}

static void
without_an_agent_an_ask_is_a_refusal(void **state)
{
	AUTO_FREE char *log = NULL;

	played_agent_stop();
	assert_result(caller_ask("work", "red", "test.Ask"), "result=deny\n");
	log = daemon_read_log();
	assert_non_null(strstr(log, "no-prompt-agent"));
	played_agent_start();
}

static void
notifications_are_sent_and_limited(void **state)
{
	struct played_request r;
	int count = 0;

	for (int i = 0; i < 8; i++)
		assert_result(caller_ask("work", "red", "test.Told+x"), "result=deny\n");
	while (played_agent_is_asked(count < 5 ? 5000 : 300)) {
		played_agent_take(&r);
		assert_string_equal(r.header, "policy.Notify dom0 name dom0");
		assert_source(&r, "work");
		assert_string_equal(text_of(&r, "resolution"), "deny");
		assert_string_equal(text_of(&r, "service"), "test.Told");
		assert_string_equal(text_of(&r, "argument"), "+x");
		assert_string_equal(text_of(&r, "target"), "red");
		played_agent_answer(&r, NULL);
		count++;
	}
	assert_int_equal(count, 5);
}

/* A script in the place of qrexec-client, which tells how it was called. */
#define CLIENT                                                                                     \
	"#!/bin/sh\n"                                                                              \
	"echo \"$@\" > %s/client.args\n"                                                           \
	"cat > %s/client.json\n"                                                                   \
	"printf 'allow:red'\n"

static void
put_gui_qube(const char *gui_qube)
{
	const char *path = daemon_write_facts("good");
	AUTO_BUF struct buf out;
	char *text, *at, *next;

	assert_int_equal(read_file(path, 1 << 20, &text, NULL, NULL), 0);
	buf_init(&out, 1 << 20);
	for (at = text; (next = strstr(at, "\"guivm\":\"dom0\"")) != NULL; at = next) {
		buf_put(&out, at, (size_t)(next - at));
		buf_printf(&out, "\"guivm\":\"%s\"", gui_qube);
		next += strlen("\"guivm\":\"dom0\"");
	}
	buf_put_string(&out, at);
	assert_int_equal(write_file(path, buf_data(&out), buf_len(&out), 0644, NULL), 0);
	free(text);
}

static void
another_qube_may_be_the_one_to_ask_with(void **state)
{
	AUTO_FREE char *program = root_path("/client");
	AUTO_FREE char *arguments_path = root_path("/client.args");
	AUTO_FREE char *script = text_format(CLIENT, root_prefix(), root_prefix());
	AUTO_FREE char *arguments = NULL;

	assert_int_equal(write_file(program, script, strlen(script), 0755, NULL), 0);
	put_gui_qube("vault");
	fake_qubesd_send_event(&qubesd);
	restart_daemon("--qrexec-client", program);
	assert_result(caller_ask("work", "red", "test.Ask"), "target=red\n");
	assert_int_equal(read_file(arguments_path, 1024, &arguments, NULL, NULL), 0);
	assert_string_equal(arguments, "-d vault DEFAULT:QUBESRPC policy.Ask dom0\n");
}

#define WITH_DAEMON(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_DAEMON(the_request_says_what_the_protocol_says),
		WITH_DAEMON(answers_are_taken_to_the_letter),
		WITH_DAEMON(a_caller_that_goes_takes_its_prompt_along),
		WITH_DAEMON(prompts_are_shown_one_by_one_and_in_turns),
		WITH_DAEMON(a_qube_can_not_flood_the_user),
		WITH_DAEMON(the_user_has_limited_time),
		WITH_DAEMON(without_an_agent_an_ask_is_a_refusal),
		WITH_DAEMON(notifications_are_sent_and_limited),
		WITH_DAEMON(another_qube_may_be_the_one_to_ask_with),
	};

	return cmocka_run_group_tests(tests, set_up_group, tear_down_group);
}
