/* Left-over processes are known by where they work; nothing else is touched. */
#include "cmocka_all.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "admin/lifecycle/orphans.h"
#include "base/child.h"
#include "base/path.h"

static pid_t
start_in(const char *directory)
{
	const char *argv[] = {"sleep", "100", NULL};
	struct child_config config = CHILD_CONFIG_INIT;
	pid_t pid;

	config.argv = argv;
	config.directory = directory;
	pid = child_start(&config, NULL);
	assert_true(pid > 0);
	return pid;
}

static void
only_processes_in_the_directory_end(void **state)
{
	char inside[] = "/tmp/bulkhead-test-orphans-XXXXXX";
	pid_t orphan, other;

	assert_non_null(mkdtemp(inside));
	orphan = start_in(inside);
	other = start_in("/tmp");
	assert_int_equal(orphans_end(inside, "work"), 1);
	assert_int_equal(kill(orphan, 0), -1);
	assert_int_equal(kill(other, 0), 0);
	assert_int_equal(orphans_end(inside, "work"), 0);
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	assert_int_equal(remove_tree(inside, NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_processes_in_the_directory_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
