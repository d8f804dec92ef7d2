/* The policy daemon over its sockets, with a played administration daemon behind it. */
#include "../../unit/base/cmocka_all.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/path.h"
#include "base/socket.h"
#include "base/text.h"
#include "daemon_fixture.h"
#include "fake_qubesd.h"

#define POLICY_SOCKET "/run/qubes/policy.sock"
#define ALLOWED                                                                                    \
	"user=DEFAULT\nresult=allow\ntarget=red\n"                                                 \
	"target_uuid=uuid:c0ffee00-0000-4000-8000-000000000002\n"                                  \
	"autostart=True\nrequested_target=red\n"

static struct fake_qubesd qubesd;
static pid_t daemon_pid;

static int
set_up_group(void **state)
{
	log_set_level(LOG_LEVEL_ERROR);
	/* What the daemon says of the errors made here would only be noise. */
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
	daemon_write_policy("30.policy", "s * @tag:good red allow\n"
					 "ask * work red ask\n"
					 "noted * work red allow notify=yes\n");
	fake_qubesd_start(&qubesd, daemon_write_facts("good"), true);
	daemon_pid = daemon_start();
	return 0;
}

static int
tear_down(void **state)
{
	assert_int_equal(daemon_stop(daemon_pid), 0);
	fake_qubesd_stop(&qubesd);
	return 0;
}

static void
assert_answer(const char *source, const char *target, const char *service, const char *more,
	const char *expected)
{
	AUTO_FREE char *answer = daemon_ask(source, target, service, more);

	assert_string_equal(answer, expected);
}

static void
questions_are_answered(void **state)
{
	assert_answer("work", "red", "s", "", ALLOWED);
	assert_answer("red", "work", "s", "", "result=deny\n");
	assert_answer("work", "red", "s", "just_evaluate=yes\n", "result=allow\n");
	assert_answer("work", "red", "ask", "", "result=deny\n");
	assert_answer("work", "red", "ask", "just_evaluate=yes\n", "result=deny\n");
	assert_answer("work", "red", "ask", "assume_yes_for_ask=yes\n", ALLOWED);
	assert_answer("nobody", "red", "s", "", "result=deny\n");
}

static void
bad_questions_get_no_answer(void **state)
{
	static const char *const bad[] = {"", "\n", "source=work\n\n", "x\n\n",
		"source=work\nsource=work\nintended_target=red\nservice_and_arg=s\n\n",
		"source=work\nintended_target=red\nservice_and_arg=s\nextra=1\n\n",
		"source=work\nintended_target=red\nservice_and_arg=s\n\nmore"};
	AUTO_FREE char *huge = xcalloc(1, 200000);
	AUTO_FREE char *no_answer = NULL;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		AUTO_FREE char *answer = daemon_exchange(POLICY_SOCKET, bad[i], strlen(bad[i]));

		assert_string_equal(answer, "");
	}
	memset(huge, 'a', 199999);
	no_answer = daemon_exchange(POLICY_SOCKET, huge, strlen(huge));
	assert_string_equal(no_answer, "");
	assert_answer("work", "red", "s", "", ALLOWED);
}

/* A question may come in pieces, and its end may be that of the stream. */
static void
questions_come_in_pieces(void **state)
{
	static const char question[] = "source=work\nintended_target=red\nservice_and_arg=s";
	AUTO_FREE char *path = root_path(POLICY_SOCKET);
	AUTO_FD int fd = socket_connect(path, NULL);
	char text[1024] = "";
	size_t size = 0;
	ssize_t count;

	for (size_t i = 0; i < strlen(question); i++) {
		assert_int_equal(write_all(fd, question + i, 1), 0);
		if (i % 16 == 0)
			usleep(1000);
	}
	shutdown(fd, SHUT_WR);
	while ((count = read(fd, text + size, sizeof(text) - 1 - size)) > 0)
		size += (size_t)count;
	assert_string_equal(text, ALLOWED);
}

