/* QMP: messages cut at every byte, all that is refused, and the client against a fake peer. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "admin/hypervisor/console.h"
#include "admin/hypervisor/qmp.h"
#include "admin/hypervisor/qmp_message.h"
#include "base/cleanup.h"
#include "base/loop.h"
#include "base/socket.h"

static const char conversation[] =
	"{\"QMP\": {\"version\": {}, \"capabilities\": [\"oob\"]}}\r\n"
	"{\"return\": {}, \"id\": 1}\r\n"
	"{\"timestamp\": {\"seconds\": 1}, \"event\": \"STOP\"}\r\n"
	"{\"error\": {\"class\": \"GenericError\", \"desc\": \"no\"}, \"id\": 2}\r\n"
	"{\"event\": \"SHUTDOWN\", \"data\": {\"reason\": \"guest-reset\"}}\r\n";

static void
check_message(size_t number, const struct qmp_message *message)
{
	static const enum qmp_message_kind kinds[] = {
		QMP_GREETING, QMP_RETURN, QMP_EVENT, QMP_ERROR, QMP_EVENT};

	assert_in_range(number, 0, 4);
	assert_int_equal(message->kind, kinds[number]);
	if (number == 3) {
		assert_string_equal(message->text, "no");
		assert_int_equal(message->id, 2);
	}
	if (number == 4)
		assert_string_equal(qmp_get_text(message->data, "reason", ""), "guest-reset");
}

static size_t
read_all(struct buf *in, size_t number)
{
	struct qmp_message message;
	int result;

	while ((result = qmp_message_read(in, &message)) == 1) {
		check_message(number++, &message);
		qmp_message_finish(&message);
	}
	assert_int_equal(result, 0);
	return number;
}

static void
test_split_at_every_byte(void **state)
{
	size_t size = strlen(conversation);

	for (size_t cut = 0; cut <= size; cut++) {
		AUTO_BUF struct buf in;
		size_t number;

		buf_init(&in, (size_t)2 * QMP_LINE_MAX);
		assert_int_equal(buf_put(&in, conversation, cut), 0);
		number = read_all(&in, 0);
		assert_int_equal(buf_put(&in, conversation + cut, size - cut), 0);
		assert_int_equal(read_all(&in, number), 5);
		assert_int_equal(buf_len(&in), 0);
	}
}

static void
test_refused_lines(void **state)
{
	static const char *const bad[] = {"\n", "x\n", "{\n", "[]\n", "1\n", "null\n", "{}\n",
		"{\"QMP\": 1}\n", "{\"return\": {}}\n", "{\"return\": {}, \"id\": -1}\n",
		"{\"return\": {}, \"id\": \"1\"}\n", "{\"return\": {}, \"id\": 1.5}\n",
		"{\"return\": {}, \"id\": 99999999999999999999}\n",
		"{\"error\": {\"desc\": \"x\"}}\n", "{\"event\": null}\n",
		"{\"event\": \"X\", \"data\": 1}\n", "{\"id\": 1, \"id\": 1, \"return\": 1}\n",
		"{\"event\": \"a\\u0000b\"}\n", "{\"event\": \"\xff\"}\n", "{} {}\n"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		AUTO_BUF struct buf in;
		struct qmp_message message;

		buf_init(&in, QMP_LINE_MAX);
		assert_int_equal(buf_put_string(&in, bad[i]), 0);
		assert_int_equal(qmp_message_read(&in, &message), -EBADMSG);
	}
}

static void
test_long_lines_and_texts(void **state)
{
	AUTO_BUF struct buf in;
	AUTO_FREE char *spaces = malloc(QMP_LINE_MAX + 1);
	struct qmp_message message;

	memset(spaces, ' ', QMP_LINE_MAX + 1);
	buf_init(&in, (size_t)2 * QMP_LINE_MAX);
	assert_int_equal(buf_put(&in, spaces, QMP_LINE_MAX), 0);
	assert_int_equal(qmp_message_read(&in, &message), 0);
	assert_int_equal(buf_put(&in, spaces, 1), 0);
	assert_int_equal(qmp_message_read(&in, &message), -EBADMSG);
	buf_clear(&in);
	memset(spaces, 'x', QMP_LINE_MAX);
	assert_int_equal(buf_put_string(&in, "{\"id\": 1, \"error\": {\"desc\": \""), 0);
	assert_int_equal(buf_put(&in, spaces, 10000), 0);
	assert_int_equal(buf_put_string(&in, "\"}}\n"), 0);
	assert_int_equal(qmp_message_read(&in, &message), 1);
	assert_int_equal(strlen(message.text), QMP_TEXT_MAX);
	qmp_message_finish(&message);
}

/* --- the client --- */

