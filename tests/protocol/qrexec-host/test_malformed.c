/*
 * qrexec-daemon against every malformed message of spec qrexec.md 2 and 9. A bad agent loses its
 * channel and nothing more; a bad client its connection.
 */
#include "harness.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The rest of a header's body is filled with this many bytes of 'a'. */
struct bad_message {
	uint32_t version;
	uint32_t type;
	uint32_t announced;
	size_t sent;
};

static const struct bad_message bad_messages[] = {
	/* types an agent never sends, or not in this version */
	{4, 0, 0, 0},
	{4, 1, 4, 4},
	{4, UINT32_MAX, 8, 8},
	{4, QREXEC_HELLO, 4, 4},
	{4, QREXEC_DATA_STDIN, 1, 1},
	{4, QREXEC_DATA_EXIT_CODE, 4, 4},
	{4, QREXEC_EXEC_CMDLINE, 12, 12},
	{4, QREXEC_JUST_EXEC, 12, 12},
	{4, QREXEC_SERVICE_CONNECT, 40, 40},
	{4, QREXEC_SERVICE_REFUSED, 32, 32},
	{4, QREXEC_TRIGGER_SERVICE, 128, 128},
	{3, QREXEC_TRIGGER_SERVICE, 128, 128},
	{3, QREXEC_TRIGGER_SERVICE4, 170, 170},
	{2, QREXEC_TRIGGER_SERVICE3, 100, 100},
	{2, QREXEC_TRIGGER_SERVICE4, 170, 170},
	/* lengths */
	{2, QREXEC_TRIGGER_SERVICE, 127, 127},
	{2, QREXEC_TRIGGER_SERVICE, 129, 0},
	{3, QREXEC_TRIGGER_SERVICE3, 0, 0},
	{3, QREXEC_TRIGGER_SERVICE3, 95, 95},
	{3, QREXEC_TRIGGER_SERVICE3, 96, 96},
	{3, QREXEC_TRIGGER_SERVICE3, 96 + 65001, 0},
	{4, QREXEC_TRIGGER_SERVICE4, 0, 0},
	{4, QREXEC_TRIGGER_SERVICE4, 160, 160},
	{4, QREXEC_TRIGGER_SERVICE4, 160 + 65001, 0},
	{4, QREXEC_TRIGGER_SERVICE4, UINT32_MAX, 0},
	{4, QREXEC_CONNECTION_TERMINATED, 0, 0},
	{4, QREXEC_CONNECTION_TERMINATED, 7, 7},
	{4, QREXEC_CONNECTION_TERMINATED, 9, 9},
	{4, QREXEC_CONNECTION_TERMINATED, UINT32_MAX, 0},
	/* a port of 0x61616161 */
	{4, QREXEC_CONNECTION_TERMINATED, 8, 8},
};

/* After a violation the daemon waits a moment before it connects again: not for each of 30. */
static void
test_bad_messages(void **state)
{
	struct fixture *f = *state;
	static uint8_t body[FRAME_MAX];

	memset(body, 'a', sizeof(body));
	for (size_t i = 0; i < COUNT(bad_messages); i++) {
		const struct bad_message *m = &bad_messages[i];
		const uint32_t header[2] = {m->type, m->announced};
		pid_t pid = daemon_start(f, DOMAIN_ALPHA, NULL);
		int agent = agent_accept(agent_listen(f, DOMAIN_ALPHA));

		agent_hello(agent, m->version);
		send_bytes(agent, header, sizeof(header));
		send_bytes(agent, body, m->sent);
		expect_end(agent);
		assert_true(process_alive(pid));
		kill(pid, SIGKILL);
		process_wait(f, pid);
		close(agent);
	}
}

static void
test_bad_port(void **state)
{
	struct fixture *f = *state;
	const uint32_t ports[] = {0, 512, 769, UINT32_MAX};

	for (size_t i = 0; i < COUNT(ports); i++) {
		pid_t pid = daemon_start(f, DOMAIN_ALPHA, NULL);
		int agent = agent_connect(f, DOMAIN_ALPHA);

		send_params(agent, QREXEC_CONNECTION_TERMINATED, 0, ports[i], NULL);
		expect_end(agent);
		kill(pid, SIGKILL);
		process_wait(f, pid);
		close(agent);
	}
}

static const char *const bad_hellos[] = {
	"00030000 04000000 00000000",
	"00030000 04000000 01000000",
	"00030000 03000000 040000",
	"00030000 08000000 04000000 00000000",
	"00030000 00000000",
	"01030000 04000000 04000000",
	"13020000 ae000000",
};

