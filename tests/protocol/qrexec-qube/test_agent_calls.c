/*
 * Calls that qrexec-agent carries: commands and services, their streams, every order of ends,
 * exit codes, and callers that break the protocol of the data channel.
 */
#include "harness.h"

#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct outcome outcome;

static void
run(struct qube *q, const char *rest, int code, const char *output, const char *errors)
{
	call_run(q, own(q, rest), &outcome);
	expect_outcome(&outcome, code, output, errors);
}

static void
commands_have_streams_and_exit_codes(void **state)
{
	struct qube *q = *state;

	agent_up(q);
	run(q, "echo out; echo err >&2; exit 7", 7, "out\n", "err\n");
	run(q, "exit 255", 255, "", "");
	run(q, "kill -9 $$", 137, "", "");
	run(q, "kill -TERM $$", 143, "", "");
	run(q, "nogui:echo x", 0, "x\n", "");
	run(q, "", 0, "", "");
	run(q, "nonexistent-program-xyz", 127, "", NULL);
	run(q, "exec 1>&- 2>&-; exit 3", 3, "", "");
}

static void
bad_commands_report_125(void **state)
{
	struct qube *q = *state;
	static const char *const commands[] = {
		"no colon", "", ":true", "no-such-user-here:true", "-x:true"};
	static const char *const rests[] = {"QUBESRPC", "QUBESRPC ", "QUBESRPCx y", "QUBESRPC svc",
		"QUBESRPC svc ", "QUBESRPC  work", "QUBESRPC svc  work", "QUBESRPC svc work extra",
		"QUBESRPC svc work name", "QUBESRPC +x work", "QUBESRPC ../rpc/svc work"};

	agent_up(q);
	qube_service(q, "svc", "#!/bin/sh\necho ran\n");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		call_run(q, commands[i], &outcome);
		expect_outcome(&outcome, 125, "", "");
	}
	for (size_t i = 0; i < sizeof(rests) / sizeof(rests[0]); i++)
		run(q, rests[i], 125, "", "");
}

static void
services_see_their_call(void **state)
{
	struct qube *q = *state;
	char *output;

	agent_up(q);
	qube_service(q, "test.Env",
		"#!/bin/sh\n"
		"echo \"$#|$1|$QREXEC_REMOTE_DOMAIN|$QREXEC_SERVICE_FULL_NAME|\"\\\n"
		"\"${QREXEC_SERVICE_ARGUMENT-unset}|${QREXEC_REQUESTED_TARGET_TYPE-unset}\"\n"
		"test \"$QREXEC_AGENT_PID\" -gt 1 && echo pid\n"
		"exit 9\n");
	setenv("QREXEC_REMOTE_DOMAIN", "forged", 1);
	run(q, "QUBESRPC test.Env+arg+x work", 9, "1|arg+x|work|test.Env+arg+x|arg+x|\npid\n", "");
	run(q, "QUBESRPC test.Env+ work", 9, "0||work|test.Env+||\npid\n", "");
	run(q, "QUBESRPC test.Env work", 9, "0||work|test.Env|unset|\npid\n", "");
	unsetenv("QREXEC_REMOTE_DOMAIN");

	qube_service(q, "test.Env+special", "#!/bin/sh\necho \"$0\"\n");
	output = strdup(qube_path(q, "rpc/test.Env+special\n"));
	run(q, "QUBESRPC test.Env+special work", 0, output, "");
	free(output);
}

static void
services_that_can_not_run(void **state)
{
	struct qube *q = *state;

	agent_up(q);
	run(q, "QUBESRPC test.None work", 127, "", "");
	qube_service(q, "test.NoInterpreter", "#!/nonexistent/sh\n");
	run(q, "QUBESRPC test.NoInterpreter work", 127, "", "");
	qube_service(q, "test.Garbage", "\1\2\3 not a program\n");
	run(q, "QUBESRPC test.Garbage work", 125, "", "");
	qube_file(q, "rpc/test.Plain", 0644, "#!/bin/sh\n");
	run(q, "QUBESRPC test.Plain work", 125, "", "");
	assert_int_equal(mkdir(qube_path(q, "rpc/test.Directory"), 0755), 0);
	run(q, "QUBESRPC test.Directory work", 125, "", "");
}

/* Such a program keeps the pipe of its stdout locked while it waits for input. The pauses let it
 * come to that, and us to wait for the lock. */
