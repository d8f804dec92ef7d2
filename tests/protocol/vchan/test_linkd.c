/*
 * Two vchan-linkd on a socketpair in the place of the virtio port, with programs at both ends: many
 * channels, half-closes, lost programs, and either vchan-linkd killed and started again in the
 * middle. The test holds the socketpair, so that a new one finds in it what the old one left.
 *
 *     test-linkd VCHAN-LINKD VCHAN-TEST-PEER
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/child.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "base/socket.h"
#include "base/text.h"
#include "programs.h"
#include "vchan/link_frame.h"
#include "vchan/link_local.h"

#define PATIENCE_MS 60000
#define QUBE "5"

enum side {
	HOST,
	QUBE_SIDE,
};

static const char *linkd_program, *peer_program;
static char directory[] = "/tmp/test-linkd.XXXXXX";
static int port[2]; /* by enum side */
static pid_t linkd[2];

static char *
root_of(enum side side)
{
	return text_format("%s/%s", directory, side == HOST ? "host" : "qube");
}

static char *
socket_of(enum side side)
{
	return text_format("%s/%s", directory,
		side == HOST ? "host/run/vchan/link." QUBE : "qube/run/vchan/link");
}

/* Waits until a descriptor is readable. */
static void
await(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
}

static pid_t
start(enum side side, const char *const *argv, const struct child_fd *fds, size_t fd_count)
{
	AUTO_FREE char *root = root_of(side);

	/* The confined one cannot trace itself to look for leaks. */
	setenv("ASAN_OPTIONS", side == HOST ? "detect_leaks=0" : "", 1);
	setenv("BULKHEAD_ROOT", root, 1);
	return program_start(argv, fds, fd_count);
}

/* Starts one end and returns when programs can connect to it. */
static void
start_linkd(enum side side)
{
	const char *const host_argv[] = {linkd_program, "--host", QUBE, "--name", "work",
		"--port-fd", "3", "--listening-fd", "4", NULL};
	const char *const qube_argv[] = {
		linkd_program, "--qube", "--port-fd", "3", "--listening-fd", "4", NULL};
	int listening[2];
	char byte;

	assert_int_equal(pipe(listening), 0);
	const struct child_fd fds[] = {{port[side], 3}, {listening[1], 4}, {2, 2}};
	linkd[side] = start(side, side == HOST ? host_argv : qube_argv, fds, 3);
	close(listening[1]);
	await(listening[0]);
	assert_int_equal(read(listening[0], &byte, 1), 1);
	assert_int_equal(byte, '\n');
	close(listening[0]);
}

