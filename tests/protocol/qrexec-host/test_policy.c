/*
 * Calls from a qube: through the policy program or the policy daemon's socket to another qube, to
 * dom0, to one that has to be started, and to a disposable.
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

#define DISPOSABLE_UUID "dddddddd-0000-4000-8000-000000000077"

/* Starts alpha's daemon with a policy program of this body; its arguments go to "asked". */
static int
alpha_with_program(struct fixture *f, const char *body, pid_t *ret_pid)
{
	AUTO_FREE char *asked = fixture_path(f, "asked");
	AUTO_FREE char *program = fixture_path(f, "policy");
	AUTO_FREE char *option = NULL;
	pid_t pid;

	fixture_script(f, "policy", "#!/bin/sh\necho \"$@\" >>%s\n%s\n", asked, body);
	assert_true(asprintf(&option, "--policy-program=%s", program) > 0);
	pid = daemon_start(f, DOMAIN_ALPHA, option, NULL);
	if (ret_pid != NULL)
		*ret_pid = pid;
	return agent_connect(f, DOMAIN_ALPHA);
}

static void
expect_asked(struct fixture *f, const char *expected)
{
	AUTO_FREE char *asked = fixture_path(f, "asked");
	char text[512] = {0};
	FILE *file = fopen(asked, "re");

	assert_non_null(file);
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	fclose(file);
	assert_string_equal(text, expected);
}

static void
expect_hex(int fd, const char *hex)
{
	uint8_t bytes[512];
	size_t size = from_hex(hex, bytes);

	expect_bytes(fd, bytes, size);
}

#define ALLOW_BETA                                                                                 \
	"printf 'result=allow\\nuser=DEFAULT\\ntarget=beta\\ntarget_uuid=uuid:" UUID_BETA          \
	"\\nautostart=True\\nrequested_target=beta\\n'"
#define ALLOW_DOM0(requested)                                                                      \
	"printf "                                                                                  \
	"'result=allow\\nuser=DEFAULT\\ntarget=dom0\\nautostart=True\\nrequested_"                 \
	"target=" requested "\\n'"
#define ALLOW_DISPOSABLE                                                                           \
	"printf "                                                                                  \
	"'result=allow\\nuser=DEFAULT\\ntarget=@dispvm:base\\ntarget_uuid=@dispvm:uuid:" UUID_BETA \
	"\\nautostart=True\\nrequested_target=@dispvm\\n'"

static void
test_no_policy(void **state)
{
	struct fixture *f = *state;
	int agent;

	daemon_start(f, DOMAIN_ALPHA, NULL);
	agent = agent_connect(f, DOMAIN_ALPHA);
	send_trigger(agent, "beta", "SOCKET13", "test.Info+arg");
	/* The bytes of spec 2.15. */
	expect_hex(agent, "03020000 20000000 534f434b45543133 000000000000000000000000000000000000"
			  "000000000000");
	close(agent);
}

/* The recorded call of spec 2.15, on both control channels. */
static void
test_recorded_call(void **state)
{
	struct fixture *f = *state;
	uint8_t trigger[182] = {0};
	int alpha = alpha_with_program(f, ALLOW_BETA, NULL), beta;

	daemon_start(f, DOMAIN_BETA, NULL);
	beta = agent_connect(f, DOMAIN_BETA);

	from_hex("13020000 ae000000", trigger);
	memcpy(trigger + 8 + 64, "beta", 4);
	memcpy(trigger + 8 + 128, "SOCKET13", 8);
	memcpy(trigger + 8 + 160, "test.Info+arg", 14);
	send_bytes(alpha, trigger, sizeof(trigger));

	/* 00020000 2c000000 | 0b000000 01020000 | "nobody:QUBESRPC test.Info+arg alpha" 00 */
	expect_hex(beta,
		"00020000 2c000000 0b000000 01020000"
		"6e6f626f64793a51554245535250432074657374 2e496e666f2b61726720616c70686100");
	expect_hex(alpha, "02020000 28000000 0c000000 01020000 534f434b45543133"
			  "000000000000000000000000000000000000000000000000");
	expect_asked(f, "-- alpha beta test.Info+arg\n");

	send_params(alpha, QREXEC_CONNECTION_TERMINATED, DOMAIN_BETA, 513, NULL);
	send_params(beta, QREXEC_CONNECTION_TERMINATED, DOMAIN_ALPHA, 513, NULL);
	/* And the port is free again. */
	send_trigger(alpha, "beta", "SOCKET14", "test.Info");
	assert_int_equal(expect_params(beta, QREXEC_EXEC_CMDLINE, DOMAIN_ALPHA,
				 "nobody:QUBESRPC test.Info+ alpha"),
		513);
	close(alpha);
	close(beta);
}

