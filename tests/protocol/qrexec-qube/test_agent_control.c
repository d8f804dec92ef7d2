/*
 * qrexec-agent and dom0: the handshake, messages in pieces, messages that make no sense, the loss
 * of the channel; and what local callers may say.
 */
#include "harness.h"

#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static const uint8_t zero_id[32];

/* Asks as a caller and gives the id under which dom0 was asked. */
static int
ask(struct qube *q, uint8_t ret_id[32])
{
	static struct frame f;
	int caller = caller_connect(q);

	send_trigger(caller, "", "beta", zero_id, "test.Info+arg");
	assert_true(receive_frame(q->control, &f));
	assert_int_equal(f.type, QREXEC_TRIGGER_SERVICE4);
	memcpy(ret_id, f.body + 128, 32);
	return caller;
}

static void
the_agent_speaks_first_and_says_ready_once_connected(void **state)
{
	struct qube *q = *state;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char text[32] = "";

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", qube_path(q, "notify"));
	assert_int_equal(bind(notify, (struct sockaddr *)&address, sizeof(address)), 0);
	setenv("NOTIFY_SOCKET", address.sun_path, 1);
	agent_start(q, "--no-fork-server", NULL);
	unsetenv("NOTIFY_SOCKET");
	control_connect(q);
	expect_frame(q->control, QREXEC_HELLO, "\4\0\0", 4);
	expect_silence(notify);
	send_u32(q->control, QREXEC_HELLO, 4);
	assert_int_equal(recv(notify, text, sizeof(text), 0), 7);
	assert_string_equal(text, "READY=1");
	close(notify);
}

static void
messages_may_come_byte_by_byte(void **state)
{
	struct qube *q = *state;
	char frame[128] = {0};
	const char *command = own(q, "echo slow");
	uint32_t head[4] = {QREXEC_EXEC_CMDLINE, 8 + (uint32_t)strlen(command) + 1, 7, 513};
	static struct outcome o;
	int listen_fd, fd;

	agent_start(q, "--no-fork-server", NULL);
	control_connect(q);
	expect_frame(q->control, QREXEC_HELLO, "\4\0\0", 4);
	send_slowly(q->control, "\0\3\0\0\4\0\0\0\4\0\0", 12);
	memcpy(frame, head, sizeof(head));
	snprintf(frame + sizeof(head), sizeof(frame) - sizeof(head), "%s", command);
	listen_fd = call_listen(q, 7, 513);
	send_slowly(q->control, frame, sizeof(head) + strlen(command) + 1);
	fd = accept_one(listen_fd);
	close(listen_fd);
	expect_frame(fd, QREXEC_HELLO, "\4\0\0", 4);
	send_slowly(fd, "\0\3\0\0\4\0\0\0\4\0\0", 12);
	collect(fd, &o);
	expect_outcome(&o, 0, "slow\n", "");
	close(fd);
}

static void
a_stall_in_a_message_stalls_no_running_call_and_no_caller(void **state)
{
	struct qube *q = *state;
	static struct frame f;
	int call, caller;

	agent_up(q);
	call = call_start(q, QREXEC_EXEC_CMDLINE, own(q, "cat"));
	send_header(q->control, QREXEC_EXEC_CMDLINE, 100);
	send_text(call, QREXEC_DATA_STDIN, "alive");
	expect_frame(call, QREXEC_DATA_STDOUT, "alive", 5);
	caller = caller_connect(q);
	send_trigger(caller, "", "beta", zero_id, "svc");
	assert_true(receive_frame(q->control, &f));
	assert_int_equal(f.type, QREXEC_TRIGGER_SERVICE4);
	close(caller);
	close(call);
}