static void
a_program_that_splices_is_fed(void **state)
{
	struct qube *q = *state;
	int fd;

	agent_up(q);
	fd = call_start(q, QREXEC_EXEC_CMDLINE, own(q, SPLICE_THROUGH));
	for (int i = 0; i < 5; i++) {
		send_text(fd, QREXEC_DATA_STDIN, "input ");
		usleep(50000);
	}
	send_text(fd, QREXEC_DATA_STDIN, "");
	collect(fd, &outcome);
	expect_outcome(&outcome, 0, "input input input input input ", "");
	close(fd);
	expect_terminated(q, 7, 513);
}

/* At a pace at which it waits for input, and we for its lock, again and again. */
static void
a_program_that_splices_loses_nothing(void **state)
{
	static uint8_t block[16384];
	struct qube *q = *state;

	agent_up(q);
	for (int round = 0; round < 3; round++) {
		int fd = call_start(q, QREXEC_EXEC_CMDLINE, own(q, SPLICE_THROUGH));
		struct frame frame;
		size_t total = 0;
		bool coded = false;
		pid_t sender = fork();

		if (sender == 0) {
			for (int i = 0; i < 300; i++) {
				send_frame(fd, QREXEC_DATA_STDIN, block, sizeof(block));
				usleep(300);
			}
			send_text(fd, QREXEC_DATA_STDIN, "");
			_exit(0);
		}
		while (receive_frame(fd, &frame)) {
			if (frame.type == QREXEC_DATA_STDOUT)
				total += frame.length;
			coded = coded || frame.type == QREXEC_DATA_EXIT_CODE;
		}
		assert_int_equal(await_exit(sender), 0);
		assert_int_equal(total, 300 * sizeof(block));
		assert_true(coded);
		close(fd);
		expect_terminated(q, 7, 513);
	}
}

static void
input_reaches_its_end(void **state)
{
	struct qube *q = *state;
	int fd;

	agent_up(q);
	fd = call_start(q, QREXEC_EXEC_CMDLINE, own(q, "cat; echo done"));
	send_text(fd, QREXEC_DATA_STDIN, "one ");
	send_text(fd, QREXEC_DATA_STDOUT, "two "); /* wrong direction: still input */
	send_text(fd, QREXEC_DATA_STDERR, "\033[2Jnever");
	send_u32(fd, QREXEC_DATA_EXIT_CODE, 0);
	send_text(fd, QREXEC_DATA_STDIN, "three ");
	send_text(fd, QREXEC_DATA_STDIN, "");
	send_text(fd, QREXEC_DATA_STDIN, "ignored");
	collect(fd, &outcome);
	expect_outcome(&outcome, 0, "one two three done\n", "");
	close(fd);
	expect_terminated(q, 7, 513);
}

static void
an_end_of_input_before_anything_else(void **state)
{
	struct qube *q = *state;
	int fd;

	agent_up(q);
	fd = call_start(q, QREXEC_EXEC_CMDLINE, own(q, "cat"));
	send_text(fd, QREXEC_DATA_STDIN, "");
	collect(fd, &outcome);
	expect_outcome(&outcome, 0, "", "");
	close(fd);
}

static void
a_program_need_not_read_its_input(void **state)
{
	enum { FRAMES = 64 };
	struct qube *q = *state;
	static char block[65536];
	int fd;

	agent_up(q);
	fd = call_start(
		q, QREXEC_EXEC_CMDLINE, own(q, "exec 0<&-; echo closed; sleep 0.2; exit 4"));
	for (int i = 0; i < FRAMES; i++)
		send_frame(fd, QREXEC_DATA_STDIN, block, sizeof(block));
	collect(fd, &outcome);
	expect_outcome(&outcome, 4, "closed\n", "");
	close(fd);
	/* It ends with input still in flight: nothing of its own is lost. */
	fd = call_start(q, QREXEC_EXEC_CMDLINE, own(q, "echo end; exit 5"));
	send_frame(fd, QREXEC_DATA_STDIN, block, sizeof(block));
	collect(fd, &outcome);
	expect_outcome(&outcome, 5, "end\n", "");
	close(fd);
}

static void
who_holds_stdout_keeps_the_call(void **state)
{
	struct qube *q = *state;
	int fd;

	agent_up(q);
	fd = call_start(
		q, QREXEC_EXEC_CMDLINE, own(q, "(sleep 0.3; echo late) & echo early; exit 6"));
	collect(fd, &outcome);
	expect_outcome(&outcome, 6, "early\nlate\n", "");
	close(fd);
}