static void
test_deny(void **state)
{
	struct fixture *f = *state;
	const char *const bodies[] = {
		"exit 1",
		"exit 0",
		"printf 'result=deny\\n'",
		"printf 'result=deny\\n'; exit 1",
		ALLOW_BETA "; exit 1",
		ALLOW_BETA "; kill -9 $$",
		"printf garbage",
		"printf 'result=allow\\n'",
		ALLOW_BETA "; " ALLOW_BETA,
		"head -c 5000 /dev/zero",
		"yes",
	};

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		pid_t pid;
		int agent = alpha_with_program(f, bodies[i], &pid);

		send_trigger(agent, "beta", "SOCKET1", "test.Info");
		expect_refused(agent, "SOCKET1");
		expect_silence(agent);
		kill(pid, SIGKILL);
		process_wait(f, pid);
		close(agent);
	}
}

static void
test_names_are_cleaned(void **state)
{
	struct fixture *f = *state;
	int agent = alpha_with_program(f, "exit 1", NULL);

	send_trigger(agent, "be$a/\xc3\xa9", "SOCKET1", "sv c+a/b");
	expect_refused(agent, "SOCKET1");
	expect_asked(f, "-- alpha be_a___ sv_c+a_b\n");
	close(agent);
}

static void
test_target_not_running(void **state)
{
	struct fixture *f = *state;
	int agent = alpha_with_program(f,
		"printf 'result=allow\\nuser=DEFAULT\\ntarget=beta\\nautostart=False\\n"
		"requested_target=beta\\n'",
		NULL);

	send_trigger(agent, "beta", "SOCKET1", "test.Info");
	expect_refused(agent, "SOCKET1");
	close(agent);
}

static void
test_autostart(void **state)
{
	struct fixture *f = *state;
	int agent = alpha_with_program(f, ALLOW_BETA, NULL);
	int qubesd = qubesd_listen(f), beta, connection;

	send_trigger(agent, "beta", "SOCKET1", "test.Info");
	connection = qubesd_expect(qubesd, "admin.vm.Start dom0 name uuid:" UUID_BETA "|");
	daemon_start(f, DOMAIN_BETA, NULL);
	beta = agent_connect(f, DOMAIN_BETA);
	qubesd_answer(connection, "0\0", 2);
	expect_params(beta, QREXEC_EXEC_CMDLINE, DOMAIN_ALPHA, "nobody:QUBESRPC test.Info+ alpha");
	{
		struct frame frame;

		receive_frame(agent, &frame);
		assert_int_equal(frame.type, QREXEC_SERVICE_CONNECT);
	}
	close(beta);
	close(agent);
	close(qubesd);
}

static void
test_autostart_fails(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *bytes;
		size_t size;
	} answers[] = {
		{"", 0},
		{"2\0QubesException\0\0no\0", 21},
		{"1\0", 2},
		{"garbage", 7},
		/* Claims to run, yet there is no daemon: asked once, then refused. */
		{"2\0QubesVMNotHaltedError\0\0no\0", 28},
		{"0\0", 2},
	};
	int agent = alpha_with_program(f, ALLOW_BETA, NULL);
	int qubesd = qubesd_listen(f);

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		send_trigger(agent, "beta", "SOCKET1", "test.Info");
		qubesd_answer(qubesd_expect(qubesd, "admin.vm.Start dom0 name uuid:" UUID_BETA "|"),
			answers[i].bytes, answers[i].size);
		expect_refused(agent, "SOCKET1");
	}
	close(qubesd);
	send_trigger(agent, "beta", "SOCKET1", "test.Info");
	expect_refused(agent, "SOCKET1");
	close(agent);
}

