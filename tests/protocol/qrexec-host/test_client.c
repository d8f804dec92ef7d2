/* qrexec-client with a daemon and an agent's data channel of raw bytes. */
#include "harness.h"

#include <fcntl.h>
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

struct run {
	pid_t pid;
	int input;  /* its stdin */
	int output; /* its stdout */
};

static void
run_client(struct fixture *f, struct run *r, ...)
{
	const char *argv[24] = {QREXEC_CLIENT};
	int in[2], out[2];
	size_t count = 1;
	va_list arguments;

	va_start(arguments, r);
	while ((argv[count] = va_arg(arguments, const char *)) != NULL)
		count++;
	va_end(arguments);
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	r->pid = process_start(f, argv, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	r->input = in[1];
	r->output = out[0];
}

static void
run_close(struct run *r)
{
	if (r->input >= 0)
		close(r->input);
	close(r->output);
}

static int
daemon_listen(const struct fixture *f, const char *name)
{
	AUTO_FREE char *path = fixture_path(f, "run/qubes/qrexec.%s", name);

	return listen_on(path);
}

static int
daemon_accept(int listener)
{
	int fd = accept_on(listener);

	send_hello(fd, 3);
	expect_hello(fd, 3);
	return fd;
}

/* Plays the daemon and joins the data channel of the call. */
static int
answer_call(struct fixture *f, int listener, uint32_t type, const char *command)
{
	int daemon = daemon_accept(listener), channel;

	assert_int_equal(expect_params(daemon, type, 0, command), 0);
	send_params(daemon, type, 42, 513, NULL);
	channel = vchan_connect_raw(f, 0, 42, 513);
	send_hello(channel, 4);
	expect_hello(channel, 4);
	close(daemon);
	return channel;
}

static void
send_exit(int channel, uint8_t code)
{
	const uint8_t body[4] = {code};

	send_frame(channel, QREXEC_DATA_EXIT_CODE, body, 4);
}

static void
expect_data(int channel, uint32_t type, const char *text)
{
	struct frame frame;

	receive_frame(channel, &frame);
	assert_int_equal(frame.type, type);
	assert_int_equal(frame.length, strlen(text));
	assert_memory_equal(frame.body, text, strlen(text));
}

static void
test_command(void **state)
{
	struct fixture *f = *state;
	int listener = daemon_listen(f, "work"), channel;
	struct run r;

	run_client(f, &r, "-d", "work", "user:command", NULL);
	channel = answer_call(f, listener, QREXEC_EXEC_CMDLINE, "user:command");
	assert_int_equal(write(r.input, "input", 5), 5);
	expect_data(channel, QREXEC_DATA_STDIN, "input");
	send_frame(channel, QREXEC_DATA_STDOUT, "stdout data\n", 12);
	expect_bytes(r.output, "stdout data\n", 12);
	close(r.input);
	r.input = -1;
	expect_data(channel, QREXEC_DATA_STDIN, "");
	send_frame(channel, QREXEC_DATA_STDOUT, NULL, 0);
	expect_end(r.output);
	send_exit(channel, 42);
	assert_int_equal(process_wait(f, r.pid), 42);
	run_close(&r);
	close(channel);
	close(listener);
}

/* `qrexec-client ... | head`: the call is over, and the qube hears of it. */
static void
test_nobody_reads(void **state)
{
	struct fixture *f = *state;
	int listener = daemon_listen(f, "work"), channel;
	struct run r;

	run_client(f, &r, "-d", "work", "user:command", NULL);
	channel = answer_call(f, listener, QREXEC_EXEC_CMDLINE, "user:command");
	close(r.output);
	r.output = open("/dev/null", O_RDONLY | O_CLOEXEC);
	send_frame(channel, QREXEC_DATA_STDOUT, "stdout data\n", 12);
	assert_int_equal(process_wait(f, r.pid), 128 + SIGPIPE);
	expect_end(channel);
	run_close(&r);
	close(channel);
	close(listener);
}

static void
test_ignore_exit_code(void **state)
{
	struct fixture *f = *state;
	int listener = daemon_listen(f, "work"), channel;
	struct run r;

	run_client(f, &r, "-E", "-d", "work", "user:command", NULL);
	channel = answer_call(f, listener, QREXEC_EXEC_CMDLINE, "user:command");
	send_exit(channel, 42);
	assert_int_equal(process_wait(f, r.pid), 0);
	run_close(&r);
	close(channel);
	close(listener);
}

static void
test_just_exec(void **state)
{
	struct fixture *f = *state;
	int listener = daemon_listen(f, "work"), channel;
	struct run r;

	run_client(f, &r, "-e", "-d", "work", "user:command", NULL);
	channel = answer_call(f, listener, QREXEC_JUST_EXEC, "user:command");
	send_exit(channel, 0);
	assert_int_equal(process_wait(f, r.pid), 0);
	run_close(&r);
	close(channel);
	close(listener);
}

static void
test_lost_channel(void **state)
{
	struct fixture *f = *state;
	int listener = daemon_listen(f, "work"), channel;
	struct run r;

	run_client(f, &r, "-d", "work", "user:command", NULL);
	channel = answer_call(f, listener, QREXEC_EXEC_CMDLINE, "user:command");
	send_frame(channel, QREXEC_DATA_STDOUT, "last words", 10);
	close(channel);
	expect_bytes(r.output, "last words", 10);
	assert_int_equal(process_wait(f, r.pid), 255);
	run_close(&r);
	close(listener);
}

static void
test_local_program(void **state)
{
	struct fixture *f = *state;
	int listener = daemon_listen(f, "work"), channel;
	struct run r;

	run_client(f, &r, "-d", "work", "-l",
		"while read x; do echo \"$QREXEC_REMOTE_DOMAIN: $x\"; done; exit 44",
		"user:command", NULL);
	channel = answer_call(f, listener, QREXEC_EXEC_CMDLINE, "user:command");
	send_frame(channel, QREXEC_DATA_STDOUT, "stdout data\n", 12);
	expect_data(channel, QREXEC_DATA_STDIN, "work: stdout data\n");
	send_frame(channel, QREXEC_DATA_STDOUT, NULL, 0);
	expect_data(channel, QREXEC_DATA_STDIN, "");
	send_exit(channel, 0);
	/* The remote code is 0, so the local program's counts. */
	assert_int_equal(process_wait(f, r.pid), 44);
	run_close(&r);
	close(channel);
	close(listener);
}

static void
test_prefix(void **state)
{
	struct fixture *f = *state;
	int listener = daemon_listen(f, "work"), channel;
	struct run r;

	run_client(f, &r, "--prefix-data=first", "-d", "work", "user:command", NULL);
	channel = answer_call(f, listener, QREXEC_EXEC_CMDLINE, "user:command");
	expect_data(channel, QREXEC_DATA_STDIN, "first");
	assert_int_equal(write(r.input, "second", 6), 6);
	expect_data(channel, QREXEC_DATA_STDIN, "second");
	send_exit(channel, 0);
	assert_int_equal(process_wait(f, r.pid), 0);
	run_close(&r);
	close(channel);
	close(listener);
}

static void
test_stdin_socket(void **state)
{
	struct fixture *f = *state;
	const char *const argv[] = {
		QREXEC_CLIENT, "--use-stdin-socket", "-d", "work", "user:command", NULL};
	int listener = daemon_listen(f, "work"), channel, pair[2];
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	pid = process_start(f, argv, pair[1], -1);
	close(pair[1]);
	channel = answer_call(f, listener, QREXEC_EXEC_CMDLINE, "user:command");
	send_bytes(pair[0], "there", 5);
	expect_data(channel, QREXEC_DATA_STDIN, "there");
	send_frame(channel, QREXEC_DATA_STDOUT, "back", 4);
	expect_bytes(pair[0], "back", 4);
	send_exit(channel, 3);
	assert_int_equal(process_wait(f, pid), 3);
	close(pair[0]);
	close(channel);
	close(listener);
}

static void
test_filter(void **state)
{
	struct fixture *f = *state;
	int listener = daemon_listen(f, "work"), channel;
	struct run r;

	run_client(f, &r, "-t", "-d", "work", "user:command", NULL);
	channel = answer_call(f, listener, QREXEC_EXEC_CMDLINE, "user:command");
	send_frame(channel, QREXEC_DATA_STDOUT, "a\033[31m\xc3\xa9\t\n", 10);
	expect_bytes(r.output, "a_[31m__\t\n", 10);
	send_exit(channel, 0);
	assert_int_equal(process_wait(f, r.pid), 0);
	run_close(&r);
	close(channel);
	close(listener);
}

static void
test_no_daemon(void **state)
{
	struct fixture *f = *state;
	struct run r;

	run_client(f, &r, "-d", "work", "user:command", NULL);
	assert_int_equal(process_wait(f, r.pid), 125);
	run_close(&r);
	run_client(f, &r, "-d", "../work", "user:command", NULL);
	assert_int_equal(process_wait(f, r.pid), 125);
	run_close(&r);
	run_client(f, &r, "-d", "work", "-c", "SOCKET1,src,43", "user:command", NULL);
	assert_int_equal(process_wait(f, r.pid), 137);
	run_close(&r);
	run_client(f, &r, "-d", "dom0", "-c", "SOCKET1,src,43", "command", NULL);
	assert_int_equal(process_wait(f, r.pid), 137);
	run_close(&r);
}

static void
test_refusing_daemon(void **state)
{
	struct fixture *f = *state;
	int listener = daemon_listen(f, "work"), daemon;
	struct run r;

	run_client(f, &r, "-d", "work", "user:command", NULL);
	daemon = daemon_accept(listener);
	expect_params(daemon, QREXEC_EXEC_CMDLINE, 0, "user:command");
	close(daemon);
	assert_int_equal(process_wait(f, r.pid), 125);
	run_close(&r);
	close(listener);
}

/* Nobody comes to the data channel: -w says how long that is waited for. */
static void
test_timeout(void **state)
{
	struct fixture *f = *state;
	int listener = daemon_listen(f, "work"), daemon;
	struct run r;

	run_client(f, &r, "-w", "1", "-d", "work", "user:command", NULL);
	daemon = daemon_accept(listener);
	expect_params(daemon, QREXEC_EXEC_CMDLINE, 0, "user:command");
	send_params(daemon, QREXEC_EXEC_CMDLINE, 42, 513, NULL);
	assert_int_equal(process_wait(f, r.pid), 125);
	close(daemon);
	run_close(&r);
	close(listener);
}

static void
expect_service_connect(int daemon, uint32_t domain, uint32_t port, const char *id)
{
	struct frame frame;
	uint8_t expected[40] = {0};

	memcpy(expected, &domain, 4);
	memcpy(expected + 4, &port, 4);
	memcpy(expected + 8, id, strlen(id));
	receive_frame(daemon, &frame);
	assert_int_equal(frame.type, QREXEC_SERVICE_CONNECT);
	assert_int_equal(frame.length, sizeof(expected));
	assert_memory_equal(frame.body, expected, sizeof(expected));
}

static void
test_connect_qubes(void **state)
{
	struct fixture *f = *state;
	int target_listener = daemon_listen(f, "work"), source_listener = daemon_listen(f, "43");
	int target, source;
	struct run r;

	run_client(f, &r, "-d", "work", "-W", "-c", "SOCKET11,src,43", "user:command", NULL);
	target = daemon_accept(target_listener);
	expect_params(target, QREXEC_EXEC_CMDLINE, 43, "user:command");
	send_params(target, QREXEC_EXEC_CMDLINE, 42, 514, NULL);
	source = daemon_accept(source_listener);
	expect_service_connect(source, 42, 514, "SOCKET11");
	assert_true(process_alive(r.pid));
	close(target);
	assert_int_equal(process_wait(f, r.pid), 0);
	run_close(&r);
	close(source);
	close(source_listener);
	close(target_listener);
}

/* The source's daemon by its number, or else by its name. */
static void
test_connect_by_name(void **state)
{
	struct fixture *f = *state;
	int target_listener = daemon_listen(f, "work"), source_listener = daemon_listen(f, "src");
	int target, source;
	struct run r;

	run_client(f, &r, "-d", "work", "-c", "SOCKET11,src,43", "user:command", NULL);
	target = daemon_accept(target_listener);
	expect_params(target, QREXEC_EXEC_CMDLINE, 43, "user:command");
	send_params(target, QREXEC_EXEC_CMDLINE, 42, 514, NULL);
	source = daemon_accept(source_listener);
	expect_service_connect(source, 42, 514, "SOCKET11");
	assert_int_equal(process_wait(f, r.pid), 0);
	run_close(&r);
	close(target);
	close(source);
	close(source_listener);
	close(target_listener);
}

/* -d dom0 -c: qrexec-client is the service's end. */
static int
connect_dom0(struct fixture *f, struct run *r, const char *command)
{
	int source_listener = daemon_listen(f, "43"), vchan = vchan_listen_raw(f, 43, 0, 600);
	int source, channel;

	run_client(f, r, "-d", "dom0", "-c", "SOCKET11,src,43", command, NULL);
	source = daemon_accept(source_listener);
	expect_service_connect(source, 0, 0, "SOCKET11");
	send_params(source, QREXEC_SERVICE_CONNECT, 43, 600, NULL);
	channel = accept_on(vchan);
	expect_silence(channel);
	send_hello(channel, 4);
	expect_hello(channel, 4);
	close(vchan);
	close(source);
	close(source_listener);
	return channel;
}

static void
test_connect_dom0_command(void **state)
{
	struct fixture *f = *state;
	struct run r;
	int channel = connect_dom0(f, &r, "echo Hello $QREXEC_REMOTE_DOMAIN; exit 5");
	struct frame frame;

	expect_data(channel, QREXEC_DATA_STDERR, "");
	expect_data(channel, QREXEC_DATA_STDOUT, "Hello src\n");
	expect_data(channel, QREXEC_DATA_STDOUT, "");
	receive_frame(channel, &frame);
	assert_int_equal(frame.type, QREXEC_DATA_EXIT_CODE);
	assert_int_equal(frame.body[0], 5);
	expect_end(channel);
	assert_int_equal(process_wait(f, r.pid), 5);
	run_close(&r);
	close(channel);
}

static void
test_connect_dom0_session(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *services = fixture_path(f, "rpc");
	AUTO_FREE char *configs = fixture_path(f, "rpc-config");
	AUTO_FREE char *log = fixture_path(f, "log");
	struct run r;
	int channel;

	fixture_script(f, "rpc/qubes.WaitForSession",
		"#!/bin/sh\nread user\necho \"waited for $QREXEC_REMOTE_DOMAIN\" >%s\nexit 1\n",
		log);
	fixture_script(f, "rpc/test.Service", "#!/bin/sh\ncat %s\n", log);
	fixture_script(f, "rpc-config/test.Service+arg", "wait-for-session=1");
	setenv("QREXEC_SERVICE_PATH", services, 1);
	setenv("QUBES_RPC_CONFIG_PATH", configs, 1);
	channel = connect_dom0(f, &r, "QUBESRPC test.Service+arg src name dom0");
	expect_data(channel, QREXEC_DATA_STDERR, "");
	expect_data(channel, QREXEC_DATA_STDOUT, "waited for src\n");
	expect_data(channel, QREXEC_DATA_STDOUT, "");
	assert_int_equal(process_wait(f, r.pid), 0);
	unsetenv("QREXEC_SERVICE_PATH");
	unsetenv("QUBES_RPC_CONFIG_PATH");
	run_close(&r);
	close(channel);
}

static void
test_dom0_directly(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *services = fixture_path(f, "rpc");
	AUTO_FREE char *socket_path = fixture_path(f, "rpc/test.Socket");
	const char *const names[] = {
		"dom0", "@adminvm", "uuid:00000000-0000-0000-0000-000000000000"};
	const char *const failing[][2] = {
		{"DEFAULT:QUBESRPC test.Missing dom0", "\x7f"},
		{"DEFAULT:QUBESRPC test.Service dom0 name", "\x7d"},
		{"DEFAULT:QUBESRPC  dom0", "\x7d"},
		{"DEFAULT:QUBESRPC test.Socket dom0", "\x7d"},
		{"DEFAULT:ls", "\x7d"},
		{"ls", "\x7d"},
	};
	int listener;
	struct run r;

	fixture_script(f, "rpc/test.Service",
		"#!/bin/sh\nread x\necho \"$x $1 $QREXEC_REMOTE_DOMAIN\"\nexit 9\n");
	listener = listen_on(socket_path);
	setenv("QREXEC_SERVICE_PATH", services, 1);
	for (size_t i = 0; i < 3; i++) {
		run_client(f, &r, "-d", names[i], "DEFAULT:QUBESRPC test.Service+a dom0", NULL);
		assert_int_equal(write(r.input, "in\n", 3), 3);
		expect_bytes(r.output, "in a dom0\n", 10);
		assert_int_equal(process_wait(f, r.pid), 9);
		run_close(&r);
	}
	for (size_t i = 0; i < sizeof(failing) / sizeof(failing[0]); i++) {
		run_client(f, &r, "-d", "dom0", failing[i][0], NULL);
		assert_int_equal(process_wait(f, r.pid), failing[i][1][0]);
		run_close(&r);
	}
	unsetenv("QREXEC_SERVICE_PATH");
	close(listener);
}

static void
test_kill(void **state)
{
	struct fixture *f = *state;
	int listener = daemon_listen(f, "work"), qubesd = qubesd_listen(f), channel;
	struct run r;

	run_client(f, &r, "-k", "-d", "work", "user:command", NULL);
	channel = answer_call(f, listener, QREXEC_EXEC_CMDLINE, "user:command");
	send_exit(channel, 6);
	qubesd_answer(qubesd_expect(qubesd, "admin.vm.Kill dom0 name work|"), "0\0", 2);
	assert_int_equal(process_wait(f, r.pid), 6);
	run_close(&r);
	close(channel);
	close(qubesd);
	close(listener);
}

static void
test_usage(void **state)
{
	struct fixture *f = *state;
	struct run r;

	run_client(f, &r, NULL);
	assert_int_equal(process_wait(f, r.pid), 2);
	run_close(&r);
	run_client(f, &r, "--help", NULL);
	assert_int_equal(process_wait(f, r.pid), 0);
	run_close(&r);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_command),
		TEST(test_nobody_reads),
		TEST(test_ignore_exit_code),
		TEST(test_just_exec),
		TEST(test_lost_channel),
		TEST(test_local_program),
		TEST(test_prefix),
		TEST(test_stdin_socket),
		TEST(test_filter),
		TEST(test_no_daemon),
		TEST(test_refusing_daemon),
		TEST(test_timeout),
		TEST(test_connect_qubes),
		TEST(test_connect_by_name),
		TEST(test_connect_dom0_command),
		TEST(test_connect_dom0_session),
		TEST(test_dom0_directly),
		TEST(test_kill),
		TEST(test_usage),
	};

	return cmocka_run_group_tests_name("qrexec-client", tests, NULL, NULL);
}