/* Clients that say nothing hold up nobody. */
static void
stalled_clients_hold_up_nobody(void **state)
{
	AUTO_FREE char *path = root_path(POLICY_SOCKET);
	int fds[200];

	for (size_t i = 0; i < 200; i++) {
		fds[i] = socket_connect(path, NULL);
		assert_true(fds[i] >= 0);
		assert_int_equal(write_all(fds[i], "source=", 7), 0);
	}
	assert_answer("work", "red", "s", "", ALLOWED);
	for (size_t i = 0; i < 200; i++)
		close(fds[i]);
	assert_answer("work", "red", "s", "", ALLOWED);
}

static void
facts_are_kept_until_an_event(void **state)
{
	unsigned before;

	assert_answer("work", "red", "s", "", ALLOWED);
	/* The first events have been seen when an answer after them comes without a fetch. */
	for (int i = 0; i < 100; i++) {
		before = fake_qubesd_count(&qubesd);
		assert_answer("work", "red", "s", "", ALLOWED);
		if (fake_qubesd_count(&qubesd) == before)
			break;
		usleep(20000);
	}
	for (int i = 0; i < 50; i++)
		assert_answer("work", "red", "s", "", ALLOWED);
	assert_in_range(fake_qubesd_count(&qubesd), before, before + 1);
	daemon_write_facts("bad");
	fake_qubesd_send_event(&qubesd);
	/* The very next question knows. */
	assert_answer("work", "red", "s", "", "result=deny\n");
	daemon_write_facts("good");
	fake_qubesd_send_event(&qubesd);
	assert_answer("work", "red", "s", "", ALLOWED);
}

static void
without_events_facts_grow_old(void **state)
{
	fake_qubesd_stop(&qubesd);
	fake_qubesd_start(&qubesd, daemon_write_facts("bad"), false);
	for (int i = 0; i < 500; i++) {
		AUTO_FREE char *answer = daemon_ask("work", "red", "s", "");

		if (text_equal(answer, "result=deny\n"))
			return;
		usleep(20000);
	}
	fail_msg("old facts are still believed");
}

static void
without_facts_every_call_is_refused(void **state)
{
	assert_answer("work", "red", "s", "", ALLOWED);
	fake_qubesd_stop(&qubesd);
	for (int i = 0; i < 500; i++) {
		AUTO_FREE char *answer = daemon_ask("work", "red", "s", "");

		if (text_equal(answer, "result=deny\n")) {
			AUTO_FREE char *log = daemon_read_log();

			assert_non_null(strstr(log, "answer=deny reason=no-facts"));
			fake_qubesd_start(&qubesd, daemon_write_facts("good"), true);
			assert_answer("work", "red", "s", "", ALLOWED);
			return;
		}
		usleep(20000);
	}
	fail_msg("facts of a daemon that is gone are still believed");
}

static void
policy_changes_are_whole(void **state)
{
	assert_answer("work", "red", "t", "", "result=deny\n");
	daemon_write_policy("40.policy", "t * work red allow\n");
	assert_answer("work", "red", "t", "", ALLOWED);
	daemon_write_policy("40.policy", "t * work red allow\nnonsense\n");
	assert_answer("work", "red", "t", "", "result=deny\n");
	assert_answer("work", "red", "s", "", "result=deny\n");
	daemon_write_policy("40.policy", "");
	assert_answer("work", "red", "s", "", ALLOWED);
	assert_answer("work", "red", "t", "", "result=deny\n");
}

static void
a_broken_policy_does_not_stop_the_start(void **state)
{
	assert_int_equal(daemon_stop(daemon_pid), 0);
	daemon_write_policy("40.policy", "nonsense\n");
	daemon_pid = daemon_start();
	assert_answer("work", "red", "s", "", "result=deny\n");
	daemon_write_policy("40.policy", "");
	assert_answer("work", "red", "s", "", ALLOWED);
}

static void
decisions_are_logged(void **state)
{
	AUTO_FREE char *log = NULL;

	assert_answer("work", "red", "s+k", "", ALLOWED);
	assert_answer("work", "red", "ask", "", "result=deny\n");
	assert_answer("work", "vault", "just", "just_evaluate=yes\n", "result=deny\n");
	log = daemon_read_log();
	assert_non_null(strstr(log, " source=work asked=red given=red service=s argument=+k "));
	assert_non_null(strstr(log, "/etc/qubes/policy.d/30.policy:1 answer=allow reason=rule\n"));
	assert_non_null(strstr(
		log, "/etc/qubes/policy.d/30.policy:2 answer=deny reason=no-prompt-agent\n"));
	assert_null(strstr(log, "service=just"));
}