/* A daemon of the target that stalls, or answers nonsense, refuses this call and no other. */
static void
test_target_daemon_is_bad(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *path = fixture_path(f, "run/qubes/qrexec.uuid:" UUID_BETA);
	const char *const bytes[] = {
		"",
		"00030000 04000000 02000000",
		"00030000 04000000 03000000",
		"00030000 04000000 03000000 01020000 08000000 0c000000 01020000",
		"00030000 04000000 03000000 00020000 07000000 0c000000 010200",
		"00030000 04000000 03000000 00020000 09000000 0c000000 01020000 00",
		"00030000 04000000 03000000 00020000 08000000 0c000000 00000000",
		"00030000 04000000 03000000 00020000 08000000 0c000000 01030000",
	};
	int agent = alpha_with_program(f, ALLOW_BETA, NULL), listener = listen_on(path);

	for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
		uint8_t raw[64];
		int connection;

		send_trigger(agent, "beta", "SOCKET1", "test.Info");
		connection = accept_on(listener);
		send_bytes(connection, raw, from_hex(bytes[i], raw));
		shutdown(connection, SHUT_WR);
		expect_refused(agent, "SOCKET1");
		close(connection);
	}
	close(listener);
	close(agent);
}

static void
test_call_to_itself(void **state)
{
	struct fixture *f = *state;
	int agent = alpha_with_program(f,
		"printf 'result=allow\\nuser=DEFAULT\\ntarget=alpha\\ntarget_uuid=uuid:" UUID_ALPHA
		"\\nautostart=True\\nrequested_target=alpha\\n'",
		NULL);

	send_trigger(agent, "alpha", "SOCKET1", "test.Info");
	expect_refused(agent, "SOCKET1");
	expect_silence(agent);
	close(agent);
}

static uint32_t
accepted_for_dom0(int agent, const char *id)
{
	struct frame frame;
	uint32_t words[2];

	receive_frame(agent, &frame);
	assert_int_equal(frame.type, QREXEC_SERVICE_CONNECT);
	assert_int_equal(frame.length, 40);
	memcpy(words, frame.body, 8);
	assert_int_equal(words[0], 0);
	assert_int_equal(strncmp((const char *)frame.body + 8, id, 32), 0);
	return words[1];
}

/* VM to dom0, down to the bytes on the data channel. */
static void
test_dom0_service(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *services = fixture_path(f, "rpc");
	const char expected[] = "a=arg r=alpha f=test.Info+arg t=keyword k=adminvm i=hello\n";
	int agent, channel, listener;
	struct frame frame;
	uint32_t port;

	fixture_script(f, "rpc/test.Info",
		"#!/bin/sh\nread input\n"
		"echo \"a=$1 r=$QREXEC_REMOTE_DOMAIN f=$QREXEC_SERVICE_FULL_NAME "
		"t=$QREXEC_REQUESTED_TARGET_TYPE k=$QREXEC_REQUESTED_TARGET_KEYWORD i=$input\"\n"
		"exit 7\n");
	setenv("QREXEC_SERVICE_PATH", services, 1);
	agent = alpha_with_program(f, ALLOW_DOM0("@adminvm"), NULL);
	listener = vchan_listen_raw(f, DOMAIN_ALPHA, 0, 513);
	send_trigger(agent, "dom0", "SOCKET1", "test.Info+arg");
	port = accepted_for_dom0(agent, "SOCKET1");
	assert_int_equal(port, 513);
	channel = accept_on(listener);
	/* This end reads before it speaks (spec 2.2). */
	expect_silence(channel);
	send_hello(channel, 4);
	expect_hello(channel, 4);
	send_frame(channel, QREXEC_DATA_STDIN, "hello\n", 6);
	send_frame(channel, QREXEC_DATA_STDIN, NULL, 0);
	receive_frame(channel, &frame);
	assert_int_equal(frame.type, QREXEC_DATA_STDERR);
	assert_int_equal(frame.length, 0);
	receive_frame(channel, &frame);
	assert_int_equal(frame.type, QREXEC_DATA_STDOUT);
	assert_int_equal(frame.length, sizeof(expected) - 1);
	assert_memory_equal(frame.body, expected, sizeof(expected) - 1);
	receive_frame(channel, &frame);
	assert_int_equal(frame.type, QREXEC_DATA_STDOUT);
	assert_int_equal(frame.length, 0);
	expect_hex(channel, "93010000 04000000 07000000");
	expect_end(channel);
	send_params(agent, QREXEC_CONNECTION_TERMINATED, 0, 513, NULL);
	unsetenv("QREXEC_SERVICE_PATH");
	close(channel);
	close(listener);
	close(agent);
}

