/* The identity's way to a copy: a machine's process that stalls must not stall the daemon. */
#include "cmocka_all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin/hypervisor/hypervisor.h"
#include "admin/lifecycle/identity.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "base/socket.h"

static char directory[] = "/tmp/bulkhead-test-identity-XXXXXX";

static int
set_up(void **state)
{
	return mkdtemp(directory) == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	return remove_tree(directory, NULL);
}

static int
listen_with(int backlog)
{
	AUTO_FREE char *path = path_join(directory, MACHINE_SOCKET_IDENTITY);
	int fd = socket_listen(path, 0600, NULL);

	assert_true(fd >= 0);
	assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

/* As a process that was taken over may leave it: nobody takes connections, none may wait. */
static void
a_full_queue_is_an_error_and_no_wait(void **state)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FD int listening = listen_with(0);
	AUTO_FD int first = identity_connect(directory, &err);

	assert_true(listening >= 0 && first >= 0);
	assert_int_equal(identity_connect(directory, &err), -1);
	assert_int_equal(err.code, EAGAIN);
}

static void
what_is_not_taken_is_an_error(void **state)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FD int listening = listen_with(1);
	AUTO_FD int fd = identity_connect(directory, &err);
	int result = 0;

	assert_true(listening >= 0 && fd >= 0);
	for (int i = 0; i < 2000 && result == 0; i++)
		result = identity_send(fd, "quiet", &err);
	assert_int_equal(result, -1);
	assert_int_equal(err.code, EIO);
}

static void
it_is_sent_whole(void **state)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FD int listening = listen_with(1);
	AUTO_FD int fd = identity_connect(directory, &err);
	AUTO_FD int taken = accept(listening, NULL, NULL);
	char text[4096] = {0};
	ssize_t count;

	assert_true(fd >= 0 && taken >= 0);
	assert_int_equal(identity_send(fd, "quiet name=x", &err), 0);
	count = recv(taken, text, sizeof(text) - 1, 0);
	if (count == 4) /* in two pieces */
		count += recv(taken, text + 4, sizeof(text) - 5, 0);
	assert_true(count > 4);
	assert_int_equal((uint8_t)text[0] | (uint8_t)text[1] << 8, count - 4);
	assert_int_equal(strncmp(text + 4, "cmdline=quiet name=x\n", 21), 0);
	assert_non_null(strstr(text + 4, "\nentropy="));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_queue_is_an_error_and_no_wait),
		cmocka_unit_test(what_is_not_taken_is_an_error),
		cmocka_unit_test(it_is_sent_whole),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