static void
assert_eval(const char *service, const char *text, size_t size, const char *expected)
{
	AUTO_FREE char *path = text_format("/etc/qubes-rpc/policy.%s", service);
	AUTO_FREE char *answer = daemon_exchange(path, text, size);

	assert_string_equal(answer, expected);
}

/* The text with the NULs inside, without the one at its end. */
#define BYTES(text) text, sizeof(text) - 1

static void
eval_services_answer(void **state)
{
	assert_eval("EvalSimple", BYTES("policy.EvalSimple+ask dom0 keyword adminvm\0work\0red"),
		"result=allow\n");
	assert_eval("EvalSimple", BYTES("policy.EvalSimple+s gui name dom0\0red\0work"),
		"result=deny\n");
	assert_eval("EvalSimple", BYTES("policy.EvalSimple+s+k gui\0work\0red"), "result=allow\n");
	assert_eval("EvalGUI", BYTES("policy.EvalGUI+ask gui keyword adminvm\0work\0red"),
		"result=allow\n");
	/* A GUI qube that does not show them. */
	assert_eval("EvalGUI", BYTES("policy.EvalGUI+ask other keyword adminvm\0work\0red"), "");
	assert_eval("EvalGUI", BYTES("policy.EvalGUI+ask gui keyword adminvm\0work\0nobody"), "");
}

static void
eval_services_are_strict(void **state)
{
	static const char longest[] = "policy.EvalSimple+s gui\0work\0"
				      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
				      "aaaaaaaaaaaaaaaaaaaaaaaa"
				      "aaaaaaaaaaaaaaaaaaaaaaaa";

	assert_eval("EvalSimple", BYTES(""), "");
	assert_eval("EvalSimple", BYTES("policy.EvalSimple+s gui"), "");
	assert_eval("EvalSimple", BYTES("policy.EvalSimple+s gui\0work"), "");
	assert_eval("EvalSimple", BYTES("policy.EvalSimple+s gui\0work\0"), "");
	assert_eval("EvalSimple", BYTES("policy.EvalSimple+s gui\0\0red"), "");
	assert_eval("EvalSimple", BYTES("policy.EvalSimple+s gui\0work\0red\0"), "");
	assert_eval("EvalSimple", BYTES("policy.EvalSimple+s gui\0work\0uuid:x"), "");
	assert_eval("EvalSimple", BYTES("policy.EvalSimple+ gui\0work\0red"), "");
	assert_eval("EvalSimple", BYTES("policy.EvalSimple gui\0work\0red"), "");
	assert_eval("EvalSimple", BYTES("policy.EvalSimple+s \0work\0red"), "");
	assert_eval("EvalSimple", BYTES("policy.EvalGUI+s gui\0work\0red"), "");
	assert_eval("EvalSimple", longest, sizeof(longest) - 1, "");
	assert_eval("EvalSimple", BYTES("policy.EvalSimple+s gui\0work\0red"), "result=allow\n");
}

static void
the_socket_is_not_for_everybody(void **state)
{
	AUTO_FREE char *path = root_path(POLICY_SOCKET);
	struct stat status;

	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0660);
}

#define WITH_DAEMON(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_DAEMON(questions_are_answered),
		WITH_DAEMON(bad_questions_get_no_answer),
		WITH_DAEMON(questions_come_in_pieces),
		WITH_DAEMON(stalled_clients_hold_up_nobody),
		WITH_DAEMON(facts_are_kept_until_an_event),
		WITH_DAEMON(without_events_facts_grow_old),
		WITH_DAEMON(without_facts_every_call_is_refused),
		WITH_DAEMON(policy_changes_are_whole),
		WITH_DAEMON(a_broken_policy_does_not_stop_the_start),
		WITH_DAEMON(decisions_are_logged),
		WITH_DAEMON(eval_services_answer),
		WITH_DAEMON(eval_services_are_strict),
		WITH_DAEMON(the_socket_is_not_for_everybody),
	};

	return cmocka_run_group_tests(tests, set_up_group, tear_down_group);
}