static void
expect_dom0_failure(struct fixture *f, int agent, const char *service, uint8_t code)
{
	int listener = vchan_listen_raw(f, DOMAIN_ALPHA, 0, 513), channel;
	struct frame frame;

	send_trigger(agent, "dom0", "SOCKET1", service);
	assert_int_equal(accepted_for_dom0(agent, "SOCKET1"), 513);
	channel = accept_on(listener);
	send_hello(channel, 4);
	expect_hello(channel, 4);
	for (int i = 0; i < 2; i++) {
		receive_frame(channel, &frame);
		assert_true(frame.type == QREXEC_DATA_STDOUT || frame.type == QREXEC_DATA_STDERR);
		assert_int_equal(frame.length, 0);
	}
	receive_frame(channel, &frame);
	assert_int_equal(frame.type, QREXEC_DATA_EXIT_CODE);
	assert_int_equal(frame.length, 4);
	assert_int_equal(frame.body[0], code);
	expect_end(channel);
	send_params(agent, QREXEC_CONNECTION_TERMINATED, 0, 513, NULL);
	close(channel);
	close(listener);
}

static void
test_dom0_failures(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *services = fixture_path(f, "rpc");
	AUTO_FREE char *configs = fixture_path(f, "rpc-config");
	int agent;

	fixture_script(f, "rpc/test.NoInterpreter", "#!/no/such/interpreter\n");
	fixture_script(f, "rpc/test.User", "#!/bin/sh\n");
	fixture_script(f, "rpc/test.Bad", "#!/bin/sh\n");
	fixture_script(f, "rpc-config/test.User", "force-user = 'nobody'\n");
	fixture_script(f, "rpc-config/test.Bad", "wait-for-session = 00\n");
	setenv("QREXEC_SERVICE_PATH", services, 1);
	setenv("QUBES_RPC_CONFIG_PATH", configs, 1);
	agent = alpha_with_program(f, ALLOW_DOM0("dom0"), NULL);
	expect_dom0_failure(f, agent, "test.Missing", 127);
	expect_dom0_failure(f, agent, "test.NoInterpreter", 127);
	expect_dom0_failure(f, agent, "test.User", 125);
	expect_dom0_failure(f, agent, "test.Bad", 125);
	unsetenv("QREXEC_SERVICE_PATH");
	unsetenv("QUBES_RPC_CONFIG_PATH");
	close(agent);
}

static void
test_dom0_socket_service(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *services = fixture_path(f, "rpc");
	AUTO_FREE char *path = fixture_path(f, "rpc/test.Socket");
	const char descriptor[] = "test.Socket+ alpha name dom0";
	int agent, channel, listener, service_listener, service;
	struct frame frame;

	fixture_script(f, "rpc/x", "x");
	service_listener = listen_on(path);
	setenv("QREXEC_SERVICE_PATH", services, 1);
	agent = alpha_with_program(f, ALLOW_DOM0("dom0"), NULL);
	listener = vchan_listen_raw(f, DOMAIN_ALPHA, 0, 513);
	send_trigger(agent, "dom0", "SOCKET1", "test.Socket");
	accepted_for_dom0(agent, "SOCKET1");
	channel = accept_on(listener);
	send_hello(channel, 4);
	expect_hello(channel, 4);
	service = accept_on(service_listener);
	expect_bytes(service, descriptor, sizeof(descriptor));
	send_frame(channel, QREXEC_DATA_STDIN, "ping", 4);
	send_frame(channel, QREXEC_DATA_STDIN, NULL, 0);
	expect_bytes(service, "ping", 4);
	expect_end(service);
	send_bytes(service, "pong", 4);
	close(service);
	receive_frame(channel, &frame);
	assert_int_equal(frame.type, QREXEC_DATA_STDERR);
	receive_frame(channel, &frame);
	assert_int_equal(frame.type, QREXEC_DATA_STDOUT);
	assert_int_equal(frame.length, 4);
	receive_frame(channel, &frame);
	assert_int_equal(frame.length, 0);
	expect_hex(channel, "93010000 04000000 00000000");
	unsetenv("QREXEC_SERVICE_PATH");
	close(channel);
	close(listener);
	close(service_listener);
	close(agent);
}

