/*
 * Calls between two qubes: whole ones, with agents and qrexec-client-vm as processes of this host
 * and channels of the unix transport, and the ends of one that never met its other end.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"

#define AT_ONCE 64

/* A policy that lets every call go to the qube that was asked for. */
static char *
policy_option(struct fixture *f)
{
	AUTO_FREE char *program = fixture_path(f, "policy");
	char *option = NULL;

	fixture_script(f, "policy",
		"#!/bin/sh\n"
		"printf 'result=allow\\nuser=DEFAULT\\ntarget=%%s\\nautostart=False\\n"
		"requested_target=%%s\\n' \"$3\" \"$3\"\n");
	assert_true(asprintf(&option, "--policy-program=%s", program) > 0);
	return option;
}

static pid_t
daemon_with_policy(struct fixture *f, int domain)
{
	AUTO_FREE char *option = policy_option(f);

	return daemon_start(f, domain, option, NULL);
}

static pid_t
real_agent(struct fixture *f, int domain)
{
	AUTO_FREE char *socket = fixture_path(f, "agent.%d", domain);
	AUTO_FREE char *services = fixture_path(f, "rpc");
	const char *const argv[] = {QREXEC_AGENT, "-a", socket, NULL};
	AUTO_FREE char *number = NULL;
	pid_t pid;

	assert_true(asprintf(&number, "%d", domain) > 0);
	setenv("QREXEC_NO_ROOT", "1", 1);
	setenv("QREXEC_SERVICE_PATH", services, 1);
	setenv("VCHAN_DOMAIN", number, 1);
	pid = process_start(f, argv, -1, -1);
	setenv("VCHAN_DOMAIN", "0", 1);
	return pid;
}

static void
start_both(struct fixture *f)
{
	AUTO_FREE char *alpha = fixture_path(f, "run/qubes/qrexec.alpha");
	AUTO_FREE char *beta = fixture_path(f, "run/qubes/qrexec.beta");

	fixture_script(f, "rpc/test.Echo",
		"#!/bin/sh\necho \"$QREXEC_SERVICE_FULL_NAME $QREXEC_REMOTE_DOMAIN\"\ncat\nexit "
		"7\n");
	real_agent(f, DOMAIN_ALPHA);
	real_agent(f, DOMAIN_BETA);
	daemon_with_policy(f, DOMAIN_ALPHA);
	daemon_with_policy(f, DOMAIN_BETA);
	await_path(alpha, true);
	await_path(beta, true);
}

static pid_t
call_from(struct fixture *f, int domain, const char *target, const char *service, int in, int out)
{
	AUTO_FREE char *socket = fixture_path(f, "agent.%d", domain);
	const char *const argv[] = {QREXEC_CLIENT_VM, "-a", socket, target, service, NULL};
	AUTO_FREE char *number = NULL;
	pid_t pid;

	assert_true(asprintf(&number, "%d", domain) > 0);
	setenv("VCHAN_DOMAIN", number, 1);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (dup2(in, 0) < 0 || dup2(out, 1) < 0)
			_exit(99);
		execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(99);
	}
	setenv("VCHAN_DOMAIN", "0", 1);
	return pid;
}

static void
read_all(int fd, char *text, size_t size)
{
	size_t length = 0;
	ssize_t count;

	while ((count = read(fd, text + length, size - 1 - length)) > 0)
		length += (size_t)count;
	text[length] = '\0';
}

static void
test_whole_call(void **state)
{
	struct fixture *f = *state;
	int in[2], out[2];
	char text[256];
	pid_t pid;

	start_both(f);
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	pid = call_from(f, DOMAIN_ALPHA, "beta", "test.Echo+a+b", in[0], out[1]);
	close(in[0]);
	close(out[1]);
	assert_int_equal(write(in[1], "hello\n", 6), 6);
	close(in[1]);
	read_all(out[0], text, sizeof(text));
	close(out[0]);
	assert_string_equal(text, "test.Echo+a+b alpha\nhello\n");
	assert_int_equal(process_wait(f, pid), 7);
}

static void
test_many_both_ways(void **state)
{
	struct fixture *f = *state;
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid_t pids[AT_ONCE];

	start_both(f);
	for (int i = 0; i < AT_ONCE; i++)
		pids[i] =
			i % 2 == 0
				? call_from(f, DOMAIN_ALPHA, "beta", "test.Echo", null_fd, null_fd)
				: call_from(f, DOMAIN_BETA, "alpha", "test.Echo", null_fd, null_fd);
	for (int i = 0; i < AT_ONCE; i++)
		assert_int_equal(process_wait(f, pids[i]), 7);
	close(null_fd);
}