static void
senseless_messages_end_the_agent(void **state)
{
	struct qube *q = *state;
	static const struct {
		uint32_t type, length;
	} messages[] = {
		{QREXEC_HELLO, 4},
		{QREXEC_DATA_STDIN, 0},
		{QREXEC_CONNECTION_TERMINATED, 8},
		{QREXEC_TRIGGER_SERVICE4, 161},
		{0, 0},
		{0xffffffff, 0},
		{QREXEC_EXEC_CMDLINE, 0},
		{QREXEC_EXEC_CMDLINE, 7},
		{QREXEC_EXEC_CMDLINE, 8},
		{QREXEC_EXEC_CMDLINE, 0x80000000},
		{QREXEC_EXEC_CMDLINE, 0xffffffff},
		{QREXEC_JUST_EXEC, 8},
		{QREXEC_SERVICE_CONNECT, 7},
		{QREXEC_SERVICE_REFUSED, 31},
		{QREXEC_SERVICE_REFUSED, 33},
	};

	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		static const char zeros[64];

		agent_up(q);
		send_header(q->control, messages[i].type, messages[i].length);
		if (messages[i].length < sizeof(zeros))
			send_bytes(q->control, zeros, messages[i].length);
		assert_int_equal(await_exit(q->agent), 1);
		q->agent = 0;
		close(q->control);
	}
	q->control = -1;
}

static void
bad_hellos_end_the_agent(void **state)
{
	struct qube *q = *state;
	static const uint32_t hellos[][3] = {
		{QREXEC_HELLO, 4, 1}, {QREXEC_HELLO, 4, 0}, {QREXEC_HELLO, 8, 4}, {0x200, 4, 4}};

	for (size_t i = 0; i < 4; i++) {
		agent_start(q, "--no-fork-server", NULL);
		control_connect(q);
		send_bytes(q->control, hellos[i], sizeof(hellos[i]));
		assert_int_equal(await_exit(q->agent), 1);
		q->agent = 0;
		close(q->control);
	}
	q->control = -1;
}

static void
requests_are_forwarded_byte_for_byte_under_an_id_of_the_agents(void **state)
{
	struct qube *q = *state;
	uint8_t sloppy_id[32];
	static struct frame f;
	int caller;

	agent_up(q);
	memset(sloppy_id, 'x', sizeof(sloppy_id));
	caller = caller_connect(q);
	send_trigger(caller, "claimed", "beta", sloppy_id, "test.Info+arg");
	assert_true(receive_frame(q->control, &f));
	assert_int_equal(f.type, QREXEC_TRIGGER_SERVICE4);
	assert_int_equal(f.length, 160 + 14);
	assert_string_equal((char *)f.body, "claimed");
	assert_string_equal((char *)f.body + 64, "beta");
	assert_true(qrexec_request_id_valid(f.body + 128));
	assert_memory_equal(f.body + 128, "SOCKET", 6);
	assert_string_equal((char *)f.body + 160, "test.Info+arg");
	for (size_t i = 68; i < 128; i++)
		assert_int_equal(f.body[i], 0);
	close(caller);
}

static void
older_daemons_are_asked_in_their_words(void **state)
{
	struct qube *q = *state;
	static struct frame f;
	int caller;

	agent_start(q, "-S", NULL);
	control_connect(q);
	control_hello(q, 3);
	caller = caller_connect(q);
	send_trigger(caller, "", "beta", zero_id, "test.Info+arg");
	assert_true(receive_frame(q->control, &f));
	assert_int_equal(f.type, QREXEC_TRIGGER_SERVICE3);
	assert_int_equal(f.length, 96 + 14);
	assert_string_equal((char *)f.body, "beta");
	assert_string_equal((char *)f.body + 96, "test.Info+arg");
	close(caller);
	caller = caller_connect(q);
	send_trigger(caller, "claimed", "beta", zero_id, "svc");
	expect_end(caller);
	close(caller);
	expect_silence(q->control);
	close(q->control);

	control_connect(q);
	control_hello(q, 2);
	caller = caller_connect(q);
	send_trigger(caller, "", "beta", zero_id, "test.Info+arg");
	assert_true(receive_frame(q->control, &f));
	assert_int_equal(f.type, QREXEC_TRIGGER_SERVICE);
	assert_int_equal(f.length, 128);
	assert_string_equal((char *)f.body, "test.Info+arg");
	assert_string_equal((char *)f.body + 64, "beta");
	close(caller);
	caller = caller_connect(q);
	send_trigger(caller, "", "a-name-that-has-more-than-31-bytes", zero_id, "svc");
	expect_end(caller);
	close(caller);
}