static void
test_disposable(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *path = fixture_path(f, "run/qubes/qrexec.uuid:" DISPOSABLE_UUID);
	int agent = alpha_with_program(f, ALLOW_DISPOSABLE, NULL);
	int qubesd = qubesd_listen(f), listener = listen_on(path), daemon;
	uint8_t bytes[64];
	struct frame frame;

	send_trigger(agent, "@dispvm", "SOCKET1", "test.Info");
	qubesd_answer(qubesd_expect(qubesd,
			      "admin.vm.CreateDisposable dom0 name uuid:" UUID_BETA "|uuid"),
		"0\0uuid:" DISPOSABLE_UUID, 2 + 5 + 36);
	qubesd_answer(qubesd_expect(qubesd, "admin.vm.Start dom0 name uuid:" DISPOSABLE_UUID "|"),
		"0\0", 2);
	daemon = accept_on(listener);
	send_hello(daemon, 3);
	expect_hello(daemon, 3);
	expect_params(
		daemon, QREXEC_EXEC_CMDLINE, DOMAIN_ALPHA, "DEFAULT:QUBESRPC test.Info+ alpha");
	send_bytes(daemon, bytes, from_hex("00020000 08000000 4d000000 01020000", bytes));
	receive_frame(agent, &frame);
	assert_int_equal(frame.type, QREXEC_SERVICE_CONNECT);
	assert_int_equal(frame.body[0], 77);
	/* The connection stays while the call lasts; its end kills the disposable. */
	expect_silence(daemon);
	close(daemon);
	qubesd_answer(qubesd_expect(qubesd, "admin.vm.Kill dom0 name uuid:" DISPOSABLE_UUID "|"),
		"0\0", 2);
	expect_silence(agent);
	close(listener);
	close(qubesd);
	close(agent);
}

/* The admin daemon is away when the call ends, then fails once: it is asked until it answers. */
static void
test_disposable_while_nobody_answers(void **state)
{
	struct fixture *f = *state;
	int agent = alpha_with_program(f, ALLOW_DISPOSABLE, NULL);
	int qubesd = qubesd_listen(f), starting;

	send_trigger(agent, "@dispvm", "SOCKET1", "test.Info");
	qubesd_answer(qubesd_expect(qubesd,
			      "admin.vm.CreateDisposable dom0 name uuid:" UUID_BETA "|uuid"),
		"0\0uuid:" DISPOSABLE_UUID, 2 + 5 + 36);
	starting = qubesd_expect(qubesd, "admin.vm.Start dom0 name uuid:" DISPOSABLE_UUID "|");
	/* It is killed in the middle of the start. */
	close(qubesd);
	close(starting);
	expect_refused(agent, "SOCKET1");
	qubesd = qubesd_listen(f);
	close(qubesd_expect(qubesd, "admin.vm.Kill dom0 name uuid:" DISPOSABLE_UUID "|"));
	qubesd_answer(qubesd_expect(qubesd, "admin.vm.Kill dom0 name uuid:" DISPOSABLE_UUID "|"),
		"2\0QubesVMNotFoundError\0\0\0", 25);
	expect_silence(agent);
	close(qubesd);
	close(agent);
}