/* The other end is absent for good: the one that waits is met, and hung up on. */
static void
expect_hangup(struct fixture *f, int server, int client, int port)
{
	int fd = vchan_connect_raw(f, server, client, port);

	expect_end(fd);
	close(fd);
}

/* What the agent said so far was acted upon: the answer to this came after it. */
static void
settle(int agent, const char *own_name)
{
	send_trigger(agent, own_name, "SETTLE", "test.Info");
	expect_refused(agent, "SETTLE");
}

static void
test_client_killed_before_it_serves(void **state)
{
	struct fixture *f = *state;
	int agent, client, status;
	uint32_t port;
	pid_t pid;

	daemon_start(f, DOMAIN_ALPHA, NULL);
	agent = agent_connect(f, DOMAIN_ALPHA);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		client = client_connect_to(f, "11");
		send_params(client, QREXEC_EXEC_CMDLINE, 0, 0, "u:c");
		expect_params(client, QREXEC_EXEC_CMDLINE, DOMAIN_ALPHA, NULL);
		_exit(0);
	}
	port = expect_params(agent, QREXEC_EXEC_CMDLINE, 0, "u:c");
	assert_int_equal(waitpid(pid, &status, 0), pid);
	expect_hangup(f, 0, DOMAIN_ALPHA, (int)port);
	send_params(agent, QREXEC_CONNECTION_TERMINATED, 0, port, NULL);
	settle(agent, "alpha");
	client = client_connect_to(f, "11");
	send_params(client, QREXEC_EXEC_CMDLINE, 0, 0, "u:c");
	assert_int_equal(expect_params(client, QREXEC_EXEC_CMDLINE, DOMAIN_ALPHA, NULL), port);
	close(client);
	close(agent);
}

/* A client that closes its connection and lives may still serve: it is left alone. */
static void
test_client_that_lives_is_left_alone(void **state)
{
	struct fixture *f = *state;
	int agent, client, listener, channel;
	uint32_t port;

	daemon_start(f, DOMAIN_ALPHA, NULL);
	agent = agent_connect(f, DOMAIN_ALPHA);
	client = client_connect_to(f, "11");
	send_params(client, QREXEC_EXEC_CMDLINE, 0, 0, "u:c");
	port = expect_params(client, QREXEC_EXEC_CMDLINE, DOMAIN_ALPHA, NULL);
	close(client);
	usleep(800000);
	listener = vchan_listen_raw(f, 0, DOMAIN_ALPHA, (int)port);
	channel = vchan_connect_raw(f, 0, DOMAIN_ALPHA, (int)port);
	expect_silence(channel);
	close(channel);
	close(listener);
	close(agent);
}

/* alpha's agent has a call accepted by beta; returns the port. */
static uint32_t
accepted_call(int alpha, int beta)
{
	struct frame frame;
	uint32_t port;

	send_trigger(alpha, "beta", "SOCKET1", "test.Info");
	port = expect_params(
		beta, QREXEC_EXEC_CMDLINE, DOMAIN_ALPHA, "nobody:QUBESRPC test.Info+ alpha");
	receive_frame(alpha, &frame);
	assert_int_equal(frame.type, QREXEC_SERVICE_CONNECT);
	return port;
}

static void
test_caller_leaves_early(void **state)
{
	struct fixture *f = *state;
	int alpha, beta;
	uint32_t port;

	daemon_with_policy(f, DOMAIN_ALPHA);
	daemon_with_policy(f, DOMAIN_BETA);
	alpha = agent_connect(f, DOMAIN_ALPHA);
	beta = agent_connect(f, DOMAIN_BETA);
	port = accepted_call(alpha, beta);
	send_params(alpha, QREXEC_CONNECTION_TERMINATED, DOMAIN_BETA, port, NULL);
	expect_hangup(f, DOMAIN_ALPHA, DOMAIN_BETA, (int)port);
	send_params(beta, QREXEC_CONNECTION_TERMINATED, DOMAIN_ALPHA, port, NULL);
	settle(beta, "beta");
	assert_int_equal(accepted_call(alpha, beta), port);
	close(alpha);
	close(beta);
}

/* The target's end of a call is told first, its port given out again, then the caller's end told.
 */
