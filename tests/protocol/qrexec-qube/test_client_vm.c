/*
 * qrexec-client-vm against a raw agent and a raw service: what it asks, what it sends and in which
 * order, what it makes of every answer.
 */
#include "harness.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SERVICE_DOMAIN 7
#define PORT 513

struct client {
	pid_t pid;
	int in, out, err; /* our ends of its streams; -1: closed */
	int agent;        /* its connection to the agent */
	int data;         /* the data channel */
};

static int agent_socket = -1;

static void
make_pipe(int *ret_ours, int *ret_theirs, bool we_write)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	*ret_ours = ends[we_write];
	*ret_theirs = ends[!we_write];
}

/* Starts it with the arguments after the agent's socket, and accepts its connection. */
static struct client
client_start(struct qube *q, int stdin_fd, const char *first, ...)
{
	const char *argv[16] = {QREXEC_CLIENT_VM, "-a", qube_path(q, "agent.sock"), first};
	struct client c = {.in = -1, .data = -1};
	int theirs[3] = {stdin_fd, -1, -1};
	va_list arguments;
	int n = 4;

	va_start(arguments, first);
	while ((argv[n] = va_arg(arguments, const char *)) != NULL)
		n++;
	va_end(arguments);
	if (agent_socket < 0)
		agent_socket = unix_listen(argv[2]);
	if (stdin_fd < 0)
		make_pipe(&c.in, &theirs[0], true);
	make_pipe(&c.out, &theirs[1], false);
	make_pipe(&c.err, &theirs[2], false);
	c.pid = start(argv, theirs);
	if (stdin_fd < 0)
		close(theirs[0]);
	close(theirs[1]);
	close(theirs[2]);
	c.agent = accept_one(agent_socket);
	return c;
}

/* The agent accepts the call, and the service joins. */
static void
client_accept(struct qube *q, struct client *c)
{
	static struct frame f;
	uint32_t answer[2] = {SERVICE_DOMAIN, PORT};

	assert_true(receive_frame(c->agent, &f));
	send_bytes(c->agent, answer, sizeof(answer));
	c->data =
		unix_connect(qube_path(q, "vchan.%d.%d.%d.sock", OWN_DOMAIN, SERVICE_DOMAIN, PORT));
	expect_frame(c->data, QREXEC_HELLO, "\4\0\0", 4);
	send_u32(c->data, QREXEC_HELLO, 4);
}

static void
expect_text(int fd, const char *text)
{
	char buffer[4096];
	size_t have = 0;
	ssize_t n;

	while (have < sizeof(buffer) - 1 &&
		(n = read(fd, buffer + have, sizeof(buffer) - 1 - have)) > 0)
		have += (size_t)n;
	buffer[have] = '\0';
	assert_string_equal(buffer, text);
}

/* Its end: the status, and all that it wrote. */
static void
client_end(struct client *c, int status, const char *out, const char *err)
{
	if (c->data >= 0)
		close(c->data);
	expect_text(c->out, out);
	if (err != NULL)
		expect_text(c->err, err);
	assert_int_equal(await_exit(c->pid), status);
	if (c->in >= 0)
		close(c->in);
	close(c->out);
	close(c->err);
	close(c->agent);
}

static int
setup(void **state)
{
	agent_socket = -1;
	return qube_setup(state);
}

static int
teardown(void **state)
{
	if (agent_socket >= 0)
		close(agent_socket);
	return qube_teardown(state);
}

static void
the_request_is_exact(void **state)
{
	struct qube *q = *state;
	static struct frame f;
	char long_name[80];
	struct client c =
		client_start(q, -1, "--source-qube=src", "$dispvm:x", "test.Info+arg", NULL);
	uint8_t expected[174] = {0};

	snprintf((char *)expected, 64, "src");
	snprintf((char *)expected + 64, 64, "@dispvm:x");
	snprintf((char *)expected + 128, 32, "SOCKET");
	memcpy(expected + 160, "test.Info+arg", 14);
	expect_frame(c.agent, QREXEC_TRIGGER_SERVICE4, expected, sizeof(expected));
	shutdown(c.agent, SHUT_RDWR);
	client_end(&c, 126, "", "Request refused\n");

	memset(long_name, 'n', 70);
	long_name[70] = '\0';
	c = client_start(q, -1, "-s", long_name, long_name, "s", NULL);
	assert_true(receive_frame(c.agent, &f));
	assert_int_equal(strlen((char *)f.body), 63);
	assert_int_equal(strlen((char *)f.body + 64), 63);
	shutdown(c.agent, SHUT_RDWR);
	client_end(&c, 126, "", "Request refused\n");
}

