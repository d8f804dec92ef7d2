/* qrexec-daemon with an agent and clients of raw bytes: what must work, and the agent's restart. */
#include "harness.h"

#include <endian.h>
#include <fcntl.h>
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

#include "base/cleanup.h"

static void
test_names(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *socket = fixture_path(f, "run/qubes/qrexec.11");
	AUTO_FREE char *by_name = fixture_path(f, "run/qubes/qrexec.alpha");
	AUTO_FREE char *by_uuid = fixture_path(f, "run/qubes/qrexec.uuid:" UUID_ALPHA);
	char target[64] = {0};
	struct stat st;
	int listener = agent_listen(f, DOMAIN_ALPHA);
	pid_t pid = daemon_start(f, DOMAIN_ALPHA, NULL);
	int agent = agent_accept(listener);

	/* Not before the agent has spoken. */
	expect_silence(agent);
	assert_int_not_equal(lstat(socket, &st), 0);
	agent_hello(agent, 4);
	await_path(by_uuid, true);
	assert_int_equal(lstat(socket, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0777);
	assert_true(readlink(by_name, target, sizeof(target)) == strlen("qrexec.11"));
	assert_string_equal(target, "qrexec.11");
	assert_true(readlink(by_uuid, target, sizeof(target)) == strlen("qrexec.11"));
	close(client_connect_to(f, "11"));
	close(client_connect_to(f, "alpha"));
	close(client_connect_to(f, "uuid:" UUID_ALPHA));

	kill(pid, SIGTERM);
	assert_int_equal(process_wait(f, pid), 0);
	await_path(socket, false);
	await_path(by_name, false);
	await_path(by_uuid, false);
	expect_end(agent);
	close(agent);
}

static void
test_hello_versions(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *socket = fixture_path(f, "run/qubes/qrexec.11");
	const uint32_t versions[] = {2, 3, 4, 7, UINT32_MAX};

	daemon_start(f, DOMAIN_ALPHA, NULL);
	for (size_t i = 0; i < 5; i++) {
		int agent = agent_accept(agent_listen(f, DOMAIN_ALPHA));

		agent_hello(agent, versions[i]);
		await_path(socket, true);
		close(agent);
		await_path(socket, false);
	}
}

/* Spec 2.6: the answer comes first, then the agent hears of it; nothing is changed on the way. */
static void
test_exec(void **state)
{
	struct fixture *f = *state;
	int agent, client;
	uint32_t port;

	daemon_start(f, DOMAIN_ALPHA, NULL);
	agent = agent_connect(f, DOMAIN_ALPHA);

	client = client_connect_to(f, "11");
	send_params(client, QREXEC_JUST_EXEC, 0, 0, "user:echo Hello world");
	port = expect_params(client, QREXEC_JUST_EXEC, DOMAIN_ALPHA, NULL);
	assert_int_equal(port, 513);
	assert_int_equal(expect_params(agent, QREXEC_JUST_EXEC, 0, "user:echo Hello world"), port);
	expect_silence(client);
	send_params(agent, QREXEC_CONNECTION_TERMINATED, 0, port, NULL);
	expect_end(client);
	close(client);
	close(agent);
}

static void
test_default_user(void **state)
{
	struct fixture *f = *state;
	const char *const commands[][2] = {
		{"DEFAULT:ls", "nobody:ls"},
		{"DEFAULT:", "nobody:"},
		{"DEFAULTX:ls", "DEFAULTX:ls"},
		{"default:ls", "default:ls"},
		{" DEFAULT:ls", " DEFAULT:ls"},
		{"DEFAULT:QUBESRPC a+ b", "nobody:QUBESRPC a+ b"},
	};
	int agent;

	daemon_start(f, DOMAIN_ALPHA, NULL);
	agent = agent_connect(f, DOMAIN_ALPHA);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		int client = client_connect_to(f, "11");

		send_params(client, QREXEC_EXEC_CMDLINE, 0, 0, commands[i][0]);
		expect_params(client, QREXEC_EXEC_CMDLINE, DOMAIN_ALPHA, NULL);
		expect_params(agent, QREXEC_EXEC_CMDLINE, 0, commands[i][1]);
		close(client);
	}
	close(agent);
}

static int
exec_for(const struct fixture *f, int agent, uint32_t domain, uint32_t expected_port)
{
	int client = client_connect_to(f, "11");

	send_params(client, QREXEC_EXEC_CMDLINE, domain, 0, "u:c");
	assert_int_equal(
		expect_params(client, QREXEC_EXEC_CMDLINE, DOMAIN_ALPHA, NULL), expected_port);
	assert_int_equal(expect_params(agent, QREXEC_EXEC_CMDLINE, domain, "u:c"), expected_port);
	return client;
}

