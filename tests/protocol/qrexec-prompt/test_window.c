/*
 * The whole way of a question: caller, policy daemon, policy agent, window, and a user played by
 * XTEST on a display of its own. With "openbox" as argument, under a window manager.
 */
#include "../../unit/base/cmocka_all.h"

#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../qrexec-policy/daemon_fixture.h"
#include "../qrexec-policy/fake_qubesd.h"
#include "base/buf.h"
#include "base/child.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "base/socket.h"
#include "base/text.h"
#include "played_agent.h"
#include "programs.h"

#define SKIP 77
#define RULES                                                                                      \
	"test.Ask * work @default ask default_target=red\n"                                        \
	"test.Ask * @anyvm @anyvm ask\n"
#define WINDOW "xdotool search --onlyvisible --name '^Operation execution$'"
/* The colour of every label here, which nothing else on the screen has. */
#define COLOR "F57900"
#define PATIENCE 60 /* of half a second */
#define ATTEMPTS 15

static struct fake_qubesd qubesd;
static pid_t daemon_pid, agent_pid, display_pid, manager_pid;
static bool managed;

/* What a command of the shell says, without its last line end. */
static char *shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

static char *
shell(const char *format, ...)
{
	AUTO_FREE char *command = NULL;
	const char *argv[] = {"/bin/sh", "-c", NULL, NULL};
	struct child_config config = CHILD_CONFIG_INIT;
	va_list arguments;
	char *output = NULL;
	size_t length;

	va_start(arguments, format);
	if (vasprintf(&command, format, arguments) < 0)
		fatal("out of memory");
	va_end(arguments);
	argv[2] = command;
	config.argv = argv;
	child_run(&config, 65536, &output, NULL);
	length = output != NULL ? strlen(output) : 0;
	while (length > 0 && output[length - 1] == '\n')
		output[--length] = '\0';
	return output != NULL ? output : text_copy("");
}

static void do_shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void
do_shell(const char *format, ...)
{
	AUTO_FREE char *command = NULL;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&command, format, arguments) < 0)
		fatal("out of memory");
	va_end(arguments);
	free(shell("%s", command));
}

/* Until as many prompts are there as wanted: 0 or 1. */
static void
wait_for_windows(size_t wanted)
{
	for (int i = 0; i < PATIENCE; i++) {
		AUTO_FREE char *windows = shell(WINDOW " | wc -l");

		if (strtoul(windows, NULL, 10) == wanted)
			return;
		usleep(500000);
	}
	fail_msg("there are not %zu prompts", wanted);
}

static bool
is_answered(int caller, int timeout_ms)
{
	struct pollfd pollfd = {caller, POLLIN, 0};

	return poll(&pollfd, 1, timeout_ms) == 1;
}

static void
assert_result(int caller, const char *result)
{
	AUTO_FREE char *answer = caller_answer(caller);

	if (strstr(answer, result) == NULL)
		fail_msg("the answer is '%s', not '%s'", answer, result);
}

/* A user who looks for a while, acts, and acts again when it did not help. */
static void
act_until_answered(int caller, const char *action)
{
	for (int i = 0; i < ATTEMPTS; i++) {
		usleep(1500000);
		do_shell("%s", action);
		if (is_answered(caller, 2000))
			return;
	}
	fail_msg("no answer to: %s", action);
}

static const char *
put_labels(void)
{
	const char *path = daemon_write_facts("good");

	do_shell("sed -i "
		 "'s/\"guivm\":\"dom0\"/&,\"icon\":\"appvm-orange\",\"label\":\"0xf57900\"/g' "
		 "'%s'",
		path);
	return path;
}

static void
agent_start(void)
{
	const char *const argv[] = {POLICY_AGENT, NULL};
	const struct child_fd fds[] = {{2, 2}};
	AUTO_FREE char *path = root_path("/run/qubes/policy-agent.sock");

	agent_pid = program_start(argv, fds, 1);
	for (int i = 0; i < PATIENCE * 10; i++) {
		AUTO_FD int fd = socket_connect(path, NULL);

		if (fd >= 0)
			return;
		usleep(50000);
	}
	fatal("the agent does not start");
}

static int
set_up(void **state)
{
	daemon_write_policy("40.policy", RULES);
	fake_qubesd_start(&qubesd, put_labels(), true);
	daemon_pid = daemon_start();
	agent_start();
	/* Out of the way of what is tested with keys alone. */
	do_shell("xdotool mousemove 2 2");
	return 0;
}

static int
tear_down(void **state)
{
	program_end(agent_pid, SIGTERM);
	assert_int_equal(daemon_stop(daemon_pid), 0);
	fake_qubesd_stop(&qubesd);
	/* What one test was granted is not for the next. */
	do_shell("rm -f '%s'/run/qubes/policy.d/*", root_prefix());
	wait_for_windows(0);
	return 0;
}

