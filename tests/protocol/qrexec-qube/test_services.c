/*
 * Services behind sockets, configuration of services, waiting for a session, and the fork server:
 * with the real agent and the real fork server.
 */
#include "harness.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct outcome outcome;

/* Starts a call of a socket service and gives both the caller's and the service's end. */
static int
call_socket(struct qube *q, int listen_fd, const char *rest, int *ret_service)
{
	int fd = call_start(q, QREXEC_EXEC_CMDLINE, own(q, rest));

	*ret_service = accept_one(listen_fd);
	return fd;
}

static void
unix_services_get_descriptor_and_input(void **state)
{
	struct qube *q = *state;
	int listen_fd = unix_listen(qube_path(q, "rpc/test.Socket"));
	int fd, service;

	agent_up(q);
	fd = call_socket(q, listen_fd, "QUBESRPC test.Socket+a work", &service);
	expect_bytes(service, "test.Socket+a work", 19);
	expect_frame(fd, QREXEC_DATA_STDERR, "", 0);
	send_text(fd, QREXEC_DATA_STDIN, "in");
	expect_bytes(service, "in", 2);
	send_bytes(service, "out", 3);
	expect_frame(fd, QREXEC_DATA_STDOUT, "out", 3);
	send_text(fd, QREXEC_DATA_STDIN, "");
	expect_end(service); /* our half of it */
	send_bytes(service, "more", 4);
	expect_frame(fd, QREXEC_DATA_STDOUT, "more", 4);
	close(service);
	expect_frame(fd, QREXEC_DATA_STDOUT, "", 0);
	expect_frame(fd, QREXEC_DATA_EXIT_CODE, "\0\0\0", 4);
	expect_end(fd);
	close(fd);
	expect_terminated(q, 7, 513);

	/* Sent exactly as received, whatever the words are. */
	fd = call_socket(q, listen_fd, "QUBESRPC test.Socket work keyword adminvm", &service);
	expect_bytes(service, "test.Socket work keyword adminvm", 33);
	close(service);
	expect_frame(fd, QREXEC_DATA_STDERR, "", 0);
	expect_frame(fd, QREXEC_DATA_STDOUT, "", 0);
	expect_silence(fd); /* the client's end is still to come */
	send_text(fd, QREXEC_DATA_STDIN, "");
	expect_frame(fd, QREXEC_DATA_EXIT_CODE, "\0\0\0", 4);
	expect_end(fd);
	close(fd);
	close(listen_fd);
}

static void
options_of_socket_services(void **state)
{
	struct qube *q = *state;
	int listen_fd = unix_listen(qube_path(q, "rpc/test.Socket"));
	int fd, service;

	agent_up(q);
	qube_config(q, "test.Socket+skip", "skip-service-descriptor = true\n");
	fd = call_socket(q, listen_fd, "QUBESRPC test.Socket+skip work", &service);
	send_text(fd, QREXEC_DATA_STDIN, "first");
	expect_bytes(service, "first", 5);
	close(service);
	close(fd);
	expect_terminated(q, 7, 513);

	qube_config(q, "test.Socket+service", "exit-on-service-eof = true\n");
	fd = call_socket(q, listen_fd, "QUBESRPC test.Socket+service work", &service);
	close(service);
	collect(fd, &outcome);
	expect_outcome(&outcome, 0, "", "");
	close(fd);
	expect_terminated(q, 7, 513);

	qube_config(q, "test.Socket+client", "exit-on-client-eof = true\n");
	fd = call_socket(q, listen_fd, "QUBESRPC test.Socket+client work", &service);
	send_text(fd, QREXEC_DATA_STDIN, "");
	collect(fd, &outcome);
	expect_outcome(&outcome, 0, "", "");
	close(service);
	close(fd);
	close(listen_fd);
}

static void
a_socket_nobody_listens_on(void **state)
{
	struct qube *q = *state;

	close(unix_listen(qube_path(q, "rpc/test.Dead")));
	agent_up(q);
	call_run(q, own(q, "QUBESRPC test.Dead work"), &outcome);
	expect_outcome(&outcome, 125, "", "");
}

static void
tcp_services(void **state)
{
	struct qube *q = *state;
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof(address);
	int listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char rest[128];
	int fd, service;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(listen_fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listen_fd, 5), 0);
	assert_int_equal(getsockname(listen_fd, (struct sockaddr *)&address, &size), 0);
	assert_int_equal(symlink("/dev/tcp/127.0.0.1", qube_path(q, "rpc/test.Tcp")), 0);
	agent_up(q);
	snprintf(rest, sizeof(rest), "QUBESRPC test.Tcp+%d work", ntohs(address.sin_port));
	fd = call_socket(q, listen_fd, rest, &service);
	expect_bytes(service, rest + 9, strlen(rest + 9) + 1);
	send_bytes(service, "hi", 2);
	close(service);
	send_text(fd, QREXEC_DATA_STDIN, "");
	collect(fd, &outcome);
	expect_outcome(&outcome, 0, "hi", "");
	close(fd);
	close(listen_fd);
	expect_terminated(q, 7, 513);
	call_run(q, own(q, "QUBESRPC test.Tcp+0x50 work"), &outcome);
	expect_outcome(&outcome, 125, "", "");
	call_run(q, own(q, "QUBESRPC test.Tcp work"), &outcome);
	expect_outcome(&outcome, 125, "", "");
}