static void
test_ports(void **state)
{
	struct fixture *f = *state;
	int agent, first, second, third;

	daemon_start(f, DOMAIN_ALPHA, NULL);
	agent = agent_connect(f, DOMAIN_ALPHA);
	first = exec_for(f, agent, 12, 514);
	second = exec_for(f, agent, 13, 516);
	third = exec_for(f, agent, 7, 513);
	/* Not those of another, nor those that are not taken. */
	send_params(agent, QREXEC_CONNECTION_TERMINATED, 13, 514, NULL);
	send_params(agent, QREXEC_CONNECTION_TERMINATED, 12, 515, NULL);
	expect_silence(first);
	send_params(agent, QREXEC_CONNECTION_TERMINATED, 12, 514, NULL);
	expect_end(first);
	expect_silence(second);
	close(first);
	first = exec_for(f, agent, 12, 514);
	/* A client that leaves does not free its port. */
	close(third);
	close(exec_for(f, agent, 7, 515));
	close(first);
	close(second);
	close(agent);
}

static void
test_256_calls(void **state)
{
	struct fixture *f = *state;
	int clients[QREXEC_PORT_COUNT], more, agent;
	pid_t pid = daemon_start(f, DOMAIN_ALPHA, NULL);

	agent = agent_connect(f, DOMAIN_ALPHA);
	for (int i = 0; i < QREXEC_PORT_COUNT; i++)
		clients[i] = exec_for(f, agent, 0, 513 + (uint32_t)i);
	more = client_connect_to(f, "11");
	send_params(more, QREXEC_EXEC_CMDLINE, 0, 0, "u:c");
	expect_end(more);
	close(more);
	send_params(agent, QREXEC_CONNECTION_TERMINATED, 0, 600, NULL);
	expect_end(clients[600 - 513]);
	close(clients[600 - 513]);
	clients[600 - 513] = exec_for(f, agent, 0, 600);
	for (int i = 0; i < QREXEC_PORT_COUNT; i++)
		send_params(agent, QREXEC_CONNECTION_TERMINATED, 0, 513 + (uint32_t)i, NULL);
	for (int i = 0; i < QREXEC_PORT_COUNT; i++) {
		expect_end(clients[i]);
		close(clients[i]);
	}
	close(exec_for(f, agent, 0, 513));
	assert_true(process_alive(pid));
	close(agent);
}

static void
test_own_port_is_forwarded(void **state)
{
	struct fixture *f = *state;
	int agent, client;

	daemon_start(f, DOMAIN_ALPHA, NULL);
	agent = agent_connect(f, DOMAIN_ALPHA);
	client = client_connect_to(f, "11");
	send_params(client, QREXEC_EXEC_CMDLINE, 12, 700, "DEFAULT:c");
	assert_int_equal(expect_params(agent, QREXEC_EXEC_CMDLINE, 12, "nobody:c"), 700);
	expect_silence(client);
	send_bytes(client, "x", 1);
	expect_end(client);
	close(client);
	close(agent);
}

/* A larger number in a client's HELLO is fine; a request may come with it in one piece. */
static void
test_client_in_pieces(void **state)
{
	struct fixture *f = *state;
	uint8_t bytes[64];
	size_t size = from_hex("00030000 04000000 63000000 00020000 0c000000 00000000 00000000"
			       "753a6300",
		bytes);
	int agent, client;

	daemon_start(f, DOMAIN_ALPHA, NULL);
	agent = agent_connect(f, DOMAIN_ALPHA);
	client = local_connect_to(f, "alpha");
	send_bytes(client, bytes, size);
	expect_hello(client, 3);
	expect_params(client, QREXEC_EXEC_CMDLINE, DOMAIN_ALPHA, NULL);
	expect_params(agent, QREXEC_EXEC_CMDLINE, 0, "u:c");
	close(client);

	client = local_connect_to(f, "alpha");
	for (size_t i = 0; i < size; i++) {
		send_bytes(client, bytes + i, 1);
		if (i % 7 == 0)
			usleep(1000);
	}
	expect_hello(client, 3);
	expect_params(client, QREXEC_EXEC_CMDLINE, DOMAIN_ALPHA, NULL);
	expect_params(agent, QREXEC_EXEC_CMDLINE, 0, "u:c");
	close(client);
	close(agent);
}