static void
the_keyboard_allows(void **state)
{
	int caller = caller_ask("work", "", "test.Ask");

	wait_for_windows(1);
	act_until_answered(caller, "xdotool key Return");
	assert_result(caller, "target=red\n");
	wait_for_windows(0);
}

static void
escape_denies(void **state)
{
	int caller = caller_ask("work", "", "test.Ask");

	wait_for_windows(1);
	act_until_answered(caller, "xdotool key Escape");
	assert_result(caller, "result=deny\n");
}

static void
enter_without_a_target_does_nothing(void **state)
{
	int caller = caller_ask("red", "", "test.Ask");

	wait_for_windows(1);
	usleep(2000000);
	do_shell("xdotool key Return");
	assert_false(is_answered(caller, 1000));
	do_shell("xdotool type nothing-like-this; xdotool key Return");
	assert_false(is_answered(caller, 1000));
	act_until_answered(caller, "xdotool key Escape");
	assert_result(caller, "result=deny\n");
}

static void
a_target_is_chosen_by_typing(void **state)
{
	int caller = caller_ask("work", "", "test.Ask");

	wait_for_windows(1);
	act_until_answered(caller, "xdotool key ctrl+a; xdotool type vau; xdotool key Return");
	assert_result(caller, "target=vault\n");
}

static void
the_choice_moves_with_the_arrow_keys(void **state)
{
	int caller = caller_ask("work", "", "test.Ask");

	wait_for_windows(1);
	act_until_answered(caller, "xdotool key Down; xdotool key Return");
	assert_result(caller, "target=vault\n");
}

/* Whoever goes on typing when the window appears has not answered it. */
static void
early_keys_are_ignored(void **state)
{
	int caller = caller_ask("work", "", "test.Ask");

	do_shell("for i in $(seq 30); do xdotool key Return; sleep 0.1; done");
	wait_for_windows(1);
	assert_false(is_answered(caller, 0));
	act_until_answered(caller, "xdotool key Return");
	assert_result(caller, "target=red\n");
}

/* A point on the OK button. */
static void
point_at_ok(void)
{
	do_shell("eval $(" WINDOW " getwindowgeometry --shell);"
		 " xdotool mousemove --window $WINDOW $((WIDTH - 70)) $((HEIGHT - 42))");
}

static void
the_pointer_allows_but_not_early(void **state)
{
	int caller = caller_ask("work", "", "test.Ask");

	wait_for_windows(1);
	point_at_ok();
	do_shell("for i in $(seq 15); do xdotool click 1; sleep 0.1; done");
	assert_false(is_answered(caller, 0));
	act_until_answered(caller, "xdotool click 1");
	assert_result(caller, "target=red\n");
}

/* A key that was down before the window had the focus means nothing, however long it is held. */
static void
a_held_key_is_not_an_answer(void **state)
{
	int caller;

	do_shell("xdotool keydown Return");
	caller = caller_ask("work", "", "test.Ask");
	wait_for_windows(1);
	assert_false(is_answered(caller, 3000));
	do_shell("xdotool keyup Return");
	assert_false(is_answered(caller, 500));
	act_until_answered(caller, "xdotool key Return");
	assert_result(caller, "target=red\n");
}

static void
nothing_counts_while_the_window_is_covered(void **state)
{
	const char *const argv[] = {
		"xterm", "-geometry", "+0+0", "-fn", "fixed", "-e", "sleep 60", NULL};
	int caller = caller_ask("work", "", "test.Ask");
	pid_t cover;

	wait_for_windows(1);
	cover = program_start(argv, NULL, 0);
	do_shell("w=$(xdotool search --sync --onlyvisible --class xterm | tail -1);"
		 "eval $(" WINDOW " getwindowgeometry --shell);"
		 "xdotool windowmove $w $X $Y windowraise $w; xdotool windowfocus $WINDOW");
	usleep(2000000);
	do_shell("xdotool key Return");
	assert_false(is_answered(caller, 2000));
	program_end(cover, SIGTERM);
	act_until_answered(
		caller, "xdotool windowfocus $(" WINDOW "); sleep 2; xdotool key Return");
	assert_result(caller, "target=red\n");
}

static void
the_window_goes_with_the_caller(void **state)
{
	int caller = caller_ask("work", "", "test.Ask");

	wait_for_windows(1);
	close(caller);
	wait_for_windows(0);
}

static void
one_window_after_the_other(void **state)
{
	int first = caller_ask("work", "", "test.Ask"), second;

	wait_for_windows(1);
	second = caller_ask("red", "vault", "test.Ask");
	usleep(500000);
	wait_for_windows(1);
	act_until_answered(first, "xdotool key Escape");
	assert_result(first, "result=deny\n");
	wait_for_windows(1);
	act_until_answered(second, "xdotool key ctrl+a; xdotool type vault; xdotool key Return");
	assert_result(second, "target=vault\n");
}