static void
detached_programs_only_report_their_start(void **state)
{
	struct qube *q = *state;
	char *command;
	int fd;

	agent_up(q);
	qube_service(q, "test.Make", "#!/bin/sh\ntouch \"$0.made\"\nexit 9\n");
	command = strdup(own(q, "QUBESRPC test.Make work"));
	fd = call_start(q, QREXEC_JUST_EXEC, command);
	expect_frame(fd, QREXEC_DATA_EXIT_CODE, "\0\0\0", 4);
	expect_end(fd);
	close(fd);
	free(command);
	expect_terminated(q, 7, 513);
	for (int i = 0; i < 3000 && access(qube_path(q, "rpc/test.Make.made"), F_OK) < 0; i++)
		nanosleep(&(struct timespec){0, 2000000}, NULL);
	assert_int_equal(access(qube_path(q, "rpc/test.Make.made"), F_OK), 0);

	fd = call_start(q, QREXEC_JUST_EXEC, own(q, "QUBESRPC test.None work"));
	expect_frame(fd, QREXEC_DATA_EXIT_CODE, "\x7f\0\0", 4);
	expect_end(fd);
	close(fd);
	expect_terminated(q, 7, 513);
	fd = call_start(q, QREXEC_JUST_EXEC, "bad");
	expect_frame(fd, QREXEC_DATA_EXIT_CODE, "\x7d\0\0", 4);
	expect_end(fd);
	close(fd);
	expect_terminated(q, 7, 513);
}

static void
the_signal_switches_to_the_stdin_socket(void **state)
{
	struct qube *q = *state;
	int fd;

	agent_up(q);
	qube_service(q, "test.Socket",
		"#!/bin/sh\n"
		"echo before\n"
		"kill -USR1 $QREXEC_AGENT_PID\n"
		"echo through stdin >&0\n"
		"read x\n"
		"echo \"got $x\" >&0\n");
	fd = call_start(q, QREXEC_EXEC_CMDLINE, own(q, "QUBESRPC test.Socket work"));
	send_text(fd, QREXEC_DATA_STDIN, "a line\n");
	collect(fd, &outcome);
	expect_outcome(&outcome, 0, "before\nthrough stdin\ngot a line\n", "");
	close(fd);
	expect_terminated(q, 7, 513);

	/* The same after the end of the input was passed on, and with stdout closed at once. */
	qube_service(q, "test.Socket2",
		"#!/bin/sh\n"
		"cat >/dev/null\n"
		"kill -USR1 $QREXEC_AGENT_PID\n"
		"exec >&-\n"
		"echo after the end >&0\n");
	fd = call_start(q, QREXEC_EXEC_CMDLINE, own(q, "QUBESRPC test.Socket2 work"));
	send_text(fd, QREXEC_DATA_STDIN, "");
	collect(fd, &outcome);
	expect_outcome(&outcome, 0, "after the end\n", "");
	close(fd);
}

static void
broken_frames_end_the_call_without_a_code(void **state)
{
	struct qube *q = *state;
	static const uint32_t headers[][2] = {{QREXEC_DATA_STDIN, 65537},
		{QREXEC_DATA_STDERR, 65537}, {QREXEC_DATA_STDIN, 0xffffffff}, {QREXEC_HELLO, 4},
		{0x194, 0}, {0, 0}};

	agent_up(q);
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		int fd = call_start(q, QREXEC_EXEC_CMDLINE, own(q, "cat"));

		send_bytes(fd, headers[i], 8);
		collect(fd, &outcome);
		assert_int_equal(outcome.code, -1);
		close(fd);
		expect_terminated(q, 7, 513);
	}
}

static void
a_lost_caller_ends_the_call(void **state)
{
	struct qube *q = *state;
	int fd;

	agent_up(q);
	fd = call_start(q, QREXEC_EXEC_CMDLINE, own(q, "cat"));
	close(fd);
	expect_terminated(q, 7, 513);
	fd = call_start(q, QREXEC_EXEC_CMDLINE, own(q, "while echo y; do :; done 2>/dev/null"));
	close(fd);
	expect_terminated(q, 7, 513);
	fd = call_start(q, QREXEC_EXEC_CMDLINE, own(q, "cat"));
	send_header(fd, QREXEC_DATA_STDIN, 100); /* gone in the middle of a frame */
	close(fd);
	expect_terminated(q, 7, 513);
}