static void
test_agent_restart(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *socket = fixture_path(f, "run/qubes/qrexec.11");
	AUTO_FREE char *link = fixture_path(f, "run/qubes/qrexec.alpha");
	int agent, client, idle;

	daemon_start(f, DOMAIN_ALPHA, NULL);
	agent = agent_connect(f, DOMAIN_ALPHA);
	client = exec_for(f, agent, 0, 513);
	idle = client_connect_to(f, "11");
	close(agent);
	expect_end(client);
	expect_end(idle);
	close(client);
	close(idle);
	await_path(socket, false);
	await_path(link, false);

	/* The old call may live on: its port stays taken, and its end is still believed. */
	agent = agent_connect(f, DOMAIN_ALPHA);
	close(exec_for(f, agent, 0, 514));
	send_params(agent, QREXEC_CONNECTION_TERMINATED, 0, 513, NULL);
	send_params(agent, QREXEC_CONNECTION_TERMINATED, 0, 514, NULL);
	/* Once this is answered, both ends have been heard. */
	send_trigger(agent, "beta", "SOCKET1", "test.Info");
	expect_refused(agent, "SOCKET1");
	close(exec_for(f, agent, 0, 513));
	close(agent);
}

static void
test_stop_without_agent(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *socket = fixture_path(f, "run/qubes/qrexec.11");
	pid_t pid = daemon_start(f, DOMAIN_ALPHA, NULL);
	int agent = agent_connect(f, DOMAIN_ALPHA);

	close(agent);
	await_path(socket, false);
	kill(pid, SIGTERM);
	assert_int_equal(process_wait(f, pid), 0);
}

/* An agent that does not read: nobody else is held up, nothing is lost or out of order. */
static void
test_agent_that_does_not_read(void **state)
{
	struct fixture *f = *state;
	enum { CLIENTS = 40, COMMAND_BYTES = 60000 };
	static char command[COMMAND_BYTES + 1];
	int clients[CLIENTS], agent, idle;
	bool seen[CLIENTS] = {false};
	struct frame *frame = calloc(1, sizeof(*frame));
	pid_t pid = daemon_start(f, DOMAIN_ALPHA, NULL);

	agent = agent_connect(f, DOMAIN_ALPHA);
	for (int i = 0; i < CLIENTS; i++) {
		memset(command, 'a' + i % 26, COMMAND_BYTES);
		memcpy(command, "u:", 2);
		snprintf(command + 2, 8, "%03d", i);
		command[5] = ' ';
		clients[i] = client_connect_to(f, "11");
		send_params(clients[i], QREXEC_EXEC_CMDLINE, 0, 0, command);
	}
	idle = client_connect_to(f, "11");
	expect_silence(idle);
	assert_true(process_alive(pid));

	for (int i = 0; i < CLIENTS; i++) {
		char digits[4] = {0};
		long number;

		receive_frame(agent, frame);
		assert_int_equal(frame->type, QREXEC_EXEC_CMDLINE);
		assert_int_equal(frame->length, 8 + COMMAND_BYTES + 1);
		memcpy(digits, frame->body + 10, 3);
		number = strtol(digits, NULL, 10);
		assert_in_range(number, 0, CLIENTS - 1);
		assert_false(seen[number]);
		seen[number] = true;
		assert_int_equal(frame->body[8 + COMMAND_BYTES - 1], 'a' + number % 26);
		expect_params(clients[number], QREXEC_EXEC_CMDLINE, DOMAIN_ALPHA, NULL);
	}
	for (int i = 0; i < CLIENTS; i++)
		close(clients[i]);
	close(idle);
	close(agent);
	free(frame);
}

static void
test_stop_while_agent_does_not_read(void **state)
{
	struct fixture *f = *state;
	static char command[60001];
	int clients[20], agent;
	pid_t pid = daemon_start(f, DOMAIN_ALPHA, NULL);

	agent = agent_connect(f, DOMAIN_ALPHA);
	memset(command, 'x', sizeof(command) - 1);
	for (int i = 0; i < 20; i++) {
		clients[i] = client_connect_to(f, "11");
		send_params(clients[i], QREXEC_EXEC_CMDLINE, 0, 0, command);
	}
	kill(pid, SIGTERM);
	assert_int_equal(process_wait(f, pid), 0);
	for (int i = 0; i < 20; i++)
		close(clients[i]);
	close(agent);
}

/* A daemon that was killed leaves its names; its successor takes them over. */
static void
test_killed_daemon(void **state)
{
	struct fixture *f = *state;
	int agent, client;
	pid_t pid = daemon_start(f, DOMAIN_ALPHA, NULL);

	agent = agent_connect(f, DOMAIN_ALPHA);
	client = exec_for(f, agent, 0, 513);
	kill(pid, SIGKILL);
	assert_int_equal(process_wait(f, pid), 128 + SIGKILL);
	expect_end(client);
	expect_end(agent);
	close(client);
	close(agent);
	daemon_start(f, DOMAIN_ALPHA, NULL);
	agent = agent_accept(agent_listen(f, DOMAIN_ALPHA));
	agent_hello(agent, 4);
	for (int i = 0; i < 2; i++) {
		close(client_connect_to(f, "alpha"));
		close(client_connect_to(f, "11"));
	}
	close(agent);
}

