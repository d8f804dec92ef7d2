/*
 * The vchan API over transport unix, both ends in one process where that is possible and with
 * a second thread where a call has to block. The idioms are those of existing callers.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/socket.h"
#include "base/text.h"
#include "vchan/vchan_extra.h"

#define PATIENCE_MS 20000

static char directory[] = "/tmp/vchan-test.XXXXXX";

static bool
is_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static void
wait_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
}

static char *
path_of(int server, int client, int port)
{
	return text_format("%s/vchan.%d.%d.%d.sock", directory, server, client, port);
}

/* A joined pair: server of domain 0 for 0. */
static void
make_pair(int port, libvchan_t **ret_server, libvchan_t **ret_client)
{
	*ret_server = libvchan_server_init(0, port, 4096, 4096);
	assert_non_null(*ret_server);
	*ret_client = libvchan_client_init(0, port);
	assert_non_null(*ret_client);
	assert_int_equal(vchan_wait_connected(*ret_server, PATIENCE_MS), 0);
}

static void
test_server_waits_then_connects(void **state)
{
	libvchan_t *server = libvchan_server_init(7, 513, 1, 1);
	AUTO_FREE char *path = path_of(0, 7, 513);
	struct stat status;
	int fd;

	assert_non_null(server);
	assert_int_equal(libvchan_is_open(server), VCHAN_WAITING);
	assert_int_equal(libvchan_data_ready(server), 0);
	assert_int_equal(libvchan_buffer_space(server), 0);
	assert_false(is_readable(libvchan_fd_for_select(server)));
	assert_int_equal(stat(path, &status), 0);
	assert_true(S_ISSOCK(status.st_mode));

	fd = socket_connect(path, NULL);
	assert_true(fd >= 0);
	assert_true(is_readable(libvchan_fd_for_select(server)));
	assert_int_equal(libvchan_wait(server), 0);
	assert_int_equal(libvchan_is_open(server), VCHAN_CONNECTED);
	assert_true(libvchan_buffer_space(server) >= 65544);
	/* One client and no more: the name is gone. */
	assert_int_equal(stat(path, &status), -1);

	/* Raw bytes, no framing. */
	assert_int_equal(write(fd, "hello", 5), 5);
	assert_int_equal(libvchan_data_ready(server), 5);
	char text[8] = "";
	assert_int_equal(libvchan_read(server, text, sizeof(text)), 5);
	assert_string_equal(text, "hello");
	assert_int_equal(libvchan_write(server, "world!", 6), 6);
	assert_int_equal(read(fd, text, sizeof(text)), 6);
	assert_memory_equal(text, "world!", 6);
	close(fd);
	assert_int_equal(libvchan_is_open(server), VCHAN_DISCONNECTED);
	assert_true(libvchan_read(server, text, sizeof(text)) < 0);
	libvchan_close(server);
}

static void
test_accept_is_driven_by_any_call(void **state)
{
	AUTO_FREE char *path = path_of(0, 0, 514);
	libvchan_t *server = libvchan_server_init(0, 514, 1, 1);
	int fd = socket_connect(path, NULL);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(libvchan_data_ready(server), 1);
	assert_int_equal(libvchan_is_open(server), VCHAN_CONNECTED);
	/* The new state still shows on the descriptor, and waiting for it does not block. */
	assert_true(is_readable(libvchan_fd_for_select(server)));
	assert_int_equal(libvchan_wait(server), 0);
	close(fd);
	libvchan_close(server);
}

static void
test_wait_clears_and_never_blocks_when_readable(void **state)
{
	libvchan_t *server, *client;
	char byte;
	int fd;

	make_pair(515, &server, &client);
	fd = libvchan_fd_for_select(server);
	while (is_readable(fd))
		assert_int_equal(libvchan_wait(server), 0);

	assert_int_equal(libvchan_send(client, "ab", 2), 2);
	wait_readable(fd);
	assert_true(is_readable(fd)); /* stays so until libvchan_wait() */
	assert_int_equal(libvchan_wait(server), 0);
	assert_false(is_readable(fd)); /* though nothing was read: an edge, not a level */
	assert_int_equal(libvchan_data_ready(server), 2);

	/* Data read between the poll and the wait must not make the wait block. */
	assert_int_equal(libvchan_send(client, "c", 1), 1);
	wait_readable(fd);
	assert_int_equal(libvchan_read(server, &byte, 1), 1);
	assert_int_equal(libvchan_recv(server, &byte, 1), 1);
	assert_int_equal(libvchan_recv(server, &byte, 1), 1);
	assert_int_equal(byte, 'c');
	assert_int_equal(libvchan_wait(server), 0);

	/* A lost peer shows, and waiting after that does not block either. */
	libvchan_close(client);
	wait_readable(fd);
	assert_int_equal(libvchan_wait(server), 0);
	assert_int_equal(libvchan_is_open(server), VCHAN_DISCONNECTED);
	assert_true(libvchan_wait(server) < 0);
	libvchan_close(server);
}

