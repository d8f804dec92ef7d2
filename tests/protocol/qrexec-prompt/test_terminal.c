/* The policy agent on a terminal, whose other end the test holds: headers, questions, answers. */
#include "../../unit/base/cmocka_all.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/path.h"
#include "base/socket.h"
#include "base/text.h"

#define PATIENCE_MS 30000
#define ASK                                                                                        \
	"{\"source\":\"work\",\"service\":\"qubes.Filecopy\",\"argument\":\"+\","                  \
	"\"targets\":[\"red\",\"vault\"],\"default_target\":\"red\",\"icons\":{},"                 \
	"\"terms\":[\"once\",\"hour\"]}"
#define NOTIFY                                                                                     \
	"{\"resolution\":\"deny\",\"source\":\"work\",\"service\":\"qubes.Filecopy\","             \
	"\"argument\":\"+\",\"target\":\"red\"}"

static char root[] = "/tmp/bulkhead-test-terminal-XXXXXX";
static char *socket_path;
static pid_t agent_pid;
static int terminal; /* the far end */

static int
set_up(void **state)
{
	const char *const argv[] = {POLICY_AGENT, "--tty", NULL};
	struct child_config config = CHILD_CONFIG_INIT;
	int near_end;

	assert_int_equal(openpty(&terminal, &near_end, NULL, NULL, NULL), 0);
	const struct child_fd fds[] = {{near_end, 0}, {near_end, 1}, {2, 2}};
	config.argv = argv;
	config.fds = fds;
	config.fd_count = 3;
	config.die_with_parent = true;
	agent_pid = child_start(&config, NULL);
	assert_true(agent_pid > 0);
	close(near_end);
	for (int i = 0; i < PATIENCE_MS / 10; i++) {
		AUTO_FD int fd = socket_connect(socket_path, NULL);

		if (fd >= 0)
			return 0;
		usleep(10000);
	}
	return -1;
}

static int
tear_down(void **state)
{
	kill(agent_pid, SIGTERM);
	waitpid(agent_pid, NULL, 0);
	close(terminal);
	return 0;
}

static int
request(const char *header, const char *json)
{
	int fd = socket_connect(socket_path, NULL);

	assert_true(fd >= 0);
	assert_int_equal(write_all(fd, header, strlen(header) + 1), 0);
	/* Whoever does not like the header may be gone by now. */
	write_all(fd, json, strlen(json));
	shutdown(fd, SHUT_WR);
	return fd;
}

/* Reads what the terminal shows until `text` is there. */
static void
wait_for(const char *text)
{
	uint64_t deadline_ms = loop_now_ms() + PATIENCE_MS;
	char shown[65536] = "";
	size_t size = 0;

	while (strstr(shown, text) == NULL) {
		struct pollfd pollfd = {terminal, POLLIN, 0};
		ssize_t count;

		if (loop_now_ms() > deadline_ms || size == sizeof(shown) - 1)
			fail_msg("'%s' is not shown, but '%s'", text, shown);
		if (poll(&pollfd, 1, 1000) != 1)
			continue;
		count = read(terminal, shown + size, sizeof(shown) - 1 - size);
		if (count > 0)
			size += (size_t)count;
		shown[size] = '\0';
	}
}

static void
type(const char *text)
{
	assert_int_equal(write_all(terminal, text, strlen(text)), 0);
}

static void
assert_answer(int fd, const char *expected)
{
	struct pollfd pollfd = {fd, POLLIN, 0};
	char answer[256] = "";
	size_t size = 0;
	ssize_t count;

	while (poll(&pollfd, 1, PATIENCE_MS) == 1 &&
		(count = read(fd, answer + size, sizeof(answer) - 1 - size)) > 0)
		size += (size_t)count;
	close(fd);
	assert_string_equal(answer, expected);
}

static int
ask(void)
{
	int fd = request("policy.Ask dom0 name dom0", ASK);

	wait_for("qube \"work\" asks for the service\r\r\n***   qubes.Filecopy");
	wait_for("Target, by number or name (empty: red): ");
	return fd;
}