static void
test_port_is_reused_before_the_caller_leaves(void **state)
{
	struct fixture *f = *state;
	int alpha, beta, listener, channel;
	uint32_t port;

	daemon_with_policy(f, DOMAIN_ALPHA);
	daemon_with_policy(f, DOMAIN_BETA);
	alpha = agent_connect(f, DOMAIN_ALPHA);
	beta = agent_connect(f, DOMAIN_BETA);
	port = accepted_call(alpha, beta);
	send_params(beta, QREXEC_CONNECTION_TERMINATED, DOMAIN_ALPHA, port, NULL);
	settle(beta, "beta");
	assert_int_equal(accepted_call(alpha, beta), port);
	send_params(alpha, QREXEC_CONNECTION_TERMINATED, DOMAIN_BETA, port, NULL);
	usleep(800000);
	listener = vchan_listen_raw(f, DOMAIN_ALPHA, DOMAIN_BETA, (int)port);
	channel = vchan_connect_raw(f, DOMAIN_ALPHA, DOMAIN_BETA, (int)port);
	expect_silence(channel);
	close(channel);
	close(listener);
	/* The second caller leaves, too: now it is that call's. */
	send_params(alpha, QREXEC_CONNECTION_TERMINATED, DOMAIN_BETA, port, NULL);
	expect_hangup(f, DOMAIN_ALPHA, DOMAIN_BETA, (int)port);
	close(alpha);
	close(beta);
}

static void
test_daemon_of_caller_killed(void **state)
{
	struct fixture *f = *state;
	pid_t pid = daemon_with_policy(f, DOMAIN_ALPHA);
	int alpha, beta;
	uint32_t port;

	daemon_with_policy(f, DOMAIN_BETA);
	alpha = agent_connect(f, DOMAIN_ALPHA);
	beta = agent_connect(f, DOMAIN_BETA);
	port = accepted_call(alpha, beta);
	kill(pid, SIGKILL);
	process_wait(f, pid);
	expect_hangup(f, DOMAIN_ALPHA, DOMAIN_BETA, (int)port);
	/* The agent's reader went with the daemon. */
	expect_end(alpha);
	close(alpha);
	close(beta);
}

/* The first child of a process. */
static pid_t
child_of(pid_t pid)
{
	AUTO_FREE char *path = NULL;
	AUTO_FILE FILE *file = NULL;
	int child = 0;

	assert_true(asprintf(&path, "/proc/%d/task/%d/children", (int)pid, (int)pid) > 0);
	file = fopen(path, "re");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%d", &child), 1);
	return child;
}

static void
test_reader_killed(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *path = fixture_path(f, "run/qubes/qrexec.11");
	pid_t pid = daemon_start(f, DOMAIN_ALPHA, NULL);
	int agent = agent_connect(f, DOMAIN_ALPHA);

	kill(child_of(pid), SIGKILL);
	expect_end(agent);
	close(agent);
	await_path(path, false);
	agent = agent_connect(f, DOMAIN_ALPHA);
	send_trigger(agent, "beta", "SOCKET1", "test.Info");
	expect_refused(agent, "SOCKET1");
	assert_true(process_alive(pid));
	close(agent);
}

/* Seccomp, no new privileges, no capability; as another user where that can be. */
static void
test_reader_is_confined(void **state)
{
	struct fixture *f = *state;
	bool is_root = geteuid() == 0;
	pid_t pid = daemon_start(f, DOMAIN_ALPHA, is_root ? "--reader-uid=12345" : "-q", NULL);
	int agent = agent_connect(f, DOMAIN_ALPHA), confined = 0;
	AUTO_FREE char *path = NULL;
	AUTO_FILE FILE *file = NULL;
	char line[256];

	assert_true(asprintf(&path, "/proc/%d/status", (int)child_of(pid)) > 0);
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		confined += strcmp(line, "Seccomp:\t2\n") == 0;
		confined += strcmp(line, "NoNewPrivs:\t1\n") == 0;
		confined += strcmp(line, "CapEff:\t0000000000000000\n") == 0;
		confined += strcmp(line, "Uid:\t12345\t12345\t12345\t12345\n") == 0;
	}
	assert_int_equal(confined, is_root ? 4 : 3);
	close(agent);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_whole_call),
		TEST(test_many_both_ways),
		TEST(test_client_killed_before_it_serves),
		TEST(test_client_that_lives_is_left_alone),
		TEST(test_caller_leaves_early),
		TEST(test_port_is_reused_before_the_caller_leaves),
		TEST(test_daemon_of_caller_killed),
		TEST(test_reader_killed),
		TEST(test_reader_is_confined),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
