/* Starting programs: descriptors, environment, signals, and failures told at once. */
#include "cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "qrexec/common/program.h"
#include "qrexec/common/protocol.h"

/* Runs a shell command with a pipe as stdout and gives what it printed. */
static char *
run(const char *command, const int *keep, size_t keep_count, int *ret_status)
{
	const char *argv[] = {"sh", "-c", command, NULL};
	char *environment[] = {"PATH=/bin:/usr/bin", "X=1", NULL};
	struct program program = PROGRAM_INIT;
	char *output = xcalloc(1, 4096);
	size_t length = 0;
	int ends[2];
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	program.path = "/bin/sh";
	program.argv = argv;
	program.environment = environment;
	program.stdout_fd = ends[1];
	program.stderr_fd = STDERR_FILENO;
	program.keep_fds = keep;
	program.keep_count = keep_count;
	pid = program_start(&program);
	assert_true(pid > 0);
	close(ends[1]);
	while ((n = read(ends[0], output + length, 4095 - length)) > 0)
		length += (size_t)n;
	close(ends[0]);
	assert_int_equal(waitpid(pid, ret_status, 0), pid);
	return output;
}

static void
only_the_streams_are_inherited(void **state)
{
	int leaked = open("/dev/null", O_RDONLY); /* not close-on-exec: still must not pass */
	int status;
	AUTO_FREE char *output =
		run("ls /proc/self/fd | tr '\\n' ' '; echo; env | sort", NULL, 0, &status);

	/* 3 is that of ls reading the directory. */
	assert_non_null(strstr(output, "0 1 2 3 \n"));
	assert_non_null(strstr(output, "X=1\n"));
	close(leaked);
}

static void
listed_descriptors_are_kept(void **state)
{
	int a = fcntl(0, F_DUPFD_CLOEXEC, 20);
	int b = fcntl(0, F_DUPFD_CLOEXEC, 30);
	int keep[] = {a, b};
	int status;
	AUTO_FREE char *output = run("ls /proc/self/fd | tr '\\n' ' '", keep, 2, &status);

	assert_string_equal(output, "0 1 2 20 3 30 ");
	close(a);
	close(b);
}

static void
signals_are_as_at_birth(void **state)
{
	sigset_t set;
	int status;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	AUTO_FREE char *output =
		run("grep -E 'Sig(Blk|Ign)' /proc/self/status; kill -USR1 $$; echo no", NULL, 0,
			&status);

	assert_non_null(strstr(output, "SigBlk:\t0000000000000000"));
	assert_null(strstr(output, "no"));
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void
failures_are_known_at_once(void **state)
{
	const char *argv[] = {"x", NULL};
	char *environment[] = {NULL};
	struct program program = PROGRAM_INIT;

	program.argv = argv;
	program.environment = environment;
	program.path = "/nonexistent/x";
	assert_int_equal(program_start(&program), -ENOENT);
	program.path = "/etc/passwd";
	assert_int_equal(program_start(&program), -EACCES);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nothing is left behind */
	assert_int_equal(program_failure_code(-ENOENT), QREXEC_EXIT_NOT_FOUND);
	assert_int_equal(program_failure_code(-EACCES), QREXEC_EXIT_PROBLEM);
}

static void
streams_can_be_placed_on_low_numbers(void **state)
{
	const char *argv[] = {"sh", "-c", "cat; echo err >&2", NULL};
	char *environment[] = {"PATH=/bin:/usr/bin", NULL};
	struct program program = PROGRAM_INIT;
	struct program_stdio stdio;
	char text[32] = "";
	pid_t pid;

	assert_int_equal(program_stdio_create(true, &stdio), 0);
	program.path = "/bin/sh";
	program.argv = argv;
	program.environment = environment;
	program.stdin_fd = stdio.theirs[0];
	program.stdout_fd = stdio.theirs[1];
	program.stderr_fd = stdio.theirs[2];
	program.new_session = true;
	pid = program_start(&program);
	assert_true(pid > 0);
	program_stdio_close_theirs(&stdio);
	assert_int_equal(write(stdio.ours[0], "hi", 2), 2);
	close(stdio.ours[0]);
	stdio.ours[0] = -1;
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(read(stdio.ours[1], text, sizeof(text)), 2);
	assert_string_equal(text, "hi");
	assert_int_equal(read(stdio.ours[2], text, sizeof(text)), 4);
	program_stdio_close(&stdio);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_streams_are_inherited),
		cmocka_unit_test(listed_descriptors_are_kept),
		cmocka_unit_test(signals_are_as_at_birth),
		cmocka_unit_test(failures_are_known_at_once),
		cmocka_unit_test(streams_can_be_placed_on_low_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