static void
test_data_survives_close(void **state)
{
	libvchan_t *server, *client;
	static uint8_t sent[60000], received[60000];

	make_pair(516, &server, &client);
	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (uint8_t)(i * 7);
	assert_int_equal(libvchan_send(client, sent, sizeof(sent)), sizeof(sent));
	assert_int_equal(libvchan_send(server, "unread", 6), 6);
	libvchan_close(client);
	/* First is_open, then data_ready: nothing is lost. */
	assert_int_equal(libvchan_is_open(server), VCHAN_DISCONNECTED);
	assert_int_equal(libvchan_data_ready(server), sizeof(sent));
	assert_int_equal(libvchan_recv(server, received, sizeof(received)), sizeof(received));
	assert_memory_equal(sent, received, sizeof(sent));
	assert_int_equal(libvchan_data_ready(server), 0);
	assert_true(libvchan_read(server, received, 1) < 0);
	/* No SIGPIPE. */
	assert_true(libvchan_write(server, "x", 1) < 0);
	assert_true(libvchan_send(server, "x", 1) < 0);
	libvchan_close(server);
}

/* What buffer_space() promises can be written without blocking, in two pieces as callers do. */
static void
test_promised_room_is_there(void **state)
{
	libvchan_t *server, *client;
	static char block[4 << 20];
	int space, rounds = 0;
	size_t total = 0;

	make_pair(517, &server, &client);
	libvchan_set_blocking(client, false);
	while ((space = libvchan_buffer_space(client)) > 8) {
		int size = rounds % 3 == 0 ? space - 8 : (space - 8) / 3 + 1;

		assert_true((size_t)size <= sizeof(block));
		assert_int_equal(libvchan_write(client, block, 8), 8);
		assert_int_equal(libvchan_write(client, block, (size_t)size), size);
		total += (size_t)size + 8;
		assert_true(++rounds < 10000);
	}
	assert_true(total >= 65536);
	assert_int_equal(libvchan_data_ready(server), total);

	/* Full: the descriptor tells when there is room again. */
	while (is_readable(libvchan_fd_for_select(client)))
		assert_int_equal(libvchan_wait(client), 0);
	assert_true(libvchan_buffer_space(client) <= 8);
	while (total > 0) {
		int count = libvchan_read(server, block, sizeof(block));

		assert_true(count > 0);
		total -= (size_t)count;
	}
	wait_readable(libvchan_fd_for_select(client));
	assert_int_equal(libvchan_wait(client), 0);
	assert_true(libvchan_buffer_space(client) > 65536);
	assert_false(is_readable(libvchan_fd_for_select(client)));
	libvchan_close(client);
	libvchan_close(server);
}

static void
test_non_blocking_mode(void **state)
{
	libvchan_t *server, *client;
	static char block[1 << 20];
	int count, total = 0;

	make_pair(518, &server, &client);
	libvchan_set_blocking(server, false);
	libvchan_set_blocking(client, false);
	assert_int_equal(libvchan_read(server, block, 1), 0);
	assert_int_equal(libvchan_recv(server, block, 10), 0);
	assert_int_equal(libvchan_send(client, "12345", 5), 5);
	assert_int_equal(libvchan_recv(server, block, 10), 0); /* takes all or nothing */
	assert_int_equal(libvchan_data_ready(server), 5);
	while ((count = libvchan_write(client, block, sizeof(block))) > 0)
		total += count;
	assert_int_equal(count, 0);
	assert_int_equal(libvchan_send(client, block, sizeof(block)), 0);
	assert_int_equal(libvchan_data_ready(server), total + 5);
	libvchan_close(server);
	assert_true(libvchan_write(client, block, 1) < 0);
	libvchan_close(client);
}

static void
test_newest_server_takes_the_name(void **state)
{
	libvchan_t *old = libvchan_server_init(0, 519, 1, 1);
	libvchan_t *new = libvchan_server_init(0, 519, 1, 1);
	libvchan_t *client;

	libvchan_close(old); /* must not take the new one's socket along */
	client = vchan_client_connect(0, 519, PATIENCE_MS);
	assert_non_null(client);
	assert_int_equal(vchan_wait_connected(new, PATIENCE_MS), 0);
	libvchan_close(client);
	libvchan_close(new);
}

