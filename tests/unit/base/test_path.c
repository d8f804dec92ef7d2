/* The root prefix, trees, files and sockets with long paths. */
#include "cmocka_all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/socket.h"

static char root[] = "/tmp/bulkhead-test-path-XXXXXX";

static int
set_up(void **state)
{
	assert_non_null(mkdtemp(root));
	return setenv("BULKHEAD_ROOT", root, 1);
}

static int
tear_down(void **state)
{
	return remove_tree(root, NULL);
}

static void
paths_get_the_prefix(void **state)
{
	AUTO_FREE char *path = root_path("/run/%s", "qubesd.sock");
	AUTO_FREE char *expected = path_join(root, "run/qubesd.sock");

	assert_string_equal(path, expected);
}

static void
files_are_replaced_whole(void **state)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *directory = root_path("/a/b/c");
	AUTO_FREE char *path = path_join(directory, "file");
	AUTO_FREE char *text = NULL;
	struct stat status;
	size_t size;

	assert_int_equal(make_directories(directory, 0700, &err), 0);
	assert_int_equal(make_directories(directory, 0700, &err), 0);
	assert_int_equal(write_file(path, "one", 3, 0600, &err), 0);
	assert_int_equal(write_file(path, "second", 6, 0640, &err), 0);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0640);
	assert_int_equal(read_file(path, 5, &text, &size, &err), -1);
	assert_int_equal(err.code, EFBIG);
	assert_int_equal(read_file(path, 6, &text, &size, &err), 0);
	assert_string_equal(text, "second");
	assert_int_equal(size, 6);
}

static void
removing_a_tree_follows_no_link(void **state)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *outside = root_path("/outside");
	AUTO_FREE char *tree = root_path("/tree");
	AUTO_FREE char *link_path = path_join(tree, "link");

	assert_int_equal(make_directories(tree, 0700, &err), 0);
	assert_int_equal(write_file(outside, "kept", 4, 0600, &err), 0);
	assert_int_equal(symlink(outside, link_path), 0);
	assert_int_equal(remove_tree(tree, &err), 0);
	assert_int_equal(access(tree, F_OK), -1);
	assert_int_equal(access(outside, F_OK), 0);
	assert_int_equal(remove_tree(tree, &err), 0);
}

static void
sockets_may_have_long_paths(void **state)
{
	AUTO_ERR struct err err = ERR_INIT;
	char name[150];
	int listening, connecting, accepted, received = -1;
	char byte;

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	AUTO_FREE char *directory = root_path("/%s", name);
	AUTO_FREE char *path = path_join(directory, "socket");

	assert_int_equal(socket_connect(path, &err), -1);
	assert_int_equal(err.code, ENOENT);
	assert_int_equal(make_directories(directory, 0700, &err), 0);
	listening = socket_listen(path, 0600, &err);
	assert_true(listening >= 0);
	connecting = socket_connect(path, &err);
	assert_true(connecting >= 0);
	accepted = accept(listening, NULL, NULL);
	assert_int_equal(socket_send_fd(connecting, "x", 1, listening), 1);
	assert_int_equal(socket_receive_fd(accepted, &byte, 1, &received), 1);
	assert_int_equal(byte, 'x');
	assert_true(received >= 0);
	close(received);
	close(accepted);
	close(connecting);
	close(listening);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_get_the_prefix),
		cmocka_unit_test(files_are_replaced_whole),
		cmocka_unit_test(removing_a_tree_follows_no_link),
		cmocka_unit_test(sockets_may_have_long_paths),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
