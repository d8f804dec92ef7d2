/*
 * Calls for other users, through sessions that the agent opens: needs root. PAM's configuration
 * is that of the tree, in a private root.
 */
#include "harness.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"

#define SKIPPED 77
#define USER "nobody"

static struct outcome outcome;
static char root[] = "/tmp/qrexec-root-XXXXXX";

static int
make_root(void **state)
{
	char *text;
	size_t size;

	if (mkdtemp(root) == NULL || chmod(root, 0755) < 0 || setenv("BULKHEAD_ROOT", root, 1) < 0)
		return -1;
	AUTO_FREE char *directory = root_path("/etc/pam.d");
	AUTO_FREE char *path = path_join(directory, "qrexec");

	if (make_directories(directory, 0755, NULL) < 0 ||
		read_file(QREXEC_PAM_FILE, 65536, &text, &size, NULL) < 0)
		return -1;
	int result = write_file(path, text, size, 0644, NULL);

	free(text);
	return result;
}

static int
remove_root(void **state)
{
	return remove_tree(root, NULL);
}

static int
setup(void **state)
{
	struct qube *q;
	int e = qube_setup(state);

	if (e < 0)
		return e;
	q = *state;
	unsetenv("QREXEC_NO_ROOT");
	return chmod(q->directory, 0755); /* services must be reachable for the user */
}

static void
services_run_as_their_user(void **state)
{
	struct qube *q = *state;

	agent_up(q);
	qube_service(q, "test.Who",
		"#!/bin/sh\n"
		"id -un; echo \"$USER $LOGNAME $QREXEC_REMOTE_DOMAIN $1\"\n"
		"test -n \"$PATH\" -a -n \"$HOME\" -a -n \"$SHELL\" && echo set\n"
		"cat; echo error >&2; exit 8\n");
	int fd = call_start(q, QREXEC_EXEC_CMDLINE, USER ":QUBESRPC test.Who+arg work");

	send_text(fd, QREXEC_DATA_STDIN, "input");
	send_text(fd, QREXEC_DATA_STDIN, "");
	collect(fd, &outcome);
	expect_outcome(&outcome, 8, USER "\n" USER " " USER " work arg\nset\ninput", "error\n");
	close(fd);
	expect_terminated(q, 7, 513);
}

static void
root_commands_run_in_a_login_shell(void **state)
{
	struct qube *q = *state;

	agent_up(q);
	call_run(q, "root:id -un; case $0 in -*) echo login;; esac; pwd; exit 3", &outcome);
	assert_non_null(strstr(outcome.output, "root\nlogin\n"));
	assert_int_equal(outcome.code, 3);
	call_run(q, "root:kill -9 $$", &outcome);
	assert_int_equal(outcome.code, 137);
}

static void
nothing_of_the_agent_is_inherited(void **state)
{
	struct qube *q = *state;

	setenv("TEST_LEAK", "leak", 1);
	agent_up(q);
	unsetenv("TEST_LEAK");
	qube_service(q, "test.Fds",
		"#!/bin/sh\necho \"${TEST_LEAK-clean}\"; ls /proc/self/fd | tr '\\n' ' '\n");
	call_run(q, USER ":QUBESRPC test.Fds work", &outcome);
	expect_outcome(&outcome, 0, "clean\n0 1 2 3 ", "");
}

static void
a_session_serves_many_calls(void **state)
{
	struct qube *q = *state;
	char *first;

	agent_up(q);
	qube_service(q, "test.Parent", "#!/bin/sh\necho $PPID\n");
	call_run(q, USER ":QUBESRPC test.Parent work", &outcome);
	assert_int_equal(outcome.code, 0);
	first = strdup(outcome.output);
	for (int i = 0; i < 50; i++) {
		call_run(q, USER ":QUBESRPC test.Parent work", &outcome);
		expect_outcome(&outcome, 0, first, "");
	}
	/* It dies: the call under way is lost with 125, the next one finds another. */
	qube_service(q, "test.Kill", "#!/bin/sh\nkill -9 $PPID; exec sleep 0.1\n");
	call_run(q, USER ":QUBESRPC test.Kill work", &outcome);
	expect_outcome(&outcome, 125, "", "");
	call_run(q, USER ":QUBESRPC test.Parent work", &outcome);
	assert_int_equal(outcome.code, 0);
	assert_string_not_equal(outcome.output, first);
	free(first);
}

static void
what_can_not_be_started(void **state)
{
	struct qube *q = *state;
	int fd;

	agent_up(q);
	call_run(q, "no-such-user-here:QUBESRPC test.None work", &outcome);
	expect_outcome(&outcome, 127, "", "");
	qube_service(q, "test.Svc", "#!/bin/sh\necho ran\n");
	call_run(q, "no-such-user-here:QUBESRPC test.Svc work", &outcome);
	expect_outcome(&outcome, 125, "", "");
	call_run(q, "-x:QUBESRPC test.Svc work", &outcome);
	expect_outcome(&outcome, 125, "", "");
	qube_service(q, "test.NoInterpreter", "#!/nonexistent/sh\n");
	call_run(q, USER ":QUBESRPC test.NoInterpreter work", &outcome);
	expect_outcome(&outcome, 127, "", "");
	qube_file(q, "rpc/test.RootOnly", 0700, "#!/bin/sh\necho ran\n");
	call_run(q, USER ":QUBESRPC test.RootOnly work", &outcome);
	expect_outcome(&outcome, 125, "", "");

	fd = call_start(q, QREXEC_JUST_EXEC, USER ":QUBESRPC test.NoInterpreter work");
	expect_frame(fd, QREXEC_DATA_EXIT_CODE, "\x7f\0\0", 4);
	close(fd);
	expect_terminated(q, 7, 513);
	fd = call_start(q, QREXEC_JUST_EXEC, USER ":QUBESRPC test.Svc work");
	expect_frame(fd, QREXEC_DATA_EXIT_CODE, "\0\0\0", 4);
	close(fd);
	expect_terminated(q, 7, 513);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, qube_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(services_run_as_their_user),
		TEST(root_commands_run_in_a_login_shell),
		TEST(nothing_of_the_agent_is_inherited),
		TEST(a_session_serves_many_calls),
		TEST(what_can_not_be_started),
	};

	if (geteuid() != 0) {
		puts("SKIP: needs root");
		return SKIPPED;
	}
	return cmocka_run_group_tests(tests, make_root, remove_root);
}