static void
wrong_use_and_no_agent(void **state)
{
	struct qube *q = *state;
	const char *const no_service[] = {QREXEC_CLIENT_VM, "target", NULL};
	const char *const bad_option[] = {QREXEC_CLIENT_VM, "--nonsense", "a", "b", NULL};
	const char *const bad_size[] = {QREXEC_CLIENT_VM, "--buffer-size=x", "a", "b", NULL};
	const char *const no_agent[] = {
		QREXEC_CLIENT_VM, "-a", qube_path(q, "nobody"), "a", "b", NULL};
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	int stdio[3] = {null_fd, null_fd, null_fd};

	assert_int_equal(await_exit(start(no_service, stdio)), 2);
	assert_int_equal(await_exit(start(bad_option, stdio)), 2);
	assert_int_equal(await_exit(start(bad_size, stdio)), 2);
	assert_int_equal(await_exit(start(no_agent, stdio)), 1);
	close(null_fd);
}

static void
a_whole_call(void **state)
{
	struct qube *q = *state;
	struct client c = client_start(q, -1, "beta", "svc", NULL);

	client_accept(q, &c);
	assert_int_equal(write(c.in, "hello", 5), 5);
	expect_frame(c.data, QREXEC_DATA_STDIN, "hello", 5);
	close(c.in);
	c.in = -1;
	expect_frame(c.data, QREXEC_DATA_STDIN, "", 0);
	send_text(c.data, QREXEC_DATA_STDOUT, "out");
	send_text(c.data, QREXEC_DATA_STDERR, "oops\n");
	send_text(c.data, QREXEC_DATA_STDERR, "");
	send_text(c.data, QREXEC_DATA_STDOUT, "\033[2J\n"); /* not a terminal: as it is */
	send_text(c.data, QREXEC_DATA_STDOUT, "");
	expect_silence(c.agent);
	send_u32(c.data, QREXEC_DATA_EXIT_CODE, 7);
	client_end(&c, 7, "out\033[2J\n", "oops\n");
}

static void
an_exit_code_before_the_end_of_input(void **state)
{
	struct qube *q = *state;
	struct client c = client_start(q, -1, "beta", "svc", NULL);

	client_accept(q, &c);
	send_text(c.data, QREXEC_DATA_STDOUT, "x");
	send_u32(c.data, QREXEC_DATA_EXIT_CODE, 3);
	expect_frame(c.data, QREXEC_DATA_STDIN, "", 0);
	expect_end(c.data);
	client_end(&c, 3, "x", "");
}

static void
terminals_are_spared_on_request(void **state)
{
	struct qube *q = *state;
	struct client c = client_start(q, -1, "-t", "-T", "beta", "svc", NULL);

	client_accept(q, &c);
	send_text(c.data, QREXEC_DATA_STDOUT, "a\033[2J\tb\r\n\b\a\x7f\xc3\xa4~");
	send_text(c.data, QREXEC_DATA_STDERR, "\033e\n");
	send_u32(c.data, QREXEC_DATA_EXIT_CODE, 0);
	client_end(&c, 0, "a_[2J\tb\r\n\b\a___~", "_e\n");
	c = client_start(q, -1, "-t", "--no-filter-escape-chars-stdout", "beta", "svc", NULL);
	client_accept(q, &c);
	send_text(c.data, QREXEC_DATA_STDOUT, "\033");
	send_u32(c.data, QREXEC_DATA_EXIT_CODE, 0);
	client_end(&c, 0, "\033", "");
}