static void
bad_hellos_end_the_call(void **state)
{
	struct qube *q = *state;
	static const uint32_t hellos[][3] = {
		{QREXEC_HELLO, 4, 1}, {QREXEC_HELLO, 5, 4}, {QREXEC_DATA_STDIN, 4, 4}};

	agent_up(q);
	for (size_t i = 0; i < 3; i++) {
		int listen_fd = call_listen(q, 7, 513);
		const char *command = own(q, "echo never");
		int fd;

		send_params(q->control, QREXEC_EXEC_CMDLINE, 7, 513, command, strlen(command) + 1);
		fd = accept_one(listen_fd);
		expect_frame(fd, QREXEC_HELLO, "\4\0\0", 4);
		send_bytes(fd, hellos[i], sizeof(hellos[i]));
		expect_end(fd);
		close(fd);
		close(listen_fd);
		expect_terminated(q, 7, 513);
	}
}

static void
version_2_has_small_frames(void **state)
{
	struct qube *q = *state;
	static struct frame f;
	size_t total = 0;
	int fd;

	agent_up(q);
	fd = call_start_at(q, QREXEC_EXEC_CMDLINE, 7, 513, 2, own(q, "head -c 50000 /dev/zero"));
	while (receive_frame(fd, &f) && f.type != QREXEC_DATA_EXIT_CODE) {
		assert_true(f.length <= 4096);
		total += f.length;
	}
	assert_int_equal(total, 50000);
	close(fd);
	expect_terminated(q, 7, 513);
	fd = call_start_at(q, QREXEC_EXEC_CMDLINE, 7, 513, 2, own(q, "cat"));
	send_header(fd, QREXEC_DATA_STDIN, 4097);
	collect(fd, &outcome);
	assert_int_equal(outcome.code, -1);
	close(fd);
}

/* A caller that feeds and reads much at the same time, in frames of odd sizes. */
static void
much_data_flows_both_ways_at_once(void **state)
{
	enum { TOTAL = 8 << 20 };
	struct qube *q = *state;
	static char block[65536];
	static struct frame f;
	size_t got = 0;
	pid_t feeder;
	int fd, status;

	agent_up(q);
	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = (char)(i * 7);
	fd = call_start(q, QREXEC_EXEC_CMDLINE, own(q, "cat"));
	feeder = fork();
	if (feeder == 0) {
		size_t sent = 0, size = 1;

		while (sent < TOTAL) {
			size_t n = size < TOTAL - sent ? size : TOTAL - sent;

			send_frame(fd, QREXEC_DATA_STDIN, block, n);
			sent += n;
			size = size * 3 % 65521 + 1;
		}
		send_text(fd, QREXEC_DATA_STDIN, "");
		_exit(0);
	}
	while (receive_frame(fd, &f) && f.type != QREXEC_DATA_EXIT_CODE)
		if (f.type == QREXEC_DATA_STDOUT)
			got += f.length;
	assert_int_equal(got, TOTAL);
	assert_int_equal(waitpid(feeder, &status, 0), feeder);
	assert_int_equal(status, 0);
	close(fd);
}

/* The bytes of a long output arrive as they were written, whatever way they took. */
static void
a_long_output_is_exact(void **state)
{
	struct qube *q = *state;
	static struct frame f;
	unsigned int expected = 0;
	char number[16];
	size_t digit = 0;
	int fd;

	agent_up(q);
	fd = call_start(q, QREXEC_EXEC_CMDLINE, own(q, "seq 0 999999; echo e >&2"));
	number[0] = '\0';
	while (receive_frame(fd, &f) && f.type != QREXEC_DATA_EXIT_CODE) {
		if (f.type != QREXEC_DATA_STDOUT)
			continue;
		for (uint32_t i = 0; i < f.length; i++) {
			if (number[digit] == '\0') {
				snprintf(number, sizeof(number), "%u\n", expected++);
				digit = 0;
			}
			if (f.body[i] != (uint8_t)number[digit])
				fail_msg("wrong byte near line %u", expected);
			digit++;
		}
	}
	assert_int_equal(expected, 1000000);
	close(fd);
}

static void
a_caller_that_does_not_read_holds_up_nobody_else(void **state)
{
	struct qube *q = *state;
	int stuck;

	agent_up(q);
	stuck = call_start_at(q, QREXEC_EXEC_CMDLINE, 7, 600, 4, own(q, "cat /dev/zero"));
	run(q, "echo quick", 0, "quick\n", "");
	close(stuck);
	expect_terminated(q, 7, 600);
}

