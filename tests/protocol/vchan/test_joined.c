/*
 * Channels between two qubes: two vchan-linkd on the host and one in each of two qubes, joined by
 * socketpairs in the place of virtio ports. What the host grants, and nothing else, is joined.
 *
 *     test-joined VCHAN-LINKD VCHAN-TEST-PEER
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
#include <unistd.h>

#include <cmocka.h>

#include "base/child.h"
#include "base/cleanup.h"
#include "base/loop.h"
#include "base/path.h"
#include "base/socket.h"
#include "base/text.h"
#include "programs.h"
#include "vchan/link_grant.h"
#include "vchan/link_local.h"

#define PATIENCE_MS 60000
#define PORT_MIN 513
#define CALLS 64

enum qube {
	ALPHA,
	BETA,
};

static const uint32_t domains[2] = {5, 6};
static const char *linkd_program, *peer_program;
static char directory[] = "/tmp/test-joined.XXXXXX";
static int port[2][2];           /* by enum qube; the host's end, the qube's end */
static pid_t host[2], inside[2]; /* their vchan-linkd */
static struct loop *loop;
static struct link_join *joins[CALLS];
static int results[CALLS]; /* 1: none yet */

static void
use_root(const char *name)
{
	AUTO_FREE char *root = text_format("%s/%s", directory, name);

	setenv("BULKHEAD_ROOT", root, 1);
}

static const char *
root_name(enum qube q)
{
	return q == ALPHA ? "alpha" : "beta";
}

static void
await(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
}

static void
await_line(int fd)
{
	char byte;

	await(fd);
	assert_int_equal(read(fd, &byte, 1), 1);
	close(fd);
}

/* Returns when programs can connect to it; `ready` is then readable once its peer has answered. */
static pid_t
start_linkd(enum qube q, bool on_host, int *ret_ready)
{
	AUTO_FREE char *domain = text_format("%u", domains[q]);
	const char *const host_argv[] = {linkd_program, "--host", domain, "--name", root_name(q),
		"--port-fd", "3", "--listening-fd", "4", "--ready-fd", "5", NULL};
	const char *const qube_argv[] = {linkd_program, "--qube", "--port-fd", "3",
		"--listening-fd", "4", "--ready-fd", "5", NULL};
	int listening[2], ready[2];
	pid_t pid;

	assert_int_equal(pipe(listening), 0);
	assert_int_equal(pipe(ready), 0);
	const struct child_fd fds[] = {
		{port[q][on_host ? 0 : 1], 3}, {listening[1], 4}, {ready[1], 5}, {2, 2}};
	use_root(on_host ? "host" : root_name(q));
	/* The confined one cannot trace itself to look for leaks. */
	setenv("ASAN_OPTIONS", on_host ? "detect_leaks=0" : "", 1);
	pid = program_start(on_host ? host_argv : qube_argv, fds, 4);
	close(listening[1]);
	close(ready[1]);
	await_line(listening[0]);
	*ret_ready = ready[0];
	return pid;
}