static void
test_port_reused_at_once(void **state)
{
	for (int i = 0; i < 200; i++) {
		libvchan_t *server, *client;
		int number = 0;

		make_pair(520, &server, &client);
		assert_int_equal(libvchan_send(client, &i, sizeof(i)), sizeof(i));
		if (i % 2 == 0)
			libvchan_close(client);
		assert_int_equal(libvchan_recv(server, &number, sizeof(number)), sizeof(number));
		assert_int_equal(number, i);
		libvchan_close(server);
		if (i % 2 != 0)
			libvchan_close(client);
	}
}

static void
test_client_waits_for_its_server(void **state)
{
	EVTCHN watch = -1;
	libvchan_t *client = libvchan_client_init_async(0, 521, &watch);
	libvchan_t *server;
	int result;

	assert_non_null(client);
	assert_int_equal(libvchan_client_init_async_finish(client, true), 1);
	server = libvchan_server_init(0, 521, 1, 1);
	do {
		wait_readable(watch);
		result = libvchan_client_init_async_finish(client, false);
	} while (result > 0);
	assert_int_equal(result, 0);
	assert_int_equal(libvchan_fd_for_select(client), watch);
	char byte;
	assert_int_equal(libvchan_read(client, &byte, 1), 0); /* not blocking, as asked */
	libvchan_close(client);
	libvchan_close(server);

	/* A stale socket is no server. */
	AUTO_FREE char *path = path_of(0, 0, 521);
	int fd = socket_listen(path, 0600, NULL);
	close(fd);
	assert_null(vchan_client_connect(0, 521, 30));
	assert_int_equal(errno, ETIMEDOUT);
	unlink(path);
}

/* Joined before the first call: the descriptor has to show it, or the caller polls for ever. */
static void
test_async_joined_at_once_is_readable(void **state)
{
	libvchan_t *server = libvchan_server_init(0, 522, 1, 1);
	EVTCHN watch = -1;
	libvchan_t *client = libvchan_client_init_async(0, 522, &watch);

	wait_readable(watch);
	assert_int_equal(libvchan_client_init_async_finish(client, true), 0);
	libvchan_close(client);
	libvchan_close(server);
}

struct transfer {
	int port;
	size_t size;
};

static void *
run_sender(void *data)
{
	const struct transfer *t = data;
	libvchan_t *c = libvchan_client_init(0, t->port);
	static char block[100000];
	size_t sent = 0;

	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = (char)(i % 251);
	while (sent < t->size) {
		size_t at = sent % sizeof(block);
		int count = libvchan_write(c, block + at, sizeof(block) - at);

		if (count <= 0)
			break;
		sent += (size_t)count;
	}
	libvchan_close(c);
	return NULL;
}

/* The loop of existing programs: poll, wait once, read while there is data, quit when not open. */
static void
test_poll_loop_of_callers(void **state)
{
	struct transfer t = {.port = 523, .size = 20000000};
	libvchan_t *server = libvchan_server_init(0, t.port, 65536, 65536);
	static uint8_t block[65536];
	size_t received = 0;
	bool open = true;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, run_sender, &t), 0);
	while (open) {
		wait_readable(libvchan_fd_for_select(server));
		assert_int_equal(libvchan_wait(server), 0);
		open = libvchan_is_open(server) != VCHAN_DISCONNECTED;
		while (libvchan_data_ready(server) > 0) {
			int count = libvchan_read(server, block, sizeof(block));

			assert_true(count > 0);
			assert_int_equal(block[0], received % 100000 % 251);
			received += (size_t)count;
		}
	}
	/* The sender's blocks are not ours: all that matters is that none is missing. */
	assert_true(received >= t.size);
	pthread_join(thread, NULL);
	libvchan_close(server);
}

static void
test_blocking_calls_block(void **state)
{
	struct transfer t = {.port = 524, .size = 5000000};
	libvchan_t *server = libvchan_server_init(0, t.port, 65536, 65536);
	static uint8_t block[1000000];
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, run_sender, &t), 0);
	/* Also through the set-up: the server has no client yet. */
	for (int i = 0; i < 5; i++) {
		assert_int_equal(libvchan_recv(server, block, sizeof(block)), sizeof(block));
		assert_int_equal(block[99999], 99999 % 251);
	}
	pthread_join(thread, NULL);
	assert_true(libvchan_recv(server, block, sizeof(block)) < 0);
	libvchan_close(server);
}