static void
bad_configuration_fails_the_call(void **state)
{
	struct qube *q = *state;
	char *user;

	agent_up(q);
	qube_service(q, "test.Svc", "#!/bin/sh\necho ran\n");
	qube_config(q, "test.Svc", "oops\n");
	call_run(q, own(q, "QUBESRPC test.Svc work"), &outcome);
	expect_outcome(&outcome, 125, "", "");
	qube_config(q, "test.Svc", "force-user = ''\n");
	call_run(q, own(q, "QUBESRPC test.Svc work"), &outcome);
	expect_outcome(&outcome, 125, "", "");
	qube_config(q, "test.Svc", "force-user = 'no-such-user-here'\n");
	call_run(q, own(q, "QUBESRPC test.Svc work"), &outcome);
	expect_outcome(&outcome, 125, "", "");

	user = strdup(q->user);
	char text[128];
	snprintf(text, sizeof(text), "force-user = '%s'\nexit-on-client-eof = false\n", user);
	free(user);
	qube_config(q, "test.Svc", text);
	call_run(q, "no-such-user-here:QUBESRPC test.Svc work", &outcome);
	expect_outcome(&outcome, 0, "ran\n", "");
	/* Options of sockets do not disturb a program. */
	qube_config(q, "test.Svc", "skip-service-descriptor = true\nunknown = 5\n");
	call_run(q, own(q, "QUBESRPC test.Svc work"), &outcome);
	expect_outcome(&outcome, 0, "ran\n", "");
}

/* The waiter writes its user, then waits until the test lets it end. */
static void
calls_wait_for_their_session(void **state)
{
	struct qube *q = *state;
	char expected[128], *log;
	int first, second, other;

	agent_up(q);
	log = strdup(qube_path(q, "log"));
	setenv("TEST_LOG", log, 1);
	kill(q->agent, SIGTERM);
	await_exit(q->agent);
	close(q->control);
	agent_up(q);
	qube_service(q, "qubes.WaitForSession",
		"#!/bin/sh\n"
		"read user; echo \"waits for $user\" >>$TEST_LOG\n"
		"while [ ! -e $TEST_LOG.go ]; do sleep 0.02; done\n"
		"exit 1\n");
	qube_service(q, "test.Svc", "#!/bin/sh\ncat $TEST_LOG; echo ran\n");
	qube_config(q, "test.Svc", "wait-for-session = 1\n");
	qube_service(q, "test.Other", "#!/bin/sh\necho other\n");

	int listen_one = call_listen(q, 7, 513);
	int listen_two = call_listen(q, 7, 514);
	const char *command = own(q, "QUBESRPC test.Svc work");

	send_params(q->control, QREXEC_EXEC_CMDLINE, 7, 513, command, strlen(command) + 1);
	send_params(q->control, QREXEC_EXEC_CMDLINE, 7, 514, command, strlen(command) + 1);
	expect_silence(listen_one);
	other = call_start_at(
		q, QREXEC_EXEC_CMDLINE, 7, 515, 4, own(q, "QUBESRPC test.Other work"));
	collect(other, &outcome);
	expect_outcome(&outcome, 0, "other\n", "");
	close(other);
	expect_terminated(q, 7, 515);
	other = call_start_at(
		q, QREXEC_EXEC_CMDLINE, 7, 515, 4, own(q, "nogui:QUBESRPC test.Svc work"));
	collect(other, &outcome);
	assert_int_equal(outcome.code, 0);
	close(other);
	expect_terminated(q, 7, 515);

	qube_file(q, "log.go", 0644, "");
	snprintf(expected, sizeof(expected), "waits for %s\nran\n", q->user);
	first = accept_one(listen_one);
	expect_frame(first, QREXEC_HELLO, "\4\0\0", 4);
	send_u32(first, QREXEC_HELLO, 4);
	collect(first, &outcome);
	expect_outcome(&outcome, 0, expected, "");
	second = accept_one(listen_two);
	expect_frame(second, QREXEC_HELLO, "\4\0\0", 4);
	send_u32(second, QREXEC_HELLO, 4);
	collect(second, &outcome);
	expect_outcome(&outcome, 0, expected, "");
	close(first);
	close(second);
	close(listen_one);
	close(listen_two);
	unsetenv("TEST_LOG");
	free(log);
}

static void
without_a_waiter_calls_start_at_once(void **state)
{
	struct qube *q = *state;

	agent_up(q);
	qube_service(q, "test.Svc", "#!/bin/sh\necho ran\n");
	qube_config(q, "test.Svc", "wait-for-session = true\n");
	call_run(q, own(q, "QUBESRPC test.Svc work"), &outcome);
	expect_outcome(&outcome, 0, "ran\n", "");
}

/* ---- fork server ---- */