static void
test_bad_hello(void **state)
{
	struct fixture *f = *state;
	uint8_t bytes[64];

	for (size_t i = 0; i < COUNT(bad_hellos); i++) {
		pid_t pid = daemon_start(f, DOMAIN_ALPHA, NULL);
		int agent = agent_accept(agent_listen(f, DOMAIN_ALPHA));

		send_bytes(agent, bytes, from_hex(bad_hellos[i], bytes));
		expect_end(agent);
		assert_true(process_alive(pid));
		kill(pid, SIGKILL);
		process_wait(f, pid);
		close(agent);
	}
}

/* The channel is lost, the daemon is not: the next agent, if it behaves, is served. */
static void
test_channel_comes_back(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *socket = fixture_path(f, "run/qubes/qrexec.11");
	int agent, listener;

	daemon_start(f, DOMAIN_ALPHA, NULL);
	agent = agent_connect(f, DOMAIN_ALPHA);
	listener = agent_listen(f, DOMAIN_ALPHA);
	send_frame(agent, 0x999, NULL, 0);
	expect_end(agent);
	close(agent);
	await_path(socket, false);
	agent = agent_accept(listener);
	agent_hello(agent, 4);
	await_path(socket, true);
	close(client_connect_to(f, "11"));
	close(agent);
}

static void
send_raw_trigger(int agent, const void *id, size_t id_size, const void *service, size_t size)
{
	uint8_t body[1024] = {0};

	memcpy(body + 64, "target", 6);
	memcpy(body + 128, id, id_size);
	memcpy(body + 160, service, size);
	send_frame(agent, QREXEC_TRIGGER_SERVICE4, body, 160 + size);
}

static void
expect_refused_raw(int agent, const void *id, size_t id_size)
{
	uint8_t expected[QREXEC_REQUEST_ID_BYTES] = {0};
	struct frame frame;

	memcpy(expected, id, id_size);
	receive_frame(agent, &frame);
	assert_int_equal(frame.type, QREXEC_SERVICE_REFUSED);
	assert_int_equal(frame.length, sizeof(expected));
	assert_memory_equal(frame.body, expected, sizeof(expected));
}

/* A policy program that would show that it was asked. */
static pid_t
daemon_with_witness(struct fixture *f)
{
	AUTO_FREE char *witness = fixture_path(f, "asked");
	AUTO_FREE char *program = fixture_path(f, "policy");
	AUTO_FREE char *option = NULL;

	fixture_script(f, "policy", "#!/bin/sh\necho \"$@\" >>%s\nexit 1\n", witness);
	assert_true(asprintf(&option, "--policy-program=%s", program) > 0);
	return daemon_start(f, DOMAIN_ALPHA, option, NULL);
}

#define BYTES(text) (text), sizeof(text) - 1

static const struct {
	const char *bytes;
	size_t size;
} bad_ids[] =
	{
		{BYTES("\1\2\3")},
		{BYTES("a\0b")},
		{BYTES("a/b")},
		{BYTES("a,b")},
		{BYTES("\xc3\xa9")},
		{BYTES("abcdefghijklmnopqrstuvwxyz012345")},
},
  bad_services[] = {
	  {BYTES("a")},
	  {BYTES("\0")},
	  {BYTES("\0\0")},
	  {BYTES("a\0\0")},
	  {BYTES("\0a\0")},
	  {BYTES("\0+a\0")},
	  {BYTES("+\0")},
	  {BYTES("+a\0")},
	  {BYTES("a\0a\0")},
	  {BYTES("a\0a")},
};

static void
test_refused_requests(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *asked = fixture_path(f, "asked");
	pid_t pid = daemon_with_witness(f);
	int agent = agent_connect(f, DOMAIN_ALPHA);

	for (size_t i = 0; i < COUNT(bad_ids); i++) {
		send_raw_trigger(agent, bad_ids[i].bytes, bad_ids[i].size, BYTES("svc\0"));
		expect_refused_raw(agent, bad_ids[i].bytes, bad_ids[i].size);
	}
	for (size_t i = 0; i < COUNT(bad_services); i++) {
		send_raw_trigger(
			agent, BYTES("SOCKET1"), bad_services[i].bytes, bad_services[i].size);
		expect_refused_raw(agent, BYTES("SOCKET1"));
	}
	assert_int_not_equal(access(asked, F_OK), 0);
	assert_true(process_alive(pid));
	close(agent);
}