static void
a_question_is_answered_by_name(void **state)
{
	int fd = ask();

	type("vault\n");
	wait_for("anything else denies: ");
	type("yes\n");
	assert_answer(fd, "allow:vault");
}

static void
the_proposed_target_and_a_term(void **state)
{
	int fd = ask();

	type("\n");
	wait_for("To red. Type \"yes\" to allow this once, \"hour\": for an hour; ");
	type("hour\n");
	assert_answer(fd, "allow:red hour");
}

static void
everything_else_denies(void **state)
{
	static const char *const targets[] = {"0", "3", "dom0", "1 ", "-1", "yes"};
	int fd;

	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		fd = ask();
		type(targets[i]);
		type("\n");
		assert_answer(fd, "deny");
	}
	fd = ask();
	type("2\n");
	wait_for("anything else denies: ");
	type("y\n");
	assert_answer(fd, "deny");
}

/* What was typed before the question is for somebody else. */
static void
what_is_typed_ahead_is_thrown_away(void **state)
{
	int fd;

	type("\nyes\n");
	fd = request("policy.Ask dom0 name dom0", ASK);
	wait_for("qube \"work\" asks");
	type("\nyes\n");
	wait_for("Target, by number or name (empty: red): ");
	type("nobody\n");
	assert_answer(fd, "deny");
}

static void
an_asker_that_goes_is_told_and_the_next_is_asked(void **state)
{
	int first = ask(), second = request("policy.Ask dom0", ASK);

	close(first);
	wait_for("the asker went away");
	wait_for("Target, by number or name (empty: red): ");
	type("red\n");
	wait_for("anything else denies: ");
	type("yes\n");
	assert_answer(second, "allow:red");
}

static void
notifications_are_lines(void **state)
{
	int fd = request("policy.Notify dom0 name dom0", NOTIFY);

	wait_for("*** Denied: qubes.Filecopy of qube \"work\" to \"red\"");
	assert_answer(fd, "");
}

static void
only_dom0_asks_and_only_what_we_know(void **state)
{
	static const char *const headers[] = {"policy.Ask work name dom0", "policy.Ask",
		"policy.Ask+ dom02", "policy.Other dom0 name dom0", "",
		"policy.Ask-and-so-on-and-so-on-until-the-header-is-longer-than-any-is dom0"};

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		assert_answer(request(headers[i], ASK), "");
	assert_answer(request("policy.Ask dom0", "{}"), "");
}

static void
without_a_display_or_a_terminal_it_says_so(void **state)
{
	AUTO_FREE char *output = NULL;
	const char *const argv[] = {"/bin/sh", "-c", POLICY_AGENT " 2>&1", NULL};
	struct child_config config = CHILD_CONFIG_INIT;

	unsetenv("DISPLAY");
	config.argv = argv;
	assert_int_equal(child_run(&config, 4096, &output, NULL), 1);
	assert_non_null(strstr(output, "there is no display: set DISPLAY, or use --tty"));
}

#define WITH_AGENT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_AGENT(a_question_is_answered_by_name),
		WITH_AGENT(the_proposed_target_and_a_term),
		WITH_AGENT(everything_else_denies),
		WITH_AGENT(what_is_typed_ahead_is_thrown_away),
		WITH_AGENT(an_asker_that_goes_is_told_and_the_next_is_asked),
		WITH_AGENT(notifications_are_lines),
		WITH_AGENT(only_dom0_asks_and_only_what_we_know),
		cmocka_unit_test(without_a_display_or_a_terminal_it_says_so),
	};
	AUTO_FREE char *run = NULL;
	int failed;

	log_set_level(LOG_LEVEL_ERROR);
	if (getenv("BULKHEAD_LOG") == NULL)
		setenv("BULKHEAD_LOG", "error", 1);
	setenv("BULKHEAD_PROMPT_DIRECTORY", PROMPT_DIRECTORY, 1);
	if (mkdtemp(root) == NULL || setenv("BULKHEAD_ROOT", root, 1) < 0)
		fatal("cannot create a root");
	run = root_path("/run/qubes");
	make_directories(run, 0755, NULL);
	socket_path = root_path("/run/qubes/policy-agent.sock");
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	remove_tree(root, NULL);
	free(socket_path);
	return failed;
}