static void
all_calls_at_once(void **state)
{
	enum { CALLS = 256 };
	struct qube *q = *state;
	static int fds[CALLS];
	static bool ended[CALLS];

	agent_up(q);
	for (int i = 0; i < CALLS; i++)
		fds[i] = call_start_at(q, QREXEC_EXEC_CMDLINE, 7, 513 + i, 4, own(q, "exec cat"));
	for (int i = 0; i < CALLS; i++)
		send_text(fds[i], QREXEC_DATA_STDIN, "x");
	for (int i = 0; i < CALLS; i++)
		send_text(fds[i], QREXEC_DATA_STDIN, "");
	for (int i = 0; i < CALLS; i++) {
		collect(fds[i], &outcome);
		expect_outcome(&outcome, 0, "x", "");
		close(fds[i]);
	}
	for (int i = 0; i < CALLS; i++) {
		static struct frame f;
		uint32_t port;

		assert_true(receive_frame(q->control, &f));
		assert_int_equal(f.type, QREXEC_CONNECTION_TERMINATED);
		memcpy(&port, f.body + 4, sizeof(port));
		assert_in_range(port, 513, 768);
		assert_false(ended[port - 513]);
		ended[port - 513] = true;
	}
}

/* The process that carries a call dies: that call is lost, and told; others go on. */
static void
a_crash_hurts_one_call(void **state)
{
	struct qube *q = *state;
	static struct frame f;
	int other, fd;
	pid_t carrier;

	agent_up(q);
	other = call_start_at(q, QREXEC_EXEC_CMDLINE, 7, 600, 4, own(q, "cat"));
	fd = call_start(q, QREXEC_EXEC_CMDLINE, own(q, "echo $QREXEC_AGENT_PID; exec cat"));
	assert_true(receive_frame(fd, &f));
	carrier = (pid_t)strtol((char *)f.body, NULL, 10);
	assert_int_equal(kill(carrier, SIGKILL), 0);
	collect(fd, &outcome);
	assert_int_equal(outcome.code, -1);
	close(fd);
	expect_terminated(q, 7, 513);
	run(q, "echo next", 0, "next\n", "");
	send_text(other, QREXEC_DATA_STDIN, "well");
	send_text(other, QREXEC_DATA_STDIN, "");
	collect(other, &outcome);
	expect_outcome(&outcome, 0, "well", "");
	close(other);
}

/* A signal that comes after its call is over does not switch the streams of the next. */
static void
a_late_signal_is_lost(void **state)
{
	struct qube *q = *state;
	static struct frame f;
	pid_t carrier;
	int fd;

	agent_up(q);
	fd = call_start(q, QREXEC_EXEC_CMDLINE, own(q, "echo $QREXEC_AGENT_PID"));
	assert_true(receive_frame(fd, &f));
	carrier = (pid_t)strtol((char *)f.body, NULL, 10);
	collect(fd, &outcome);
	close(fd);
	expect_terminated(q, 7, 513);
	assert_int_equal(kill(carrier, SIGUSR1), 0);
	run(q, "echo out; sleep 0.1; echo more", 0, "out\nmore\n", "");
}

/* The same port again and again, with stdin at its end at once: none may hang. */
static void
thousands_of_calls_on_one_port(void **state)
{
	enum { CALLS = 1000 };
	struct qube *q = *state;

	agent_up(q);
	assert_int_equal(symlink("/bin/true", qube_path(q, "rpc/test.Nothing")), 0);
	for (int i = 0; i < CALLS; i++) {
		int fd = call_start(q, QREXEC_EXEC_CMDLINE, own(q, "QUBESRPC test.Nothing work"));

		send_text(fd, QREXEC_DATA_STDIN, "");
		collect(fd, &outcome);
		expect_outcome(&outcome, 0, "", "");
		close(fd);
		expect_terminated(q, 7, 513);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, qube_setup, qube_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(commands_have_streams_and_exit_codes),
		TEST(bad_commands_report_125),
		TEST(services_see_their_call),
		TEST(services_that_can_not_run),
		TEST(a_program_that_splices_is_fed),
		TEST(a_program_that_splices_loses_nothing),
		TEST(input_reaches_its_end),
		TEST(an_end_of_input_before_anything_else),
		TEST(a_program_need_not_read_its_input),
		TEST(who_holds_stdout_keeps_the_call),
		TEST(detached_programs_only_report_their_start),
		TEST(the_signal_switches_to_the_stdin_socket),
		TEST(broken_frames_end_the_call_without_a_code),
		TEST(a_lost_caller_ends_the_call),
		TEST(bad_hellos_end_the_call),
		TEST(version_2_has_small_frames),
		TEST(much_data_flows_both_ways_at_once),
		TEST(a_long_output_is_exact),
		TEST(a_caller_that_does_not_read_holds_up_nobody_else),
		TEST(all_calls_at_once),
		TEST(a_crash_hurts_one_call),
		TEST(a_late_signal_is_lost),
		TEST(thousands_of_calls_on_one_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