/* The original refuses an empty id, too: no text before the first NUL names nothing. */
static void
test_empty_id(void **state)
{
	struct fixture *f = *state;
	int agent;

	daemon_with_witness(f);
	agent = agent_connect(f, DOMAIN_ALPHA);
	send_raw_trigger(agent, BYTES(""), BYTES("svc\0"));
	expect_refused_raw(agent, BYTES(""));
	close(agent);
}

static void
test_old_request(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *asked = fixture_path(f, "asked");
	const char *const services[] = {"", "+", "+a"};
	uint8_t body[128];
	int agent, listener = agent_listen(f, DOMAIN_ALPHA);

	daemon_with_witness(f);
	agent = agent_accept(listener);
	agent_hello(agent, 2);
	for (size_t i = 0; i < COUNT(services); i++) {
		memset(body, 0, sizeof(body));
		memcpy(body, services[i], strlen(services[i]));
		memcpy(body + 64, "target", 6);
		memcpy(body + 96, "ab", 2);
		send_frame(agent, QREXEC_TRIGGER_SERVICE, body, sizeof(body));
		expect_refused_raw(agent, BYTES("ab"));
	}
	assert_int_not_equal(access(asked, F_OK), 0);
	memcpy(body, "old.Service", 11);
	send_frame(agent, QREXEC_TRIGGER_SERVICE, body, sizeof(body));
	expect_refused_raw(agent, BYTES("ab"));
	assert_int_equal(access(asked, F_OK), 0);
	close(agent);
}

/* An agent that stops in the middle of a message: its daemon serves on, and can be ended. */
static void
test_stall(void **state)
{
	struct fixture *f = *state;
	const size_t stops[] = {1, 7, 8, 9, 100, 160};
	uint8_t bytes[8 + 300] = {0};
	const uint32_t header[2] = {QREXEC_TRIGGER_SERVICE4, 300};

	memcpy(bytes, header, 8);
	for (size_t i = 0; i < COUNT(stops); i++) {
		pid_t pid = daemon_start(f, DOMAIN_ALPHA, NULL);
		int agent = agent_connect(f, DOMAIN_ALPHA), client;

		send_bytes(agent, bytes, stops[i]);
		client = client_connect_to(f, "11");
		send_params(client, QREXEC_EXEC_CMDLINE, 0, 0, "u:c");
		expect_params(client, QREXEC_EXEC_CMDLINE, DOMAIN_ALPHA, NULL);
		expect_params(agent, QREXEC_EXEC_CMDLINE, 0, "u:c");
		kill(pid, SIGTERM);
		assert_int_equal(process_wait(f, pid), 0);
		close(client);
		close(agent);
	}
}

/* A whole request, one byte at a time. */
static void
test_dribble(void **state)
{
	struct fixture *f = *state;
	uint8_t bytes[8 + 160 + 4] = {0};
	const uint32_t header[2] = {QREXEC_TRIGGER_SERVICE4, 164};
	int agent;

	memcpy(bytes, header, 8);
	memcpy(bytes + 8 + 128, "ID", 2);
	memcpy(bytes + 8 + 160, "svc", 4);
	daemon_start(f, DOMAIN_ALPHA, NULL);
	agent = agent_connect(f, DOMAIN_ALPHA);
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < sizeof(bytes); i++)
			send_bytes(agent, bytes + i, 1);
		expect_refused(agent, "ID");
	}
	close(agent);
}

/* The largest request there is, and a thousand at once whose answers nobody reads. */
static void
test_large_and_many(void **state)
{
	struct fixture *f = *state;
	static char service[65000];
	int agent;
	pid_t pid = daemon_start(f, DOMAIN_ALPHA, NULL);

	agent = agent_connect(f, DOMAIN_ALPHA);
	memset(service, 's', sizeof(service) - 1);
	send_trigger(agent, "target", "BIG", service);
	expect_refused(agent, "BIG");
	for (int i = 0; i < 1000; i++)
		send_trigger(agent, "target", "MANY", "svc");
	for (int i = 0; i < 1000; i++)
		expect_refused(agent, "MANY");
	assert_true(process_alive(pid));
	close(agent);
}

