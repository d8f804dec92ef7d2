/* A child gets exactly what is listed, and a failed start says why. */
#include "cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/cleanup.h"

static char *
output_of(const char *script, const char *const *environment, const struct child_fd *fds,
	size_t fd_count, int *ret_status)
{
	const char *argv[] = {"sh", "-c", script, NULL};
	struct child_config config = CHILD_CONFIG_INIT;
	AUTO_ERR struct err err = ERR_INIT;
	char *output = NULL;

	config.argv = argv;
	config.environment = environment;
	config.fds = fds;
	config.fd_count = fd_count;
	*ret_status = child_run(&config, 1000, &output, &err);
	assert_true(*ret_status >= 0);
	return output;
}

static void
output_and_status_come_back(void **state)
{
	AUTO_FREE char *output = NULL;
	int status;

	output = output_of("echo out; echo err >&2; exit 3", NULL, NULL, 0, &status);
	assert_string_equal(output, "out\nerr\n");
	assert_int_equal(status, 3);
}

static void
a_flood_is_cut_and_a_signal_told(void **state)
{
	AUTO_FREE char *output = NULL;
	int status;

	output = output_of(
		"head -c 100000 /dev/zero | tr '\\0' x; kill -9 $$", NULL, NULL, 0, &status);
	assert_int_equal(strlen(output), 1000);
	assert_int_equal(status, 128 + 9);
}

static void
only_listed_descriptors_are_inherited(void **state)
{
	AUTO_FREE char *output = NULL;
	int leak = open("/dev/null", O_RDONLY), fds[2], status;
	struct child_fd passed[] = {{0, 5}};
	const char *environment[] = {"PATH=/usr/bin:/bin", "ONLY=this", NULL};

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "through five", 12), 12);
	close(fds[1]);
	passed[0].source = fds[0];
	output = output_of("cat <&5; echo; ls /proc/self/fd | tr '\\n' ' '; echo $ONLY$HOME",
		environment, passed, 1, &status);
	/* 0 1 2 5, and the one with which ls reads the directory */
	assert_string_equal(output, "through five\n0 1 2 3 5 this\n");
	close(leak);
	close(fds[0]);
}

static void
descriptors_may_trade_places(void **state)
{
	AUTO_FREE char *output = NULL;
	int a[2], b[2], status;

	assert_int_equal(pipe(a), 0);
	assert_int_equal(pipe(b), 0);
	assert_int_equal(write(a[1], "a", 1), 1);
	assert_int_equal(write(b[1], "b", 1), 1);
	close(a[1]);
	close(b[1]);
	const struct child_fd passed[] = {{a[0], b[0]}, {b[0], a[0]}};
	char script[64];
	snprintf(script, sizeof(script), "cat <&%d; cat <&%d", a[0], b[0]);
	output = output_of(script, NULL, passed, 2, &status);
	assert_string_equal(output, "ba");
	close(a[0]);
	close(b[0]);
}

static void
a_missing_program_is_told_at_once(void **state)
{
	const char *argv[] = {"/nonexistent/program", NULL};
	struct child_config config = CHILD_CONFIG_INIT;
	AUTO_ERR struct err err = ERR_INIT;

	config.argv = argv;
	assert_int_equal(child_start(&config, &err), -1);
	assert_int_equal(err.code, ENOENT);
	assert_string_equal(err_message(&err),
		"program '/nonexistent/program': cannot run: No such file or directory");
}

static void
start_times_name_a_process(void **state)
{
	unsigned long long mine = 0, again = 1;

	assert_int_equal(process_start_time(getpid(), &mine), 0);
	assert_int_equal(process_start_time(getpid(), &again), 0);
	assert_true(mine > 0 && mine == again);
	assert_true(process_start_time(0x7ffffff0, &mine) < 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(output_and_status_come_back),
		cmocka_unit_test(a_flood_is_cut_and_a_signal_told),
		cmocka_unit_test(only_listed_descriptors_are_inherited),
		cmocka_unit_test(descriptors_may_trade_places),
		cmocka_unit_test(a_missing_program_is_told_at_once),
		cmocka_unit_test(start_times_name_a_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
