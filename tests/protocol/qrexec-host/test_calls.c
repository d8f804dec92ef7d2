/*
 * Whole calls: qrexec-client, qrexec-daemon and qrexec-agent, as processes of this host. Ports
 * reused at once, 256 calls at a time, and the violent end of each of the three.
 */
#include "harness.h"

#include <assert.h>
#include <fcntl.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/child.h"
#include "base/cleanup.h"

#define LOOP_CALLS 400
#define AT_ONCE 256

static char *user;

static pid_t
agent_start(struct fixture *f)
{
	const char *const argv[] = {QREXEC_AGENT, NULL};
	AUTO_FREE char *configs = fixture_path(f, "rpc-config");
	AUTO_FREE char *services = fixture_path(f, "rpc");
	pid_t pid;

	setenv("QREXEC_NO_ROOT", "1", 1);
	setenv("VCHAN_DOMAIN", "11", 1);
	setenv("QREXEC_SERVICE_PATH", services, 1);
	setenv("QUBES_RPC_CONFIG_PATH", configs, 1);
	pid = process_start(f, argv, -1, -1);
	setenv("VCHAN_DOMAIN", "0", 1);
	return pid;
}

struct qube {
	pid_t daemon, agent;
};

static struct qube
qube_start(struct fixture *f)
{
	AUTO_FREE char *link = fixture_path(f, "run/qubes/qrexec.uuid:" UUID_ALPHA);
	struct qube q;

	q.agent = agent_start(f);
	q.daemon = daemon_start(f, DOMAIN_ALPHA, NULL);
	await_path(link, true);
	return q;
}

static pid_t
call_start(const char *command, int stdin_fd, int stdout_fd)
{
	AUTO_FREE char *text = NULL;
	const char *argv[] = {QREXEC_CLIENT, "-d", "alpha", NULL, NULL};
	const struct child_fd fds[] = {{stdin_fd, 0}, {stdout_fd, 1}, {2, 2}};
	struct child_config config = CHILD_CONFIG_INIT;
	AUTO_ERR struct err err = ERR_INIT;
	pid_t pid;

	assert_true(asprintf(&text, "%s:%s", user, command) > 0);
	argv[3] = text;
	config.argv = argv;
	config.fds = fds;
	config.fd_count = 3;
	config.die_with_parent = true;
	pid = child_start(&config, &err);
	if (pid < 0)
		fail_msg("%s", err_message(&err));
	return pid;
}

static int
call(struct fixture *f, const char *command)
{
	AUTO_FD int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	return process_wait(f, call_start(command, null_fd, null_fd));
}

static void
test_exit_codes(void **state)
{
	struct fixture *f = *state;

	qube_start(f);
	assert_int_equal(call(f, "true"), 0);
	assert_int_equal(call(f, "exit 42"), 42);
	assert_int_equal(call(f, "kill -9 $$"), 137);
	assert_int_equal(call(f, "QUBESRPC test.Missing dom0"), 127);
	assert_int_equal(call(f, "QUBESRPC  dom0"), 125);
}

static void
test_streams(void **state)
{
	struct fixture *f = *state;
	int in[2], out[2];
	pid_t pid;

	fixture_script(f, "rpc/test.Echo",
		"#!/bin/sh\necho \"$QREXEC_SERVICE_FULL_NAME $1 $QREXEC_REMOTE_DOMAIN\"\ncat\n");
	qube_start(f);
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	pid = call_start("QUBESRPC test.Echo+arg dom0", in[0], out[1]);
	close(in[0]);
	close(out[1]);
	expect_bytes(out[0], "test.Echo+arg arg dom0\n", 23);
	assert_int_equal(write(in[1], "through\n", 8), 8);
	expect_bytes(out[0], "through\n", 8);
	close(in[1]);
	expect_end(out[0]);
	assert_int_equal(process_wait(f, pid), 0);
	close(out[0]);
}

/* stdin is at its end before the call begins, and every call gets the port of the one before. */
static void
test_ports_reused(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	AUTO_FREE char *link = fixture_path(f, "rpc/test.Nothing");

	fixture_script(f, "rpc/x", "x");
	assert_int_equal(symlink("/bin/true", link), 0);
	qube_start(f);
	for (int i = 0; i < LOOP_CALLS; i++)
		assert_int_equal(call(f, "QUBESRPC test.Nothing dom0"), 0);
	assert_int_equal(lstat(link, &st), 0);
}