/* Whatever fails after its creation, the disposable goes. */
static void
test_disposable_fails(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *bytes;
		size_t size;
	} created[] = {
		{"", 0},
		{"2\0QubesException\0\0no\0", 21},
		{"0\0disp1", 7}, /* not a UUID though one was asked for */
		{"0\0../disp1", 10},
		{"0\0uuid:", 7},
	};
	int agent = alpha_with_program(f, ALLOW_DISPOSABLE, NULL);
	int qubesd = qubesd_listen(f);

	for (size_t i = 0; i < sizeof(created) / sizeof(created[0]); i++) {
		send_trigger(agent, "@dispvm", "SOCKET1", "test.Info");
		qubesd_answer(
			qubesd_expect(qubesd,
				"admin.vm.CreateDisposable dom0 name uuid:" UUID_BETA "|uuid"),
			created[i].bytes, created[i].size);
		expect_refused(agent, "SOCKET1");
	}
	send_trigger(agent, "@dispvm", "SOCKET1", "test.Info");
	qubesd_answer(qubesd_expect(qubesd,
			      "admin.vm.CreateDisposable dom0 name uuid:" UUID_BETA "|uuid"),
		"0\0uuid:" DISPOSABLE_UUID, 2 + 5 + 36);
	qubesd_answer(qubesd_expect(qubesd, "admin.vm.Start dom0 name uuid:" DISPOSABLE_UUID "|"),
		"2\0QubesException\0\0no\0", 21);
	expect_refused(agent, "SOCKET1");
	qubesd_answer(qubesd_expect(qubesd, "admin.vm.Kill dom0 name uuid:" DISPOSABLE_UUID "|"),
		"0\0", 2);
	close(qubesd);
	close(agent);
}

/* The end of the daemon, or of the caller's agent, is the end of a disposable under way. */
static void
test_disposable_goes_with_daemon(void **state)
{
	struct fixture *f = *state;
	pid_t pid;
	int agent = alpha_with_program(f, ALLOW_DISPOSABLE, &pid);
	int qubesd = qubesd_listen(f), starting;

	send_trigger(agent, "@dispvm", "SOCKET1", "test.Info");
	qubesd_answer(qubesd_expect(qubesd,
			      "admin.vm.CreateDisposable dom0 name uuid:" UUID_BETA "|uuid"),
		"0\0uuid:" DISPOSABLE_UUID, 2 + 5 + 36);
	starting = qubesd_expect(qubesd, "admin.vm.Start dom0 name uuid:" DISPOSABLE_UUID "|");
	kill(pid, SIGTERM);
	qubesd_answer(qubesd_expect(qubesd, "admin.vm.Kill dom0 name uuid:" DISPOSABLE_UUID "|"),
		"0\0", 2);
	assert_int_equal(process_wait(f, pid), 0);
	close(starting);
	close(qubesd);
	close(agent);
}

/* The caller's agent goes while the disposable is being made: nobody needs it any more. */
static void
test_disposable_not_needed(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *socket = fixture_path(f, "run/qubes/qrexec.11");
	int agent = alpha_with_program(f, ALLOW_DISPOSABLE, NULL);
	int qubesd = qubesd_listen(f), creating;

	send_trigger(agent, "@dispvm", "SOCKET1", "test.Info");
	creating = qubesd_expect(
		qubesd, "admin.vm.CreateDisposable dom0 name uuid:" UUID_BETA "|uuid");
	close(agent);
	await_path(socket, false);
	qubesd_answer(creating, "0\0uuid:" DISPOSABLE_UUID, 2 + 5 + 36);
	qubesd_answer(qubesd_expect(qubesd, "admin.vm.Kill dom0 name uuid:" DISPOSABLE_UUID "|"),
		"0\0", 2);
	close(qubesd);
}

/* The policy daemon's socket is asked first, and has the last word when it has one. */
static void
test_policy_socket(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *path = fixture_path(f, "run/qubes/policy.sock");
	const char question[] = "source=alpha\nrequested_source=\nintended_target=beta\n"
				"service_and_arg=test.Info\n\n";
	int agent = alpha_with_program(f, ALLOW_BETA, NULL), listener = listen_on(path), policy;

	send_trigger(agent, "beta", "SOCKET1", "test.Info");
	policy = accept_on(listener);
	expect_bytes(policy, question, sizeof(question) - 1);
	send_bytes(policy, "result=deny\n", 12);
	close(policy);
	expect_refused(agent, "SOCKET1");

	/* No answer: the program is asked, which allows; there is no qubesd, so that fails. */
	send_trigger(agent, "beta", "SOCKET2", "test.Info");
	close(accept_on(listener));
	expect_refused(agent, "SOCKET2");
	expect_asked(f, "-- alpha beta test.Info\n");
	close(listener);
	close(agent);
}