static int
wait_for(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void
kill_linkd(enum side side)
{
	kill(linkd[side], SIGKILL);
	wait_for(linkd[side]);
}

/* vchan-test-peer with the given words behind "-d DOMAIN". */
static pid_t
start_peer(enum side side, const char *what, const char *mode, const char *options)
{
	AUTO_FREE char *command = text_format("exec %s %s %s -d %s -t 60 %s", peer_program, what,
		mode, side == HOST ? QUBE : "0", options);
	const char *const argv[] = {"sh", "-c", command, NULL};
	const struct child_fd fds[] = {{1, 1}, {2, 2}};

	return start(side, argv, fds, 2);
}

static void
run_pair(enum side server_side, const char *mode, const char *ports, int count, const char *options)
{
	AUTO_FREE char *server_options = text_format("-p %s -r %d", ports, count);
	AUTO_FREE char *client_options = text_format("-p %s %s", ports, options);
	pid_t server = start_peer(server_side, "serve", mode, server_options);
	pid_t client = start_peer(!server_side, "call", mode, client_options);

	assert_int_equal(wait_for(client), 0);
	assert_int_equal(wait_for(server), 0);
}

static int
set_up(void **state)
{
	if (socket_pair(port) < 0)
		return -1;
	fd_set_nonblocking(port[0], 1);
	fd_set_nonblocking(port[1], 1);
	start_linkd(HOST);
	start_linkd(QUBE_SIDE);
	return 0;
}

static int
tear_down(void **state)
{
	for (int side = 0; side < 2; side++) {
		kill(linkd[side], SIGTERM);
		/* Anything else is a crash, or a leak. */
		if (wait_for(linkd[side]) != 0)
			return -1;
		close(port[side]);
	}
	return 0;
}

static void
test_many_channels_one_stalled(void **state)
{
	run_pair(QUBE_SIDE, "echo", "513-712", 200, "-b 300000 -s 600");
	run_pair(HOST, "echo", "513-712", 200, "-b 300000 -s 600");
}

static void
test_each_direction_alone(void **state)
{
	run_pair(QUBE_SIDE, "sink", "512-530", 19, "-b 1000000");
	run_pair(QUBE_SIDE, "source", "512-530", 19, "-b 1000000");
	run_pair(HOST, "sink", "512-530", 19, "-b 1000000");
	run_pair(HOST, "source", "512-530", 19, "-b 1000000");
	run_pair(HOST, "sink", "768", 1, "-b 1");
	run_pair(HOST, "echo", "768", 1, "-b 0");
}

/* A program that dies takes its channels with it, and no other. */
static void
test_killed_programs(void **state)
{
	for (int i = 0; i < 4; i++) {
		enum side server_side = i % 2 == 0 ? HOST : QUBE_SIDE;
		pid_t server = start_peer(server_side, "serve", "echo", "-p 513-540");
		pid_t client = start_peer(!server_side, "call", "echo", "-p 513-540 -b 100000000");

		usleep(50000);
		kill(i < 2 ? server : client, SIGKILL);
		if (i < 2) {
			assert_int_equal(wait_for(client), 1); /* tells that it was cut off */
		} else {
			wait_for(client);
			kill(server, SIGKILL);
		}
		wait_for(server);
		/* The ports can be used again at once. */
		run_pair(server_side, "echo", "513-540", 28, "-b 10000");
	}
}

static void
check_restart_of(enum side killed)
{
	pid_t waiting_client, waiting_server, server, client;

	/* These wait for their other ends over the restart. */
	waiting_client = start_peer(!killed, "call", "echo", "-p 700 -b 1000");
	waiting_server = start_peer(!killed, "serve", "sink", "-p 701 -r 1");
	server = start_peer(killed, "serve", "echo", "-p 513-540");
	client = start_peer(!killed, "call", "echo", "-p 513-540 -b 100000000");
	usleep(400000); /* to be in the middle: all have begun, and none is done */
	kill_linkd(killed);
	/* Data may still come from the other end now, and fill the pipe. */
	usleep(20000);
	start_linkd(killed);
	/* Those that were joined learn of it. */
	assert_int_equal(wait_for(client), 1);
	kill(server, SIGKILL);
	wait_for(server);
	run_pair(killed, "echo", "513-560", 48, "-b 100000");
	/* Those that waited are joined. */
	pid_t late_server = start_peer(killed, "serve", "echo", "-p 700 -r 1");
	pid_t late_client = start_peer(killed, "call", "sink", "-p 701 -b 1000");
	assert_int_equal(wait_for(waiting_client), 0);
	assert_int_equal(wait_for(waiting_server), 0);
	assert_int_equal(wait_for(late_server), 0);
	assert_int_equal(wait_for(late_client), 0);
}

static void
test_qube_restarted(void **state)
{
	for (int i = 0; i < 3; i++)
		check_restart_of(QUBE_SIDE);
}

static void
test_host_restarted(void **state)
{
	for (int i = 0; i < 3; i++)
		check_restart_of(HOST);
}

/* A client that waits while its own vchan-linkd is replaced asks the new one. */
static void
test_waiting_program_follows_its_linkd(void **state)
{
	pid_t client = start_peer(QUBE_SIDE, "call", "echo", "-p 700 -b 1000");

	usleep(50000);
	kill_linkd(QUBE_SIDE);
	start_linkd(QUBE_SIDE);
	pid_t server = start_peer(HOST, "serve", "echo", "-p 700 -r 1");
	assert_int_equal(wait_for(client), 0);
	assert_int_equal(wait_for(server), 0);
}

/* Local requests */

static int
connect_local(enum side side)
{
	AUTO_FREE char *path = socket_of(side);
	int fd = socket_connect(path, NULL);

	assert_true(fd >= 0);
	return fd;
}

static int
ask(enum side side, const struct link_local_request *request)
{
	AUTO_BUF struct buf b;
	int fd = connect_local(side);

	buf_init(&b, LINK_LOCAL_REQUEST_BYTES);
	assert_int_equal(link_local_put_request(&b, request), 0);
	assert_int_equal(buf_write_fd(&b, fd), LINK_LOCAL_REQUEST_BYTES);
	return fd;
}

static void
assert_reply(int fd, enum link_local_status expected)
{
	enum link_local_status status;
	AUTO_BUF struct buf b;

	buf_init(&b, LINK_LOCAL_REPLY_BYTES);
	await(fd);
	assert_int_equal(buf_read_fd(&b, fd, LINK_LOCAL_REPLY_BYTES), LINK_LOCAL_REPLY_BYTES);
	assert_int_equal(link_local_get_reply(&b, &status), 0);
	assert_int_equal(status, expected);
}

static void
assert_closed(int fd)
{
	char byte;

	await(fd);
	assert_true(read(fd, &byte, 1) <= 0);
	close(fd);
}

static void
assert_refused(enum side side, const struct link_local_request *request)
{
	int fd = ask(side, request);

	assert_reply(fd, LINK_LOCAL_REFUSED);
	assert_closed(fd);
}

static void
test_requests_that_are_refused(void **state)
{
	const struct link_local_request good = {.server = true,
		.own_domain = LINK_LOCAL_DOMAIN_SELF,
		.peer_domain = 5,
		.port = 513};
	struct link_local_request r;

	r = good;
	r.port = 511;
	assert_refused(HOST, &r);
	r.port = 769;
	assert_refused(HOST, &r);
	r = good;
	r.peer_domain = 6; /* not the qube of this link */
	assert_refused(HOST, &r);
	r = good;
	r.own_domain = 5; /* the qube's own number */
	assert_refused(HOST, &r);
	r = good;
	r.own_domain = 7; /* only the host stands for others */
	assert_refused(QUBE_SIDE, &r);
	r = good;
	r.server = false; /* a channel of the qube to itself */
	assert_refused(QUBE_SIDE, &r);
}

static void
test_malformed_requests(void **state)
{
	char bytes[LINK_LOCAL_REQUEST_BYTES];
	int silent[100], fd;

	memset(bytes, 'x', sizeof(bytes));
	fd = connect_local(HOST);
	assert_int_equal(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
	assert_closed(fd);
	fd = connect_local(HOST);
	assert_int_equal(write(fd, bytes, 5), 5);
	close(fd);
	/* Those who say nothing are in nobody's way. */
	for (size_t i = 0; i < 100; i++)
		silent[i] = connect_local(HOST);
	run_pair(HOST, "echo", "513-520", 8, "-b 1000");
	for (size_t i = 0; i < 100; i++)
		close(silent[i]);
}

static void
test_newest_server_replaces(void **state)
{
	const struct link_local_request server = {.server = true,
		.own_domain = LINK_LOCAL_DOMAIN_SELF,
		.peer_domain = 5,
		.port = 640};
	const struct link_local_request client = {
		.own_domain = LINK_LOCAL_DOMAIN_SELF, .peer_domain = 0, .port = 640};
	int old = ask(HOST, &server), new = ask(HOST, &server);
	char byte = 'b';

	assert_reply(old, LINK_LOCAL_REPLACED);
	assert_closed(old);
	int fd = ask(QUBE_SIDE, &client);
	assert_reply(fd, LINK_LOCAL_JOINED);
	assert_reply(new, LINK_LOCAL_JOINED);
	assert_int_equal(write(fd, &byte, 1), 1);
	await(new);
	assert_int_equal(read(new, &byte, 1), 1);
	/* Half-closed one way, bytes still go the other. */
	shutdown(fd, SHUT_WR);
	await(new);
	assert_int_equal(read(new, &byte, 1), 0);
	assert_int_equal(write(new, "c", 1), 1);
	await(fd);
	assert_int_equal(read(fd, &byte, 1), 1);
	assert_int_equal(byte, 'c');
	close(new);
	assert_closed(fd);
}

/* The host may stand for another qube: the address is the whole triple. */
static void
test_host_stands_for_another_qube(void **state)
{
	const struct link_local_request server = {.server = true,
		.own_domain = LINK_LOCAL_DOMAIN_SELF,
		.peer_domain = 9,
		.port = 641};
	const struct link_local_request as_host = {
		.own_domain = LINK_LOCAL_DOMAIN_SELF, .peer_domain = 5, .port = 641};
	const struct link_local_request as_other = {.own_domain = 9, .peer_domain = 5, .port = 641};
	int listening = ask(QUBE_SIDE, &server);
	int wrong = ask(HOST, &as_host);
	int right = ask(HOST, &as_other);

	assert_reply(right, LINK_LOCAL_JOINED);
	assert_reply(listening, LINK_LOCAL_JOINED);
	struct pollfd p = {.fd = wrong, .events = POLLIN};
	assert_int_equal(poll(&p, 1, 50), 0); /* still waits for its own server */
	close(wrong);
	close(right);
	assert_closed(listening);
}

/* A host's end that is not one: it is told once, and tried again later. */
static void
test_hostile_bytes_on_the_port(void **state)
{
	char garbage[4096];
	int status;

	kill_linkd(QUBE_SIDE);
	for (size_t i = 0; i < sizeof(garbage); i++)
		garbage[i] = (char)(i * 31 + 7);
	for (int i = 0; i < 50; i++) {
		ssize_t count = write(port[QUBE_SIDE], garbage, sizeof(garbage));

		assert_true(count > 0 || errno == EAGAIN);
	}
	start_linkd(QUBE_SIDE);
	run_pair(HOST, "echo", "513-520", 8, "-b 100000");
	assert_int_equal(waitpid(linkd[HOST], &status, WNOHANG), 0);
}

/* Reads what an end says when it starts, as QEMU would pass it to the qube. */
static void
assert_greeting(int fd)
{
	static uint8_t bytes[LINK_PREAMBLE_BYTES + LINK_HELLO_BYTES];
	size_t received = 0;

	while (received < sizeof(bytes)) {
		await(fd);
		ssize_t count = read(fd, bytes + received, sizeof(bytes) - received);
		assert_true(count > 0);
		received += (size_t)count;
	}
	assert_memory_equal(bytes + LINK_PREAMBLE_BYTES, "Bulkhead-link\r\n", 15);
}

/* QEMU comes late, closes the connection, and is there again: also for one that is confined. */
static void
test_port_socket_comes_and_goes(void **state)
{
	AUTO_FREE char *path = text_format("%s/qemu", directory);
	const char *const argv[] = {linkd_program, "--host", QUBE, "--port-socket", path, NULL};
	const struct child_fd fds[] = {{2, 2}};
	pid_t pid = start(HOST, argv, fds, 1);
	int listening = -1, fd;

	for (int i = 0; i < 3; i++) {
		if (i != 1) {
			if (listening >= 0)
				close(listening);
			listening = socket_listen(path, 0600, NULL);
		}
		await(listening);
		fd = accept(listening, NULL, NULL);
		assert_true(fd >= 0);
		assert_greeting(fd);
		close(fd);
	}
	close(listening);
	kill(pid, SIGTERM);
	assert_int_equal(wait_for(pid), 0);
}

static int
make_directory(void **state)
{
	setenv("VCHAN_TRANSPORT", "link", 1);
	unsetenv("VCHAN_SOCKET_DIR");
	unsetenv("VCHAN_DOMAIN");
	return mkdtemp(directory) != NULL ? 0 : -1;
}

static int
remove_directory(void **state)
{
	return remove_tree(directory, NULL);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(test_many_channels_one_stalled),
		TEST(test_each_direction_alone),
		TEST(test_killed_programs),
		TEST(test_qube_restarted),
		TEST(test_host_restarted),
		TEST(test_waiting_program_follows_its_linkd),
		TEST(test_requests_that_are_refused),
		TEST(test_malformed_requests),
		TEST(test_newest_server_replaces),
		TEST(test_host_stands_for_another_qube),
		TEST(test_hostile_bytes_on_the_port),
		cmocka_unit_test(test_port_socket_comes_and_goes),
	};

	if (argc != 3)
		return 2;
	linkd_program = argv[1];
	peer_program = argv[2];
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