static int
wait_for(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static pid_t
start_peer(enum qube q, const char *what, const char *mode, const char *options)
{
	AUTO_FREE char *command = text_format(
		"exec %s %s %s -d %u -t 60 %s", peer_program, what, mode, domains[!q], options);
	const char *const argv[] = {"sh", "-c", command, NULL};
	const struct child_fd fds[] = {{1, 1}, {2, 2}};

	use_root(root_name(q));
	setenv("ASAN_OPTIONS", "", 1);
	return program_start(argv, fds, 2);
}

/* Grants */

static void
handle_joined(struct link_join *join, int result, void *data)
{
	*(int *)data = result;
	(void)join;
}

static void
grant(int index, enum qube server)
{
	use_root("host");
	results[index] = 1;
	joins[index] = link_join_create(loop, domains[server], domains[!server],
		(uint32_t)(PORT_MIN + index), handle_joined, &results[index]);
	assert_non_null(joins[index]);
}

static void
grant_all(enum qube server)
{
	for (int i = 0; i < CALLS; i++)
		grant(i, server);
}

static void
revoke_all(void)
{
	for (int i = 0; i < CALLS; i++) {
		link_join_destroy(joins[i]);
		joins[i] = NULL;
	}
}

static void
await_results(int count)
{
	for (int i = 0; i < count; i++) {
		while (results[i] == 1)
			assert_true(loop_step(loop, PATIENCE_MS) > 0);
	}
}

static int
set_up(void **state)
{
	int ready[4];

	for (int q = 0; q < 2; q++) {
		if (socket_pair(port[q]) < 0)
			return -1;
		fd_set_nonblocking(port[q][0], 1);
		fd_set_nonblocking(port[q][1], 1);
		host[q] = start_linkd(q, true, &ready[q]);
		inside[q] = start_linkd(q, false, &ready[2 + q]);
	}
	for (int i = 0; i < 4; i++)
		await_line(ready[i]);
	loop = loop_create();
	return loop != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	bool clean = true;

	revoke_all();
	loop_destroy(loop);
	for (int q = 0; q < 2; q++) {
		kill(host[q], SIGTERM);
		kill(inside[q], SIGTERM);
		clean &= wait_for(host[q]) == 0;
		clean &= wait_for(inside[q]) == 0;
		close(port[q][0]);
		close(port[q][1]);
	}
	return clean ? 0 : -1;
}

/* Calls over all the ports, with the grants made before, in between or after. */
static void
run_calls(enum qube server_side, const char *mode, const char *options, int granted_when)
{
	AUTO_FREE char *client_options = text_format("-p 513-576 %s", options);
	pid_t server, client;

	if (granted_when == 0)
		grant_all(server_side);
	server = start_peer(server_side, "serve", mode, "-p 513-576 -r 64");
	if (granted_when == 1)
		grant_all(server_side);
	client = start_peer(!server_side, "call", mode, client_options);
	if (granted_when == 2) {
		usleep(50000); /* for the requests to be there; nothing depends on it */
		grant_all(server_side);
	}
	assert_int_equal(wait_for(client), 0);
	assert_int_equal(wait_for(server), 0);
	await_results(CALLS);
	for (int i = 0; i < CALLS; i++)
		assert_int_equal(results[i], 0);
	revoke_all();
}

static void
test_in_any_order(void **state)
{
	for (int when = 0; when < 3; when++) {
		run_calls(ALPHA, "echo", "-b 20000", when);
		run_calls(BETA, "echo", "-b 20000", when);
	}
}

static void
test_one_stalled(void **state)
{
	run_calls(ALPHA, "echo", "-b 1000000 -s 540", 0);
	run_calls(BETA, "echo", "-b 1000000 -s 550", 1);
}

static void
test_each_direction_alone(void **state)
{
	run_calls(ALPHA, "sink", "-b 1000000", 0);
	run_calls(ALPHA, "source", "-b 1000000", 0);
	run_calls(BETA, "sink", "-b 1000000", 0);
	run_calls(BETA, "source", "-b 1000000", 0);
}

/* Requests of our own, to look at */

static int
ask(enum qube q, bool server, uint32_t peer_domain, int channel_port)
{
	const struct link_local_request request = {.server = server,
		.own_domain = LINK_LOCAL_DOMAIN_SELF,
		.peer_domain = peer_domain,
		.port = (uint32_t)channel_port};
	AUTO_FREE char *path = text_format("%s/%s/run/vchan/link", directory, root_name(q));
	int fd = socket_connect(path, NULL);
	AUTO_BUF struct buf b;

	assert_true(fd >= 0);
	buf_init(&b, LINK_LOCAL_REQUEST_BYTES);
	assert_int_equal(link_local_put_request(&b, &request), 0);
	assert_int_equal(buf_write_fd(&b, fd), LINK_LOCAL_REQUEST_BYTES);
	return fd;
}

static void
assert_joined(int fd)
{
	enum link_local_status status;
	AUTO_BUF struct buf b;

	buf_init(&b, LINK_LOCAL_REPLY_BYTES);
	await(fd);
	assert_int_equal(buf_read_fd(&b, fd, LINK_LOCAL_REPLY_BYTES), LINK_LOCAL_REPLY_BYTES);
	assert_int_equal(link_local_get_reply(&b, &status), 0);
	assert_int_equal(status, LINK_LOCAL_JOINED);
}

static void
assert_waits(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	assert_int_equal(poll(&p, 1, 100), 0);
}

static void
test_nothing_without_a_grant(void **state)
{
	int server = ask(ALPHA, true, domains[BETA], 513);
	int client = ask(BETA, false, domains[ALPHA], 513);

	assert_waits(server);
	assert_waits(client);
	grant(1, ALPHA); /* of another port */
	grant(0, BETA);  /* of the same port, the other way round */
	assert_waits(server);
	assert_waits(client);
	link_join_destroy(joins[0]);
	grant(0, ALPHA); /* this one it is */
	assert_joined(server);
	assert_joined(client);
	await_results(1);
	/* It is used up. */
	int second_server = ask(ALPHA, true, domains[BETA], 513);
	int second_client = ask(BETA, false, domains[ALPHA], 513);
	assert_waits(second_server);
	assert_waits(second_client);
	close(second_server);
	close(second_client);
	close(server);
	close(client);
}

static void
test_revoked(void **state)
{
	int server, client;

	grant_all(ALPHA);
	revoke_all();
	usleep(500000); /* revocation has no answer, and what comes beside it may be first */
	server = ask(ALPHA, true, domains[BETA], 513);
	client = ask(BETA, false, domains[ALPHA], 513);
	assert_waits(server);
	assert_waits(client);
	close(server);
	close(client);
}

/* What one qube says before the other comes, even all it has to say, still arrives. */
static void
test_said_before_the_other_came(void **state)
{
	int server, client;
	char bytes[6] = "";

	grant(0, ALPHA);
	server = ask(ALPHA, true, domains[BETA], 513);
	assert_joined(server);
	assert_int_equal(write(server, "hello", 5), 5);
	close(server);
	usleep(50000);
	client = ask(BETA, false, domains[ALPHA], 513);
	assert_joined(client);
	await(client);
	assert_int_equal(read(client, bytes, 5), 5);
	assert_string_equal(bytes, "hello");
	await(client);
	assert_int_equal(read(client, bytes, 1), 0);
	close(client);
}

/* Half-closed by the one, bytes still go the other way. */
static void
test_half_closed(void **state)
{
	int server, client;
	char byte;

	grant(0, ALPHA);
	server = ask(ALPHA, true, domains[BETA], 513);
	client = ask(BETA, false, domains[ALPHA], 513);
	assert_joined(server);
	assert_joined(client);
	shutdown(client, SHUT_WR);
	await(server);
	assert_int_equal(read(server, &byte, 1), 0);
	assert_int_equal(write(server, "b", 1), 1);
	await(client);
	assert_int_equal(read(client, &byte, 1), 1);
	assert_int_equal(byte, 'b');
	close(server);
	await(client);
	assert_int_equal(read(client, &byte, 1), 0);
	close(client);
}

/* A reader that stalls fills what there is between the two and stops the writer for good. */
static void
test_stalled_reader_holds_a_bounded_amount(void **state)
{
	static char block[65536];
	int server, client;
	size_t sent = 0, received = 0;
	ssize_t count;

	grant(0, ALPHA);
	server = ask(ALPHA, true, domains[BETA], 513);
	client = ask(BETA, false, domains[ALPHA], 513);
	assert_joined(server);
	assert_joined(client);
	fd_set_nonblocking(server, 1);
	for (int idle = 0; idle < 20;) {
		count = send(server, block, sizeof(block), MSG_NOSIGNAL);
		if (count > 0) {
			sent += (size_t)count;
			idle = 0;
			continue;
		}
		assert_int_equal(errno, EAGAIN);
		usleep(10000);
		idle++;
	}
	/* Two windows, and three sockets. */
	assert_in_range(sent, 65536, 2 * 1024 * 1024);
	shutdown(server, SHUT_WR);
	while ((count = read(client, block, sizeof(block))) > 0)
		received += (size_t)count;
	assert_int_equal(received, sent);
	close(server);
	close(client);
}

static void
check_kill(pid_t *victim, enum qube q, bool on_host)
{
	int ready;
	pid_t server, client;

	grant_all(ALPHA);
	server = start_peer(ALPHA, "serve", "echo", "-p 513-576");
	client = start_peer(BETA, "call", "echo", "-p 513-576 -b 100000000");
	await_results(CALLS);
	kill(*victim, SIGKILL);
	wait_for(*victim);
	/* A grant that only the other one can take. */
	link_join_destroy(joins[0]);
	grant(0, ALPHA);
	await_results(1);
	assert_true(results[0] < 0);
	revoke_all();
	*victim = start_linkd(q, on_host, &ready);
	await_line(ready);
	assert_int_equal(wait_for(client), 1); /* tells that it was cut off */
	kill(server, SIGKILL);
	wait_for(server);
	usleep(50000); /* for the end that was there to have seen it */
	run_calls(BETA, "echo", "-b 10000", 2);
}

static void
test_killed_on_the_host(void **state)
{
	check_kill(&host[ALPHA], ALPHA, true);
	check_kill(&host[BETA], BETA, true);
}

/* What the host must not be told by anybody else, and not wrongly */

static void
assert_refused(const char *path, const struct link_local_request *request, int stream)
{
	enum link_local_status status;
	AUTO_BUF struct buf b;
	int fd = socket_connect(path, NULL);

	assert_true(fd >= 0);
	buf_init(&b, LINK_LOCAL_REQUEST_BYTES);
	assert_int_equal(link_local_put_request(&b, request), 0);
	assert_int_equal(
		socket_send_fd(fd, buf_data(&b), buf_len(&b), stream), LINK_LOCAL_REQUEST_BYTES);
	buf_clear(&b);
	await(fd);
	assert_int_equal(buf_read_fd(&b, fd, LINK_LOCAL_REPLY_BYTES), LINK_LOCAL_REPLY_BYTES);
	assert_int_equal(link_local_get_reply(&b, &status), 0);
	assert_int_equal(status, LINK_LOCAL_REFUSED);
	await(fd);
	assert_int_equal(buf_read_fd(&b, fd, 1), 0);
	close(fd);
}

static void
test_grants_that_are_refused(void **state)
{
	const struct link_local_request good = {
		.own_domain = 6, .peer_domain = 5, .port = 513, .grant = true};
	AUTO_FREE char *in_host = text_format("%s/host/run/vchan/link.5", directory);
	AUTO_FREE char *in_qube = text_format("%s/alpha/run/vchan/link", directory);
	struct link_local_request r = good;
	int fds[2], pipe_fds[2];

	assert_int_equal(socket_pair(fds), 0);
	assert_int_equal(pipe(pipe_fds), 0);
	assert_refused(in_host, &good, -1);
	assert_refused(in_host, &good, pipe_fds[0]);
	r.own_domain = 0;
	assert_refused(in_host, &r, fds[0]);
	r.own_domain = 5; /* a qube with itself */
	assert_refused(in_host, &r, fds[0]);
	r = good;
	r.peer_domain = 6; /* not the qube of this link */
	assert_refused(in_host, &r, fds[0]);
	r = good;
	r.own_domain = LINK_LOCAL_DOMAIN_SELF;
	assert_refused(in_qube, &r, fds[0]);
	for (int i = 0; i < 2; i++) {
		close(fds[i]);
		close(pipe_fds[i]);
	}
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
		TEST(test_in_any_order),
		TEST(test_one_stalled),
		TEST(test_each_direction_alone),
		TEST(test_nothing_without_a_grant),
		TEST(test_revoked),
		TEST(test_said_before_the_other_came),
		TEST(test_half_closed),
		TEST(test_stalled_reader_holds_a_bounded_amount),
		TEST(test_killed_on_the_host),
		TEST(test_grants_that_are_refused),
	};

	if (argc != 3)
		return 2;
	linkd_program = argv[1];
	peer_program = argv[2];
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