static void
exit_codes_and_their_lack(void **state)
{
	struct qube *q = *state;
	struct client c = client_start(q, -1, "beta", "svc", NULL);

	client_accept(q, &c);
	send_text(c.data, QREXEC_DATA_EXIT_CODE, "\1");
	client_end(&c, 255, "", "");

	c = client_start(q, -1, "beta", "svc", NULL);
	client_accept(q, &c);
	send_frame(c.data, QREXEC_DATA_EXIT_CODE, "\5\0\0\0more", 8);
	client_end(&c, 5, "", "");

	/* Lost: what came before is delivered. */
	c = client_start(q, -1, "beta", "svc", NULL);
	client_accept(q, &c);
	send_text(c.data, QREXEC_DATA_STDOUT, "last words");
	client_end(&c, 255, "last words", NULL);

	c = client_start(q, -1, "beta", "svc", NULL);
	client_accept(q, &c);
	send_header(c.data, QREXEC_DATA_STDOUT, 65537);
	client_end(&c, 1, "", NULL);
	c = client_start(q, -1, "beta", "svc", NULL);
	client_accept(q, &c);
	send_u32(c.data, QREXEC_HELLO, 4);
	client_end(&c, 1, "", NULL);
}

static void
frames_may_come_byte_by_byte(void **state)
{
	struct qube *q = *state;
	struct client c = client_start(q, -1, "beta", "svc", NULL);

	client_accept(q, &c);
	send_slowly(c.data, "\x91\1\0\0\3\0\0\0abc\x92\1\0\0\1\0\0\0e\x91\1\0\0\0\0\0\0", 28);
	send_slowly(c.data, "\x93\1\0\0\4\0\0\0\x2a\0\0\0", 12);
	client_end(&c, 42, "abc", "e");
}

static void
text_can_go_before_the_input(void **state)
{
	struct qube *q = *state;
	struct client c = client_start(q, -1, "-p", "first ", "beta", "svc", NULL);

	client_accept(q, &c);
	expect_frame(c.data, QREXEC_DATA_STDIN, "first ", 6);
	assert_int_equal(write(c.in, "second", 6), 6);
	expect_frame(c.data, QREXEC_DATA_STDIN, "second", 6);
	send_u32(c.data, QREXEC_DATA_EXIT_CODE, 0);
	client_end(&c, 0, "", "");
}

static void
one_socket_can_be_both_streams(void **state)
{
	struct qube *q = *state;
	struct client c;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	c = client_start(q, pair[1], "--use-stdin-socket", "", "svc", NULL);
	close(pair[1]);
	client_accept(q, &c);
	send_bytes(pair[0], "ping", 4);
	expect_frame(c.data, QREXEC_DATA_STDIN, "ping", 4);
	send_text(c.data, QREXEC_DATA_STDOUT, "pong");
	expect_bytes(pair[0], "pong", 4);
	send_text(c.data, QREXEC_DATA_STDOUT, "");
	expect_end(pair[0]);
	send_bytes(pair[0], "more", 4);
	expect_frame(c.data, QREXEC_DATA_STDIN, "more", 4);
	shutdown(pair[0], SHUT_WR);
	expect_frame(c.data, QREXEC_DATA_STDIN, "", 0);
	send_u32(c.data, QREXEC_DATA_EXIT_CODE, 0);
	close(pair[0]);
	client_end(&c, 0, "", "");
}