static void
the_window_goes_when_time_is_up(void **state)
{
	int caller;

	assert_int_equal(daemon_stop(daemon_pid), 0);
	daemon_pid = daemon_start_with("--prompt-timeout", "4");
	caller = caller_ask("work", "", "test.Ask");
	wait_for_windows(1);
	assert_result(caller, "result=deny\n");
	wait_for_windows(0);
}

static void
an_answer_may_hold_for_an_hour(void **state)
{
	int caller = caller_ask("work", "", "test.Ask");

	wait_for_windows(1);
	/* From the entry to the list, to the terms, one on. */
	act_until_answered(caller, "xdotool key Tab Tab Right; sleep 0.3; xdotool key Return");
	assert_result(caller, "target=red\n");
	assert_result(caller_ask("work", "", "test.Ask"), "target=red\n");
}

/* The picture is kept beside the test, for whoever looks at its log. */
static void
the_label_is_seen(void **state)
{
	int caller = caller_ask("work", "", "test.Ask+some-argument");
	AUTO_FREE char *colors = NULL;

	wait_for_windows(1);
	usleep(2000000);
	do_shell("import -window root '%s'", PICTURE);
	colors = shell("convert '%s' -format %%c histogram:info:- | grep -c '#%s'", PICTURE, COLOR);
	printf("screenshot: %s\n", PICTURE);
	assert_string_equal(colors, "1");
	act_until_answered(caller, "xdotool key Escape");
	assert_result(caller, "result=deny\n");
}

/* What is in the process: nothing that the environment or the display name. */
static void
no_modules_are_loaded(void **state)
{
	int caller = caller_ask("work", "", "test.Ask");
	AUTO_FREE char *modules = NULL;

	wait_for_windows(1);
	modules = shell(
		"cat /proc/$(pgrep -P %d)/maps | grep -cE 'gtk-3.0/|gdk-pixbuf-2.0/|gio/modules'",
		(int)agent_pid);
	assert_string_equal(modules, "0");
	act_until_answered(caller, "xdotool key Escape");
	assert_result(caller, "result=deny\n");
}

static bool
has_program(const char *name)
{
	AUTO_FREE char *path = shell("command -v %s", name);

	return path[0] != '\0';
}

static void
start_display(void)
{
	const char *const manager[] = {"openbox", "--config-file", "/dev/null", NULL};

	display_pid = x_server_start("1000x700x24");
	if (!managed)
		return;
	manager_pid = program_start(manager, NULL, 0);
	do_shell("for i in $(seq 100); do xprop -root _NET_SUPPORTING_WM_CHECK | grep -q 0x && "
		 "break;"
		 " sleep 0.1; done");
}

#define WITH_WINDOW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

static const struct CMUnitTest everywhere[] = {
	WITH_WINDOW(the_keyboard_allows),
	WITH_WINDOW(escape_denies),
	WITH_WINDOW(early_keys_are_ignored),
	WITH_WINDOW(the_pointer_allows_but_not_early),
	WITH_WINDOW(a_target_is_chosen_by_typing),
};

static const struct CMUnitTest unmanaged[] = {
	WITH_WINDOW(the_keyboard_allows),
	WITH_WINDOW(escape_denies),
	WITH_WINDOW(early_keys_are_ignored),
	WITH_WINDOW(the_pointer_allows_but_not_early),
	WITH_WINDOW(a_target_is_chosen_by_typing),
	WITH_WINDOW(enter_without_a_target_does_nothing),
	WITH_WINDOW(the_choice_moves_with_the_arrow_keys),
	WITH_WINDOW(a_held_key_is_not_an_answer),
	WITH_WINDOW(nothing_counts_while_the_window_is_covered),
	WITH_WINDOW(the_window_goes_with_the_caller),
	WITH_WINDOW(one_window_after_the_other),
	WITH_WINDOW(the_window_goes_when_time_is_up),
	WITH_WINDOW(an_answer_may_hold_for_an_hour),
	WITH_WINDOW(the_label_is_seen),
	WITH_WINDOW(no_modules_are_loaded),
};

int
main(int argc, char **argv)
{
	static const char *const programs[] = {
		"Xvfb", "xdotool", "import", "openbox", "xterm", "xprop"};
	int failed;

	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		if (!has_program(programs[i])) {
			printf("SKIP: there is no %s\n", programs[i]);
			return SKIP;
		}
	}
	managed = argc == 2 && text_equal(argv[1], "openbox");
	log_set_level(LOG_LEVEL_ERROR);
	if (getenv("BULKHEAD_LOG") == NULL)
		setenv("BULKHEAD_LOG", "error", 1);
	setenv("BULKHEAD_PROMPT_DIRECTORY", PROMPT_DIRECTORY, 1);
	daemon_root_create();
	start_display();
	failed = managed ? cmocka_run_group_tests(everywhere, NULL, NULL)
			 : cmocka_run_group_tests(unmanaged, NULL, NULL);
	program_end(manager_pid, SIGTERM);
	program_end(display_pid, SIGTERM);
	daemon_root_destroy();
	return failed;
}