static void
answers_reach_their_caller_and_ends_are_told(void **state)
{
	struct qube *q = *state;
	uint8_t one[32], two[32];
	int first, second;

	agent_up(q);
	first = ask(q, one);
	second = ask(q, two);
	assert_memory_not_equal(one, two, 32);
	send_params(q->control, QREXEC_SERVICE_CONNECT, 12, 513, two, 32);
	expect_bytes(second, "\x0c\0\0\0\1\2\0", 8);
	expect_silence(first);
	send_params(q->control, QREXEC_SERVICE_CONNECT, 0, 515, one, strlen((char *)one) + 1);
	expect_bytes(first, "\0\0\0\0\3\2\0", 8);
	expect_silence(q->control);
	close(second);
	expect_terminated(q, 12, 513);
	close(first);
	expect_terminated(q, 0, 515);
}

static void
a_refusal_is_an_end_without_a_word(void **state)
{
	struct qube *q = *state;
	uint8_t id[32];
	int caller;

	agent_up(q);
	caller = ask(q, id);
	send_frame(q->control, QREXEC_SERVICE_REFUSED, id, 32);
	expect_end(caller);
	close(caller);
	/* One answer per request, ever. */
	send_params(q->control, QREXEC_SERVICE_CONNECT, 12, 513, id, 32);
	expect_silence(q->control);
}

static void
answers_to_nobody_are_ignored(void **state)
{
	struct qube *q = *state;
	static const char *const texts[] = {"", "SOCKET", "SOCKETx", "SOCKET-1", "SOCKET1x",
		"SOCKET 1", "SOCKET999999", "SOCKET99999999999999999999", "socket1", "SOCKET01",
		"0123456789012345678901234567890123456789"};
	uint8_t id[32];
	int caller;

	agent_up(q);
	caller = ask(q, id);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		send_params(
			q->control, QREXEC_SERVICE_CONNECT, 9, 600, texts[i], strlen(texts[i]) + 1);
	send_frame(q->control, QREXEC_SERVICE_REFUSED,
		"SOCKET77\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 32);
	expect_silence(caller);
	send_params(q->control, QREXEC_SERVICE_CONNECT, 12, 513, id, 32);
	expect_bytes(caller, "\x0c\0\0\0\1\2\0", 8);
	close(caller);
	expect_terminated(q, 12, 513);
}

/* dom0 is told by the number of the request (docs/protocols/qrexec.md); once. */
static void
expect_withdrawn(struct qube *q, const uint8_t id[32])
{
	unsigned int number = 0;

	assert_int_equal(sscanf((const char *)id, "SOCKET%u", &number), 1);
	expect_terminated(q, QREXEC_WITHDRAWN | number, QREXEC_PORT_MIN);
	expect_silence(q->control);
}

static void
a_caller_that_left_before_the_answer_is_withdrawn(void **state)
{
	struct qube *q = *state;
	uint8_t id[32];

	agent_start(q, "--withdraw", NULL);
	control_connect(q);
	control_hello(q, 4);
	close(ask(q, id));
	expect_withdrawn(q, id);
	send_frame(q->control, QREXEC_SERVICE_REFUSED, id, 32);
	/* One answer per request, ever. */
	send_params(q->control, QREXEC_SERVICE_CONNECT, 12, 514, id, 32);
	expect_silence(q->control);
}

static void
a_caller_that_left_before_the_answer_frees_its_port(void **state)
{
	struct qube *q = *state;
	uint8_t id[32];

	agent_up(q);
	close(ask(q, id));
	expect_silence(q->control);
	send_params(q->control, QREXEC_SERVICE_CONNECT, 12, 514, id, 32);
	expect_terminated(q, 12, 514);
}

static void
callers_that_break_the_protocol_are_left(void **state)
{
	struct qube *q = *state;
	static const uint32_t headers[][2] = {
		{QREXEC_TRIGGER_SERVICE3, 110},
		{QREXEC_TRIGGER_SERVICE, 128},
		{QREXEC_HELLO, 4},
		{QREXEC_TRIGGER_SERVICE4, 160},
		{QREXEC_TRIGGER_SERVICE4, 0},
		{QREXEC_TRIGGER_SERVICE4, 160 + 65001},
		{QREXEC_TRIGGER_SERVICE4, 0xffffffff},
	};
	uint8_t id[32];
	int caller;

	agent_up(q);
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		caller = caller_connect(q);
		send_bytes(caller, headers[i], 8);
		expect_end(caller);
		close(caller);
	}
	expect_silence(q->control);
	caller = ask(q, id);
	send_bytes(caller, "more", 4);
	expect_end(caller);
	close(caller);
}