/* An agent that only writes is, at some time, no longer read. */
static void
test_flood(void **state)
{
	struct fixture *f = *state;
	const uint32_t header[2] = {QREXEC_TRIGGER_SERVICE4, 161};
	uint8_t frame[8 + 161] = {0};
	int agent, pauses = 0;
	size_t sent = 0;
	pid_t pid = daemon_start(f, DOMAIN_ALPHA, NULL);

	agent = agent_connect(f, DOMAIN_ALPHA);
	memcpy(frame, header, sizeof(header));
	frame[8 + 128] = 'F';
	/* Each is answered with 40 bytes at once; nothing goes for a second: the end. */
	while (pauses < 10) {
		ssize_t count = send(agent, frame, sizeof(frame), MSG_DONTWAIT | MSG_NOSIGNAL);

		if (count < 0) {
			pauses++;
			usleep(100000);
			continue;
		}
		pauses = 0;
		send_bytes(agent, frame + count, sizeof(frame) - (size_t)count);
		assert_true(++sent < 200000);
	}
	assert_true(process_alive(pid));
	kill(pid, SIGTERM);
	assert_int_equal(process_wait(f, pid), 0);
	close(agent);
}

static const char *const bad_clients[] = {
	/* not a HELLO, of another length, too old */
	"01030000 04000000 03000000",
	"00030000 05000000 0300000000",
	"00030000 04000000 02000000",
	"00030000 04000000 00000000",
	/* not a request */
	"00030000 04000000 03000000 00030000 04000000",
	"00030000 04000000 03000000 03020000 20000000",
	"00030000 04000000 03000000 11020000 08000000",
	"00030000 04000000 03000000 13020000 ae000000",
	"00030000 04000000 03000000 90010000 01000000",
	/* lengths */
	"00030000 04000000 03000000 00020000 00000000",
	"00030000 04000000 03000000 00020000 08000000 00000000 00000000",
	"00030000 04000000 03000000 00020000 00000100",
	"00030000 04000000 03000000 00020000 ffffffff",
	/* no NUL, a NUL inside, a bad port, bytes after the request */
	"00030000 04000000 03000000 00020000 0a000000 00000000 00000000 753a",
	"00030000 04000000 03000000 00020000 0b000000 00000000 00000000 750000",
	"00030000 04000000 03000000 00020000 0b000000 00000000 00020000 753a00",
	"00030000 04000000 03000000 00020000 0b000000 00000000 01030000 753a00",
	"00030000 04000000 03000000 00020000 0b000000 00000000 00000000 753a00 00",
	/* no such request id */
	"00030000 04000000 03000000 02020000 0b000000 00000000 00000000 753a00",
	"00030000 04000000 03000000 02020000 09000000 00000000 00000000 00",
};

static void
test_bad_clients(void **state)
{
	struct fixture *f = *state;
	pid_t pid = daemon_start(f, DOMAIN_ALPHA, NULL);
	int agent = agent_connect(f, DOMAIN_ALPHA);
	uint8_t bytes[128];

	for (size_t i = 0; i < COUNT(bad_clients); i++) {
		int client = local_connect_to(f, "11");

		send_bytes(client, bytes, from_hex(bad_clients[i], bytes));
		expect_hello(client, 3);
		expect_end(client);
		close(client);
	}
	assert_true(process_alive(pid));
	expect_silence(agent);
	close(agent);
}

/* 600 clients that say nothing: those that come later are served as soon as there is room. */
static void
test_silent_clients(void **state)
{
	struct fixture *f = *state;
	enum { MANY = 600 };
	int clients[MANY], agent, late;

	daemon_start(f, DOMAIN_ALPHA, NULL);
	agent = agent_connect(f, DOMAIN_ALPHA);
	for (int i = 0; i < MANY; i++)
		clients[i] = local_connect_to(f, "11");
	late = local_connect_to(f, "11");
	for (int i = 0; i < MANY; i++)
		close(clients[i]);
	expect_hello(late, 3);
	send_hello(late, 3);
	send_params(late, QREXEC_EXEC_CMDLINE, 0, 0, "u:c");
	expect_params(late, QREXEC_EXEC_CMDLINE, DOMAIN_ALPHA, NULL);
	close(late);
	close(agent);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_bad_messages),
		TEST(test_bad_port),
		TEST(test_bad_hello),
		TEST(test_channel_comes_back),
		TEST(test_refused_requests),
		TEST(test_empty_id),
		TEST(test_old_request),
		TEST(test_stall),
		TEST(test_dribble),
		TEST(test_large_and_many),
		TEST(test_flood),
		TEST(test_bad_clients),
		TEST(test_silent_clients),
	};

	return cmocka_run_group_tests_name("qrexec-daemon, malformed", tests, NULL, NULL);
}