/* A claimed source is told to the policy daemon, and refused where it cannot be told. */
static void
test_claimed_source(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *path = fixture_path(f, "run/qubes/policy.sock");
	AUTO_FREE char *asked = fixture_path(f, "asked");
	const char question[] = "source=alpha\nrequested_source=remote\nintended_target=beta\n"
				"service_and_arg=test.Info\n\n";
	const char answer[] = "result=allow\nuser=joe\ntarget=beta\nautostart=True\n"
			      "requested_target=beta\npolicy_source=remote\nservice=other.Svc+x\n";
	uint8_t body[170] = {0};
	int agent = alpha_with_program(f, ALLOW_BETA, NULL), listener = listen_on(path), policy;
	int beta;

	daemon_start(f, DOMAIN_BETA, NULL);
	beta = agent_connect(f, DOMAIN_BETA);
	memcpy(body, "remote", 6);
	memcpy(body + 64, "beta", 4);
	memcpy(body + 128, "SOCKET1", 7);
	memcpy(body + 160, "test.Info", 10);
	send_frame(agent, QREXEC_TRIGGER_SERVICE4, body, 170);
	policy = accept_on(listener);
	expect_bytes(policy, question, sizeof(question) - 1);
	send_bytes(policy, answer, sizeof(answer) - 1);
	close(policy);
	expect_params(beta, QREXEC_EXEC_CMDLINE, DOMAIN_ALPHA, "joe:QUBESRPC other.Svc+x remote");
	{
		struct frame frame;

		receive_frame(agent, &frame);
		assert_int_equal(frame.type, QREXEC_SERVICE_CONNECT);
	}
	close(listener);
	send_frame(agent, QREXEC_TRIGGER_SERVICE4, body, 170);
	expect_refused(agent, "SOCKET1");
	assert_int_not_equal(access(asked, F_OK), 0);
	close(beta);
	close(agent);
}

/* One question that is not answered holds up nobody; 256 may wait, no more. */
static void
test_waiting_questions(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *path = fixture_path(f, "run/qubes/policy.sock");
	int waiting[QREXEC_CALLS_MAX], agent, listener = listen_on(path), client;
	char id[32];
	pid_t pid = daemon_start(f, DOMAIN_ALPHA, NULL);

	agent = agent_connect(f, DOMAIN_ALPHA);
	for (int i = 0; i < QREXEC_CALLS_MAX; i++) {
		snprintf(id, sizeof(id), "SOCKET%d", i);
		send_trigger(agent, "beta", id, "test.Info");
		waiting[i] = accept_on(listener);
	}
	send_trigger(agent, "beta", "MORE", "test.Info");
	expect_refused(agent, "MORE");
	client = client_connect_to(f, "11");
	send_params(client, QREXEC_EXEC_CMDLINE, 0, 0, "u:c");
	expect_params(client, QREXEC_EXEC_CMDLINE, DOMAIN_ALPHA, NULL);
	expect_params(agent, QREXEC_EXEC_CMDLINE, 0, "u:c");
	send_bytes(waiting[200], "result=deny", 11);
	close(waiting[200]);
	expect_refused(agent, "SOCKET200");
	/* The agent goes: so do the questions, and with them whatever asks a person. */
	close(agent);
	for (int i = 0; i < QREXEC_CALLS_MAX; i++) {
		char question[256];

		if (i == 200)
			continue;
		assert_true(read(waiting[i], question, sizeof(question)) > 0);
		expect_end(waiting[i]);
		close(waiting[i]);
	}
	assert_true(process_alive(pid));
	close(client);
	close(listener);
}