/* The names of a newer daemon of the same qube are not removed by the older one's end. */
static void
test_names_taken_over(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *link = fixture_path(f, "run/qubes/qrexec.alpha");
	AUTO_FREE char *socket = fixture_path(f, "run/qubes/qrexec.11");
	char target[64] = {0};
	pid_t pid = daemon_start(f, DOMAIN_ALPHA, NULL);
	int agent = agent_connect(f, DOMAIN_ALPHA);

	assert_int_equal(unlink(link), 0);
	assert_int_equal(symlink("qrexec.99", link), 0);
	kill(pid, SIGTERM);
	assert_int_equal(process_wait(f, pid), 0);
	await_path(socket, false);
	assert_true(readlink(link, target, sizeof(target)) > 0);
	assert_string_equal(target, "qrexec.99");
	close(agent);
}

static int
start_status(struct fixture *f, const char *option, int ready_write_fd)
{
	char ready[32];
	const char *const argv[] = {QREXEC_DAEMON, "-q", option, "--uuid=" UUID_ALPHA, "11",
		"alpha", ready_write_fd >= 0 ? ready : NULL, NULL};

	snprintf(ready, sizeof(ready), "--ready-fd=%d", ready_write_fd);
	return process_start(f, argv, -1, -1);
}

static void
test_startup_timeout(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *log = fixture_path(f, "var/log/qubes/qrexec.alpha.log");
	struct stat st;

	fixture_script(f, "var/log/qubes/x", "x");
	setenv("QREXEC_STARTUP_TIMEOUT", "1", 1);
	assert_int_equal(process_wait(f, start_status(f, "-q", -1)), 3);
	assert_int_equal(process_wait(f, start_status(f, "-D", -1)), 3);
	unsetenv("QREXEC_STARTUP_TIMEOUT");
	assert_int_equal(stat(log, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
}

/* In the background: status 0 when connected; it then ends with its domain's... with SIGTERM. */
static void
test_background(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *socket = fixture_path(f, "run/qubes/qrexec.11");
	int agent, listener;
	pid_t parent;

	fixture_script(f, "var/log/qubes/x", "x");
	listener = agent_listen(f, DOMAIN_ALPHA);
	parent = start_status(f, "-q", -1);
	agent = agent_accept(listener);
	assert_true(process_alive(parent));
	agent_hello(agent, 4);
	assert_int_equal(process_wait(f, parent), 0);
	close(client_connect_to(f, "alpha"));

	/* The daemon itself is nobody's child now: found by what it holds. */
	{
		struct ucred peer = {0};
		socklen_t size = sizeof(peer);
		int client = local_connect_to(f, "alpha");

		assert_int_equal(getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &size), 0);
		assert_true(peer.pid > 1);
		kill(peer.pid, SIGTERM);
		close(client);
	}
	await_path(socket, false);
	close(agent);
}

static void
test_failing_start(void **state)
{
	struct fixture *f = *state;
	const char *const no_uuid[] = {QREXEC_DAEMON, "-D", "11", "alpha", NULL};
	int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	/* No directory for the log. */
	assert_int_equal(process_wait(f, start_status(f, "-q", -1)), 1);
	assert_int_equal(process_wait(f, process_start(f, no_uuid, -1, null_fd)), 1);
	close(null_fd);
}

static void
test_ready_fd(void **state)
{
	struct fixture *f = *state;
	int ends[2], agent, listener = agent_listen(f, DOMAIN_ALPHA);
	const char *const argv[] = {"/bin/sh", "-c",
		"exec " QREXEC_DAEMON " -D --ready-fd=5 --uuid=" UUID_ALPHA " 11 alpha 5>&1", NULL};

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	process_start(f, argv, -1, ends[1]);
	close(ends[1]);
	agent = agent_accept(listener);
	expect_silence(ends[0]);
	agent_hello(agent, 4);
	expect_bytes(ends[0], "\n", 1);
	close(ends[0]);
	close(agent);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_names),
		TEST(test_hello_versions),
		TEST(test_exec),
		TEST(test_default_user),
		TEST(test_ports),
		TEST(test_256_calls),
		TEST(test_own_port_is_forwarded),
		TEST(test_client_in_pieces),
		TEST(test_agent_restart),
		TEST(test_stop_without_agent),
		TEST(test_agent_that_does_not_read),
		TEST(test_stop_while_agent_does_not_read),
		TEST(test_killed_daemon),
		TEST(test_names_taken_over),
		TEST(test_startup_timeout),
		TEST(test_background),
		TEST(test_failing_start),
		TEST(test_ready_fd),
	};

	return cmocka_run_group_tests_name("qrexec-daemon", tests, NULL, NULL);
}