static void
a_caller_that_stalls_stalls_nobody(void **state)
{
	struct qube *q = *state;
	uint8_t id[32];
	int stalled, other;

	agent_up(q);
	stalled = caller_connect(q);
	send_header(stalled, QREXEC_TRIGGER_SERVICE4, 160 + 65000);
	other = ask(q, id);
	send_frame(q->control, QREXEC_SERVICE_REFUSED, id, 32);
	expect_end(other);
	close(other);
	close(stalled);
}

static void
the_longest_service_passes(void **state)
{
	struct qube *q = *state;
	static char service[65000];
	static struct frame f;
	int caller;

	agent_up(q);
	memset(service, 's', sizeof(service) - 1);
	caller = caller_connect(q);
	send_trigger(caller, "", "beta", zero_id, service);
	assert_true(receive_frame(q->control, &f));
	assert_int_equal(f.length, 160 + 65000);
	assert_string_equal((char *)f.body + 160, service);
	close(caller);
}

static void
hundreds_of_callers_wait_at_once(void **state)
{
	enum { CALLERS = 300 };
	struct qube *q = *state;
	static struct frame f;
	static int callers[CALLERS];

	agent_up(q);
	for (int i = 0; i < CALLERS; i++) {
		callers[i] = caller_connect(q);
		send_trigger(callers[i], "", "beta", zero_id, "svc");
	}
	/* The first 256 are let in; the others as places become free. */
	for (int i = 0; i < CALLERS; i++) {
		assert_true(receive_frame(q->control, &f));
		send_frame(q->control, QREXEC_SERVICE_REFUSED, f.body + 128, 32);
	}
	for (int i = 0; i < CALLERS; i++) {
		expect_end(callers[i]);
		close(callers[i]);
	}
}

static void
the_agent_survives_the_loss_of_dom0(void **state)
{
	struct qube *q = *state;
	static struct outcome o;
	uint8_t id[32];
	int call, connected, waiting;

	agent_up(q);
	call = call_start(q, QREXEC_EXEC_CMDLINE, own(q, "cat"));
	connected = ask(q, id);
	send_params(q->control, QREXEC_SERVICE_CONNECT, 12, 514, id, 32);
	expect_bytes(connected, "\x0c\0\0\0\2\2\0", 8);
	waiting = ask(q, id);
	close(q->control);
	expect_end(waiting);
	close(waiting);

	/* The call goes on; its end and that of the caller are told once dom0 is back. */
	send_text(call, QREXEC_DATA_STDIN, "still");
	send_text(call, QREXEC_DATA_STDIN, "");
	collect(call, &o);
	expect_outcome(&o, 0, "still", "");
	close(call);
	control_connect(q);
	control_hello(q, 4);
	expect_terminated(q, 7, 513);
	close(connected);
	expect_terminated(q, 12, 514);
	call_run(q, own(q, "echo again"), &o);
	expect_outcome(&o, 0, "again\n", "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, qube_setup, qube_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_agent_speaks_first_and_says_ready_once_connected),
		TEST(messages_may_come_byte_by_byte),
		TEST(a_stall_in_a_message_stalls_no_running_call_and_no_caller),
		TEST(senseless_messages_end_the_agent),
		TEST(bad_hellos_end_the_agent),
		TEST(requests_are_forwarded_byte_for_byte_under_an_id_of_the_agents),
		TEST(older_daemons_are_asked_in_their_words),
		TEST(answers_reach_their_caller_and_ends_are_told),
		TEST(a_refusal_is_an_end_without_a_word),
		TEST(answers_to_nobody_are_ignored),
		TEST(a_caller_that_left_before_the_answer_is_withdrawn),
		TEST(a_caller_that_left_before_the_answer_frees_its_port),
		TEST(callers_that_break_the_protocol_are_left),
		TEST(a_caller_that_stalls_stalls_nobody),
		TEST(the_longest_service_passes),
		TEST(hundreds_of_callers_wait_at_once),
		TEST(the_agent_survives_the_loss_of_dom0),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
