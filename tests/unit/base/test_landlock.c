/* A process that gave up all files but some places. */
#include "cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/landlock.h"
#include "base/path.h"
#include "base/text.h"

#define NO_LANDLOCK 77

static char directory[] = "/tmp/bulkhead-landlock.XXXXXX";

static bool
can_open(const char *below, int flags)
{
	AUTO_FREE char *path = path_join(directory, below);
	AUTO_FD int fd = open(path, flags | O_CLOEXEC, 0600);

	return fd >= 0;
}

static int
try_inside(void)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *open_place = path_join(directory, "open");
	AUTO_FREE char *shown = path_join(directory, "shown");
	AUTO_FREE char *missing = path_join(directory, "missing");
	const struct landlock_place places[] = {
		{open_place, .is_writable = true}, {shown, .is_writable = false}, {missing}};
	int result = landlock_enter(places, 3, &err);

	if (result != 0)
		return result > 0 ? NO_LANDLOCK : 1;
	if (!can_open("open/new", O_WRONLY | O_CREAT) || !can_open("open/file", O_RDWR))
		return 2;
	if (!can_open("shown/file", O_RDONLY) || can_open("shown/file", O_WRONLY) ||
		can_open("shown/new", O_WRONLY | O_CREAT))
		return 3;
	/* Neither what is beside them, nor what a link in them leads to. */
	if (can_open("closed/file", O_RDONLY) || can_open("open/link", O_RDONLY))
		return 4;
	return 0;
}

static void
make(const char *below)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *path = path_join(directory, below);
	AUTO_FREE char *file = path_join(path, "file");

	assert_int_equal(make_directories(path, 0700, &err), 0);
	assert_int_equal(write_file(file, "x", 1, 0600, &err), 0);
}

static void
only_the_places_remain(void **state)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *link = NULL;
	int status;
	pid_t pid;

	assert_non_null(mkdtemp(directory));
	make("open");
	make("shown");
	make("closed");
	link = path_join(directory, "open/link");
	assert_int_equal(symlink("../closed/file", link), 0);
	pid = fork();
	if (pid == 0)
		_exit(try_inside());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(remove_tree(directory, &err), 0);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NO_LANDLOCK)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(only_the_places_remain)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