static void
a_local_program_takes_the_streams(void **state)
{
	struct qube *q = *state;
	struct client c = client_start(q, -1, "beta", "svc", "/bin/sh", "-c",
		"read x; echo \"<$x>\"; echo said >/proc/self/fd/$SAVED_FD_1; exit 5", NULL);

	client_accept(q, &c);
	send_text(c.data, QREXEC_DATA_STDOUT, "line\n");
	expect_frame(c.data, QREXEC_DATA_STDIN, "<line>\n", 7);
	expect_frame(c.data, QREXEC_DATA_STDIN, "", 0);
	send_u32(c.data, QREXEC_DATA_EXIT_CODE, 0);
	client_end(&c, 5, "said\n", "");

	/* The remote code counts first; the program is waited for. */
	c = client_start(q, -1, "beta", "svc", "/bin/sh", "-c", "sleep 0.2; exit 5", NULL);
	client_accept(q, &c);
	send_u32(c.data, QREXEC_DATA_EXIT_CODE, 9);
	client_end(&c, 9, "", "");

	/* Its signal switches to its stdin socket. */
	c = client_start(q, -1, "beta", "svc", "/bin/sh", "-c",
		"echo one; kill -USR1 $QREXEC_AGENT_PID; echo two >&0; read x; echo \"$x\" >&0",
		NULL);
	client_accept(q, &c);
	expect_frame(c.data, QREXEC_DATA_STDIN, "one\n", 4);
	expect_frame(c.data, QREXEC_DATA_STDIN, "two\n", 4);
	send_text(c.data, QREXEC_DATA_STDOUT, "three\n");
	expect_frame(c.data, QREXEC_DATA_STDIN, "three\n", 6);
	expect_frame(c.data, QREXEC_DATA_STDIN, "", 0);
	send_u32(c.data, QREXEC_DATA_EXIT_CODE, 0);
	client_end(&c, 0, "", "");
}

static void
a_program_is_not_started_for_a_refused_call(void **state)
{
	struct qube *q = *state;
	static struct frame f;
	struct client c = client_start(q, -1, "beta", "svc", "/bin/touch", "made", NULL);

	assert_true(receive_frame(c.agent, &f));
	shutdown(c.agent, SHUT_RDWR);
	client_end(&c, 126, "", "Request refused\n");
	assert_int_equal(access("made", F_OK), -1);
}

static void
a_reader_that_is_slow_loses_nothing(void **state)
{
	enum { FRAMES = 40 };
	struct qube *q = *state;
	struct client c = client_start(q, -1, "beta", "svc", NULL);
	static char block[65536];
	size_t total = 0;
	ssize_t n;
	pid_t sender;

	client_accept(q, &c);
	sender = fork();
	if (sender == 0) {
		for (int i = 0; i < FRAMES; i++)
			send_frame(c.data, QREXEC_DATA_STDOUT, block, sizeof(block));
		send_u32(c.data, QREXEC_DATA_EXIT_CODE, 6);
		_exit(0);
	}
	nanosleep(&(struct timespec){0, 100000000}, NULL);
	/* Meanwhile the other direction moves. */
	assert_int_equal(write(c.in, "up", 2), 2);
	expect_frame(c.data, QREXEC_DATA_STDIN, "up", 2);
	while (total < FRAMES * sizeof(block) && (n = read(c.out, block, sizeof(block))) > 0)
		total += (size_t)n;
	assert_int_equal(total, FRAMES * sizeof(block));
	assert_int_equal(await_exit(sender), 0);
	client_end(&c, 6, "", "");
}

/* Input that is at its end from the start, on a port that is used again at once: none may hang. */
static void
hundreds_of_calls_without_input(void **state)
{
	enum { CALLS = 300 };
	struct qube *q = *state;
	int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	for (int i = 0; i < CALLS; i++) {
		struct client c = client_start(q, null_fd, "beta", "svc", NULL);

		client_accept(q, &c);
		expect_frame(c.data, QREXEC_DATA_STDIN, "", 0);
		send_text(c.data, QREXEC_DATA_STDOUT, "");
		send_text(c.data, QREXEC_DATA_STDERR, "");
		send_u32(c.data, QREXEC_DATA_EXIT_CODE, (uint32_t)i % 100);
		client_end(&c, i % 100, "", "");
	}
	close(null_fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_request_is_exact),
		TEST(wrong_use_and_no_agent),
		TEST(a_whole_call),
		TEST(an_exit_code_before_the_end_of_input),
		TEST(terminals_are_spared_on_request),
		TEST(exit_codes_and_their_lack),
		TEST(frames_may_come_byte_by_byte),
		TEST(text_can_go_before_the_input),
		TEST(one_socket_can_be_both_streams),
		TEST(a_local_program_takes_the_streams),
		TEST(a_program_is_not_started_for_a_refused_call),
		TEST(a_reader_that_is_slow_loses_nothing),
		TEST(hundreds_of_calls_without_input),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