/* A caller that left: the one who is asked about it is let go, and nothing is started. */
static void
test_withdrawn(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *path = fixture_path(f, "run/qubes/policy.sock");
	int agent, listener = listen_on(path), left, other;
	char question[256];

	daemon_start(f, DOMAIN_ALPHA, NULL);
	agent = agent_connect(f, DOMAIN_ALPHA);
	send_trigger(agent, "beta", "SOCKET7", "test.Info");
	left = accept_on(listener);
	send_trigger(agent, "beta", "SOCKET8", "test.Info");
	other = accept_on(listener);
	/* No such request; then ours, twice. */
	send_params(agent, QREXEC_CONNECTION_TERMINATED, QREXEC_WITHDRAWN | 9, 513, NULL);
	send_params(agent, QREXEC_CONNECTION_TERMINATED, QREXEC_WITHDRAWN | 7, 513, NULL);
	send_params(agent, QREXEC_CONNECTION_TERMINATED, QREXEC_WITHDRAWN | 7, 513, NULL);
	expect_refused(agent, "SOCKET7");
	assert_true(read(left, question, sizeof(question)) > 0);
	expect_end(left);
	close(left);
	assert_true(read(other, question, sizeof(question)) > 0);
	send_bytes(other, "result=deny", 11);
	close(other);
	expect_refused(agent, "SOCKET8");
	expect_silence(agent);
	close(listener);
	close(agent);
}

/* While its target starts: the start goes on, the call does not. */
static void
test_withdrawn_while_the_target_starts(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *path = fixture_path(f, "run/qubes/policy.sock");
	const char answer[] =
		"user=\nresult=allow\ntarget=beta\nautostart=True\nrequested_target=beta";
	int agent, listener = listen_on(path), qubesd = qubesd_listen(f), policy, start;
	char question[256];

	daemon_start(f, DOMAIN_ALPHA, NULL);
	agent = agent_connect(f, DOMAIN_ALPHA);
	send_trigger(agent, "beta", "SOCKET7", "test.Info");
	policy = accept_on(listener);
	assert_true(read(policy, question, sizeof(question)) > 0);
	send_bytes(policy, answer, sizeof(answer) - 1);
	close(policy);
	start = qubesd_expect(qubesd, "admin.vm.Start dom0 name beta|");
	send_params(agent, QREXEC_CONNECTION_TERMINATED, QREXEC_WITHDRAWN | 7, 513, NULL);
	expect_refused(agent, "SOCKET7");
	qubesd_answer(start, "0", 2);
	expect_silence(agent);
	close(listener);
	close(qubesd);
	close(agent);
}

/* A local client accepts for the policy: once, and then nobody else does (spec 2.6). */
static void
test_accepted_by_client(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *asked = fixture_path(f, "asked");
	int agent = alpha_with_program(f, "sleep 1; exit 1", NULL), client;

	send_trigger(agent, "beta", "SOCKET11", "test.Info");
	await_path(asked, true);
	client = client_connect_to(f, "11");
	send_params(client, QREXEC_SERVICE_CONNECT, 43, 513, "SOCKET11");
	assert_int_equal(expect_params(agent, QREXEC_SERVICE_CONNECT, 43, "SOCKET11"), 513);
	close(client);
	client = client_connect_to(f, "11");
	send_params(client, QREXEC_SERVICE_CONNECT, 43, 513, "SOCKET11");
	expect_end(client);
	close(client);
	client = client_connect_to(f, "11");
	send_params(client, QREXEC_SERVICE_CONNECT, 43, 513, "SOCKET1");
	expect_end(client);
	close(client);
	usleep(1500000);
	expect_silence(agent);
	close(agent);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_no_policy),
		TEST(test_recorded_call),
		TEST(test_deny),
		TEST(test_names_are_cleaned),
		TEST(test_target_not_running),
		TEST(test_autostart),
		TEST(test_autostart_fails),
		TEST(test_target_daemon_is_bad),
		TEST(test_call_to_itself),
		TEST(test_dom0_service),
		TEST(test_dom0_failures),
		TEST(test_dom0_socket_service),
		TEST(test_disposable),
		TEST(test_disposable_while_nobody_answers),
		TEST(test_disposable_fails),
		TEST(test_disposable_goes_with_daemon),
		TEST(test_disposable_not_needed),
		TEST(test_policy_socket),
		TEST(test_claimed_source),
		TEST(test_waiting_questions),
		TEST(test_withdrawn),
		TEST(test_withdrawn_while_the_target_starts),
		TEST(test_accepted_by_client),
	};

	return cmocka_run_group_tests_name("qrexec-daemon, policy", tests, NULL, NULL);
}