static struct {
	struct loop *loop;
	struct qmp *qmp;
	int peer;
	int ready, events, answers, ends;
	int code, end_code;
	bool destroy_in_event;
} t;

static void
handle_ready(struct qmp *qmp, void *data)
{
	t.ready++;
}

static void
handle_event(struct qmp *qmp, const char *name, const json_t *event_data, void *data)
{
	t.events++;
	if (t.destroy_in_event) {
		qmp_destroy(t.qmp);
		t.qmp = NULL;
	}
}

static void
handle_end(struct qmp *qmp, const struct err *err, void *data)
{
	t.ends++;
	t.end_code = err->code;
}

static const struct qmp_handler handler = {handle_ready, handle_event, handle_end};

static int
set_up(void **state)
{
	int ends[2];

	memset(&t, 0, sizeof(t));
	t.loop = loop_create();
	if (socket_pair(ends) < 0)
		return -1;
	t.peer = ends[1];
	t.qmp = qmp_create(t.loop, ends[0], &handler, NULL);
	return t.qmp != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	qmp_destroy(t.qmp);
	loop_destroy(t.loop);
	close(t.peer);
	return 0;
}

static void
peer_says(const char *text)
{
	assert_int_equal(send(t.peer, text, strlen(text), 0), strlen(text));
	for (int i = 0; i < 5; i++)
		(void)loop_step(t.loop, 0);
}

static void
peer_hears(const char *expected)
{
	char text[512] = {0};
	ssize_t count;

	for (int i = 0; i < 5; i++)
		(void)loop_step(t.loop, 0);
	count = recv(t.peer, text, sizeof(text) - 1, MSG_DONTWAIT);
	assert_true(count >= 0 || expected[0] == '\0');
	assert_string_equal(text, expected);
}

static void
handle_answer(void *data, const json_t *result, const struct err *err)
{
	t.answers++;
	t.code = err != NULL ? err->code : 0;
}

static void
greet(void)
{
	peer_says("{\"QMP\": {}}\r\n");
	peer_hears("{\"execute\":\"qmp_capabilities\",\"id\":1}\n");
	peer_says("{\"return\": {}, \"id\": 1}\r\n");
	assert_int_equal(t.ready, 1);
}

static void
test_one_command_at_a_time(void **state)
{
	/* Also those asked for too early come after the greeting. */
	qmp_execute(t.qmp, "cont", NULL, -1, handle_answer, NULL);
	peer_hears("");
	greet();
	peer_hears("{\"execute\":\"cont\",\"id\":2}\n");
	qmp_execute(t.qmp, "stop", NULL, -1, handle_answer, NULL);
	peer_hears("");
	peer_says("{\"event\": \"RESUME\"}\r\n{\"return\": {}, \"id\": 2}\r\n");
	assert_int_equal(t.answers, 1);
	assert_int_equal(t.code, 0);
	assert_int_equal(t.events, 1);
	peer_hears("{\"execute\":\"stop\",\"id\":3}\n");
	/* An old answer is not taken for the new one. */
	peer_says("{\"return\": {}, \"id\": 2}\r\n");
	assert_int_equal(t.answers, 1);
	peer_says("{\"error\": {\"desc\": \"no\"}, \"id\": 3}\r\n");
	assert_int_equal(t.answers, 2);
	assert_int_equal(t.code, EIO);
	assert_int_equal(t.ends, 0);
}