static void
test_domains_in_names(void **state)
{
	AUTO_FREE char *path = path_of(3, 9, 525);
	struct vchan_config config = VCHAN_CONFIG_INIT;
	libvchan_t *server, *client;
	struct stat status;

	config.server = true;
	config.own_domain = 3;
	config.domain = 9;
	config.port = 525;
	server = vchan_create(&config);
	assert_non_null(server);
	assert_int_equal(stat(path, &status), 0);
	config.server = false;
	config.own_domain = 9;
	config.domain = 3;
	client = vchan_create(&config);
	assert_int_equal(vchan_wait_connected(client, PATIENCE_MS), 0);
	libvchan_close(server);
	libvchan_close(client);
	assert_int_equal(stat(path, &status), -1);

	config.domain = -1;
	assert_null(vchan_create(&config));
	assert_int_equal(errno, EINVAL);
}

static void
test_detach_gives_the_socket(void **state)
{
	libvchan_t *server, *client;
	char text[4];
	int fd;

	make_pair(526, &server, &client);
	assert_int_equal(vchan_data_fd(client) >= 0, 1);
	fd = vchan_detach(client);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "abc", 3), 3);
	assert_int_equal(libvchan_recv(server, text, 3), 3);
	assert_int_equal(vchan_shutdown_write(server), 0);
	assert_int_equal(read(fd, text, 1), 0);
	close(fd);
	libvchan_close(server);
	libvchan_close(NULL);
}

static void
test_bad_transport_name(void **state)
{
	setenv("VCHAN_TRANSPORT", "pigeon", 1);
	assert_null(libvchan_server_init(0, 527, 1, 1));
	assert_int_equal(errno, EINVAL);
	unsetenv("VCHAN_TRANSPORT");
}

/* Without linkd there is no channel of transport link, but there may be one soon. */
static void
test_link_without_linkd_waits(void **state)
{
	setenv("VCHAN_TRANSPORT", "link", 1);
	assert_null(libvchan_server_init(0, 5000, 1, 1));
	assert_int_equal(errno, EINVAL);
	libvchan_t *server = libvchan_server_init(0, 513, 1, 1);
	assert_non_null(server);
	assert_int_equal(libvchan_is_open(server), VCHAN_WAITING);
	libvchan_close(server);
	assert_null(vchan_client_connect(5, 513, 20));
	assert_int_equal(errno, ETIMEDOUT);
	unsetenv("VCHAN_TRANSPORT");
}

static void
test_default_directory(void **state)
{
	AUTO_FREE char *path = text_format("%s/var/run/vchan/vchan.0.4.528.sock", directory);
	struct stat status;
	libvchan_t *server;

	unsetenv("VCHAN_SOCKET_DIR");
	server = libvchan_server_init(4, 528, 1, 1);
	setenv("VCHAN_SOCKET_DIR", directory, 1);
	assert_non_null(server);
	assert_int_equal(stat(path, &status), 0);
	libvchan_close(server);
}

static int
set_up(void **state)
{
	if (mkdtemp(directory) == NULL)
		return -1;
	setenv("VCHAN_SOCKET_DIR", directory, 1);
	setenv("BULKHEAD_ROOT", directory, 1);
	unsetenv("VCHAN_DOMAIN");
	unsetenv("VCHAN_TRANSPORT");
	return 0;
}

static int
tear_down(void **state)
{
	return remove_tree(directory, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_server_waits_then_connects),
		cmocka_unit_test(test_accept_is_driven_by_any_call),
		cmocka_unit_test(test_wait_clears_and_never_blocks_when_readable),
		cmocka_unit_test(test_data_survives_close),
		cmocka_unit_test(test_promised_room_is_there),
		cmocka_unit_test(test_non_blocking_mode),
		cmocka_unit_test(test_newest_server_takes_the_name),
		cmocka_unit_test(test_port_reused_at_once),
		cmocka_unit_test(test_client_waits_for_its_server),
		cmocka_unit_test(test_async_joined_at_once_is_readable),
		cmocka_unit_test(test_poll_loop_of_callers),
		cmocka_unit_test(test_blocking_calls_block),
		cmocka_unit_test(test_domains_in_names),
		cmocka_unit_test(test_detach_gives_the_socket),
		cmocka_unit_test(test_bad_transport_name),
		cmocka_unit_test(test_link_without_linkd_waits),
		cmocka_unit_test(test_default_directory),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