static void
test_256_at_once(void **state)
{
	struct fixture *f = *state;
	AUTO_FD int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	AUTO_FREE char *gate = fixture_path(f, "gate");
	AUTO_FREE char *command = NULL;
	pid_t pids[AT_ONCE];
	int out[2];

	assert_int_equal(mkfifo(gate, 0600), 0);
	assert_true(asprintf(&command, "echo; read x <%s; exit 3", gate) > 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	qube_start(f);
	for (int i = 0; i < AT_ONCE; i++)
		pids[i] = call_start(command, null_fd, out[1]);
	close(out[1]);
	for (int i = 0; i < AT_ONCE; i++)
		expect_bytes(out[0], "\n", 1);
	/* All of them run now: there is no port left. */
	assert_int_equal(call(f, "true"), 125);
	{
		int fd = open(gate, O_RDWR | O_CLOEXEC);
		char lines[AT_ONCE];

		memset(lines, '\n', sizeof(lines));
		assert_int_equal(write(fd, lines, sizeof(lines)), sizeof(lines));
		for (int i = 0; i < AT_ONCE; i++)
			assert_int_equal(process_wait(f, pids[i]), 3);
		close(fd);
	}
	close(out[0]);
	assert_int_equal(call(f, "true"), 0);
}

/* The command's output is there before whatever is killed; returns the client. */
static pid_t
running_call(int *ret_output)
{
	AUTO_FD int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	int out[2];
	pid_t pid;

	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	pid = call_start("echo; exec sleep 1000", null_fd, out[1]);
	close(out[1]);
	expect_bytes(out[0], "\n", 1);
	*ret_output = out[0];
	return pid;
}

/* The data channel does not need the daemon: the call lives on; a new daemon serves new ones. */
static void
test_daemon_killed(void **state)
{
	struct fixture *f = *state;
	AUTO_FD int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	AUTO_FREE char *gate = fixture_path(f, "gate");
	AUTO_FREE char *command = NULL;
	struct qube q = qube_start(f);
	int out[2], fd;
	pid_t pid;

	assert_int_equal(mkfifo(gate, 0600), 0);
	assert_true(asprintf(&command, "echo; read x <%s; echo; exit 3", gate) > 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	pid = call_start(command, null_fd, out[1]);
	close(out[1]);
	expect_bytes(out[0], "\n", 1);
	kill(q.daemon, SIGKILL);
	process_wait(f, q.daemon);
	fd = open(gate, O_RDWR | O_CLOEXEC);
	assert_int_equal(write(fd, "\n", 1), 1);
	expect_bytes(out[0], "\n", 1);
	assert_int_equal(process_wait(f, pid), 3);
	close(fd);
	close(out[0]);
	assert_int_equal(call(f, "true"), 125);
	daemon_start(f, DOMAIN_ALPHA, NULL);
	for (int status = 125; status != 0;) {
		usleep(20000);
		status = call(f, "true");
	}
}

static void
test_client_killed(void **state)
{
	struct fixture *f = *state;
	int output;
	pid_t pid;

	qube_start(f);
	for (int i = 0; i < 20; i++) {
		pid = running_call(&output);
		kill(pid, SIGKILL);
		assert_int_equal(process_wait(f, pid), 128 + SIGKILL);
		close(output);
	}
	assert_int_equal(call(f, "true"), 0);
}

static void
test_agent_killed(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *link = fixture_path(f, "run/qubes/qrexec.uuid:" UUID_ALPHA);
	struct qube q = qube_start(f);

	kill(q.agent, SIGKILL);
	process_wait(f, q.agent);
	await_path(link, false);
	assert_int_equal(call(f, "true"), 125);
	agent_start(f);
	await_path(link, true);
	assert_int_equal(call(f, "exit 4"), 4);
}

/* Clients that are killed at any moment of their life take no port with them for good. */
static void
test_clients_killed_early(void **state)
{
	struct fixture *f = *state;
	AUTO_FD int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	qube_start(f);
	for (int i = 0; i < 100; i++) {
		pid_t pid = call_start("true", null_fd, null_fd);

		usleep((useconds_t)(i * 37 % 4000));
		kill(pid, SIGKILL);
		process_wait(f, pid);
	}
	assert_int_equal(call(f, "exit 6"), 6);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_exit_codes),
		TEST(test_streams),
		TEST(test_ports_reused),
		TEST(test_256_at_once),
		TEST(test_daemon_killed),
		TEST(test_client_killed),
		TEST(test_agent_killed),
		TEST(test_clients_killed_early),
	};
	const struct passwd *self = getpwuid(geteuid());

	assert(self != NULL);
	user = strdup(self->pw_name);
	return cmocka_run_group_tests_name("qrexec calls", tests, NULL, NULL);
}
