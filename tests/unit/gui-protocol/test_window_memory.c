/* Window memory: what is handed over can neither be written nor resized, and nothing else passes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/socket.h"
#include "gui/protocol/window_memory.h"

#define SIZE ((uint64_t)1 << 20)
#define DOMAIN_NUMBER 7

struct giver {
	int listen_fd, fd;
	uint64_t announced;
};

static void *
give(void *data)
{
	struct giver *g = data;
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FD int connection = accept(g->listen_fd, NULL, NULL);

	window_memory_send(connection, g->fd, g->announced, &err);
	return NULL;
}

/* Receives what a giver with these hands over. */
static int
receive_from(int fd, uint64_t announced, struct err *err)
{
	AUTO_FREE char *path = window_memory_path(DOMAIN_NUMBER);
	struct giver g = {.fd = fd, .announced = announced};
	uint64_t size = 0;
	pthread_t thread;
	int result;

	g.listen_fd = socket_listen(path, 0600, err);
	assert_true(g.listen_fd >= 0);
	assert_int_equal(pthread_create(&thread, NULL, give, &g), 0);
	result = window_memory_receive(DOMAIN_NUMBER, &size, err);
	pthread_join(thread, NULL);
	close(g.listen_fd);
	if (result >= 0)
		assert_int_equal(size, SIZE);
	return result;
}

static void
test_handed_over(void **state)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FD int whole = window_memory_create("test", SIZE, &err);
	AUTO_FD int reader = window_memory_open_read_only(whole, &err);
	AUTO_FD int received = receive_from(reader, SIZE, &err);
	char *written, *seen;

	(void)state;
	assert_true(received >= 0);
	assert_int_equal(ftruncate(whole, 4096), -1);
	assert_ptr_equal(
		mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, received, 0), MAP_FAILED);
	written = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, whole, 0);
	seen = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, received, 0);
	strcpy(written + 5000, "seen");
	assert_string_equal(seen + 5000, "seen");
	munmap(written, SIZE);
	munmap(seen, SIZE);
}

static void
test_wrong_ones_are_refused(void **state)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FD int whole = window_memory_create("test", SIZE, &err);
	AUTO_FD int reader = window_memory_open_read_only(whole, &err);
	AUTO_FD int unsealed = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	AUTO_FD int unsealed_reader = window_memory_open_read_only(unsealed, &err);

	(void)state;
	assert_int_equal(receive_from(whole, SIZE, &err), -1); /* writable */
	assert_int_equal(err.code, EPERM);
	assert_int_equal(receive_from(reader, SIZE * 2, &err), -1);
	assert_int_equal(err.code, EPROTO);
	assert_int_equal(ftruncate(unsealed, SIZE), 0);
	assert_int_equal(receive_from(unsealed_reader, SIZE, &err), -1);
	assert_int_equal(err.code, EPERM);
	assert_int_equal(window_memory_create("test", 4095, &err), -1);
	assert_int_equal(window_memory_create("test", (uint64_t)1 << 33, &err), -1);
}

static int
set_up(void **state)
{
	char *root = strdup("/tmp/window-memory-XXXXXX");
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *directory = NULL;

	if (mkdtemp(root) == NULL || setenv("BULKHEAD_ROOT", root, 1) < 0)
		return -1;
	directory = root_path("/run/vchan");
	*state = root;
	return make_directories(directory, 0755, &err);
}

static int
tear_down(void **state)
{
	AUTO_ERR struct err err = ERR_INIT;
	int result = remove_tree(*state, &err);

	free(*state);
	return result;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handed_over),
		cmocka_unit_test(test_wrong_ones_are_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