static void
test_violations_end_it(void **state)
{
	greet();
	qmp_execute(t.qmp, "cont", NULL, -1, handle_answer, NULL);
	peer_hears("{\"execute\":\"cont\",\"id\":2}\n");
	peer_says("{\"return\": {}, \"id\": 3}\r\n");
	assert_int_equal(t.ends, 1);
	assert_int_equal(t.end_code, EPROTO);
	/* What was waiting is answered, and so is what comes later. */
	assert_int_equal(t.answers, 1);
	qmp_execute(t.qmp, "cont", NULL, -1, handle_answer, NULL);
	assert_int_equal(t.answers, 1);
	(void)loop_step(t.loop, 0);
	assert_int_equal(t.answers, 2);
	assert_int_equal(t.code, EPROTO);
}

static void
test_end_of_the_peer(void **state)
{
	greet();
	assert_int_equal(shutdown(t.peer, SHUT_RDWR), 0);
	(void)loop_step(t.loop, 1000);
	assert_int_equal(t.ends, 1);
	assert_int_equal(t.end_code, ECONNRESET);
}

static void
test_destroyed_within(void **state)
{
	greet();
	t.destroy_in_event = true;
	peer_says("{\"event\": \"A\"}\r\n{\"event\": \"B\"}\r\n");
	assert_int_equal(t.events, 1);
}

/* A machine that talks without end is heard in turns, and nothing of it is lost. */
static void
test_flood(void **state)
{
	static const char event[] = "{\"event\": \"A\"}\r\n";
	char text[20 * sizeof(event)] = "";
	int sent = 0;

	greet();
	for (int i = 0; i < 20; i++)
		(void)strncat(text, event, sizeof(text) - strlen(text) - 1);
	while (sent < 2000 &&
		send(t.peer, text, strlen(text), MSG_DONTWAIT) == (ssize_t)strlen(text))
		sent += 20;
	assert_true(sent > 500);
	for (int i = 0; i < 20; i++)
		(void)loop_step(t.loop, 0);
	assert_true(t.events > 0 && t.events < sent / 2);
	for (int i = 0; i < 20000 && t.events < sent; i++)
		(void)loop_step(t.loop, 100);
	assert_int_equal(t.events, sent);
	/* Answers come after what was said before them. */
	qmp_execute(t.qmp, "cont", NULL, -1, handle_answer, NULL);
	peer_hears("{\"execute\":\"cont\",\"id\":2}\n");
	peer_says("{\"return\": {}, \"id\": 2}\r\n");
	for (int i = 0; i < 100 && t.answers == 0; i++)
		(void)loop_step(t.loop, 100);
	assert_int_equal(t.answers, 1);
	assert_int_equal(t.ends, 0);
}

static void
test_console_is_escaped(void **state)
{
	AUTO_BUF struct buf out;
	static const uint8_t bytes[] = "a\tb\r\n\033[0m\x80\x7f\0z";

	buf_init(&out, 100);
	assert_int_equal(console_escape(&out, bytes, sizeof(bytes) - 1), 0);
	AUTO_FREE char *text = buf_steal_string(&out);
	assert_string_equal(text, "a\tb\n\\x1b[0m\\x80\\x7f\\x00z");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split_at_every_byte),
		cmocka_unit_test(test_refused_lines),
		cmocka_unit_test(test_long_lines_and_texts),
		cmocka_unit_test_setup_teardown(test_one_command_at_a_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_violations_end_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_end_of_the_peer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_flood, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_destroyed_within, set_up, tear_down),
		cmocka_unit_test(test_console_is_escaped),
	};

	return cmocka_run_group_tests_name("qmp", tests, NULL, NULL);
}