static pid_t
fork_server_start(const struct qube *q, const char *path)
{
	const char *argv[] = {QREXEC_FORK_SERVER, path, NULL};
	pid_t pid;

	setenv("TEST_SESSION", "inside", 1);
	pid = start(argv, NULL);
	unsetenv("TEST_SESSION");
	close(unix_connect(path));
	return pid;
}

static void
the_session_carries_calls_for_its_user(void **state)
{
	struct qube *q = *state;
	char pattern[128], path[256];
	pid_t server;

	snprintf(pattern, sizeof(pattern), "%s", qube_path(q, "fs.%%s.sock"));
	snprintf(path, sizeof(path), "%s", qube_path(q, "fs.%s.sock", q->user));
	server = fork_server_start(q, path);
	agent_start(q, "-s", pattern, NULL);
	control_connect(q);
	control_hello(q, 4);
	call_run(q, own(q, "echo \"$TEST_SESSION\"; echo e >&2; exit 3"), &outcome);
	expect_outcome(&outcome, 3, "inside\n", "e\n");
	qube_service(q, "test.Svc", "#!/bin/sh\necho \"$TEST_SESSION $1 $QREXEC_REMOTE_DOMAIN\"\n");
	call_run(q, own(q, "QUBESRPC test.Svc+arg work"), &outcome);
	expect_outcome(&outcome, 0, "inside arg work\n", "");
	call_run(q, own(q, "QUBESRPC test.None work"), &outcome);
	expect_outcome(&outcome, 127, "", "");

	/* What has to be done from outside: no session wanted, options, not parsable. */
	call_run(q, own(q, "nogui:echo \"outside $TEST_SESSION\""), &outcome);
	expect_outcome(&outcome, 0, "outside \n", "");
	qube_config(q, "test.Svc", "skip-service-descriptor = true\n");
	call_run(q, own(q, "QUBESRPC test.Svc work"), &outcome);
	expect_outcome(&outcome, 0, "  work\n", "");
	call_run(q, own(q, "QUBESRPC bad"), &outcome);
	expect_outcome(&outcome, 125, "", "");

	/* Gone: the agent starts programs itself. */
	kill(server, SIGTERM);
	assert_int_equal(await_exit(server), 0);
	call_run(q, own(q, "echo \"outside $TEST_SESSION\""), &outcome);
	expect_outcome(&outcome, 0, "outside \n", "");
}

static void
send_fork_request(int fd, uint32_t type, int port, const char *command, uint32_t size)
{
	uint32_t header[4] = {type, 7, (uint32_t)port, size};

	send_bytes(fd, header, sizeof(header));
	send_bytes(fd, command, size);
}

static void
requests_to_the_fork_server(void **state)
{
	struct qube *q = *state;
	const char *path = qube_path(q, "fs.sock");
	pid_t server = fork_server_start(q, path);
	int listen_fd = call_listen(q, 7, 513);
	int request = unix_connect(path);
	int fd, bad;

	/* In pieces; and while one stalls others are served. */
	int stalled = unix_connect(path);
	send_bytes(stalled, "\0\2", 2);
	uint32_t header[4] = {QREXEC_EXEC_CMDLINE, 7, 513, 9};
	send_slowly(request, header, sizeof(header));
	send_slowly(request, "echo out", 9);
	fd = accept_one(listen_fd);
	expect_frame(fd, QREXEC_HELLO, "\4\0\0", 4);
	expect_silence(request);
	send_u32(fd, QREXEC_HELLO, 4);
	collect(fd, &outcome);
	expect_outcome(&outcome, 0, "out\n", "");
	close(fd);
	expect_end(request); /* the end of the call */
	close(request);
	close(stalled);

	bad = unix_connect(path);
	send_fork_request(bad, QREXEC_EXEC_CMDLINE, 513, "", 0);
	expect_end(bad);
	close(bad);
	bad = unix_connect(path);
	send_fork_request(bad, QREXEC_EXEC_CMDLINE, 513, "abc", 3);
	expect_end(bad);
	close(bad);
	bad = unix_connect(path);
	send_fork_request(bad, QREXEC_EXEC_CMDLINE, 513, "a\0c", 4);
	expect_end(bad);
	close(bad);
	bad = unix_connect(path);
	send_fork_request(bad, QREXEC_SERVICE_CONNECT, 513, "ab", 3);
	expect_end(bad);
	close(bad);
	bad = unix_connect(path);
	send_bytes(bad, "\0\2\0\0\7\0\0\0\1\2\0\0\xff\xff\xff\xff", 16);
	expect_end(bad);
	close(bad);
	close(listen_fd);
	kill(server, SIGTERM);
	assert_int_equal(await_exit(server), 0);
	assert_int_equal(access(path, F_OK), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, qube_setup, qube_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(unix_services_get_descriptor_and_input),
		TEST(options_of_socket_services),
		TEST(a_socket_nobody_listens_on),
		TEST(tcp_services),
		TEST(bad_configuration_fails_the_call),
		TEST(calls_wait_for_their_session),
		TEST(without_a_waiter_calls_start_at_once),
		TEST(the_session_carries_calls_for_its_user),
		TEST(requests_to_the_fork_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
