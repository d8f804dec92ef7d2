/* Messages between the reader of an agent and qrexec-daemon: what is one, and what is not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "qrexec/host/agent_message.h"

#define BUFFER_MAX (AGENT_MESSAGE_MAX_BYTES + 64)

static int
parse(const struct buf *b, struct agent_message *ret_message)
{
	size_t size = 0;
	int result = agent_message_parse(b, ret_message, &size);

	assert_true(result < 0 || size == buf_len(b));
	return result;
}

static void
put_header(struct buf *b, uint32_t kind, uint32_t size)
{
	buf_init(b, BUFFER_MAX);
	buf_put_u32(b, kind);
	buf_put_u32(b, size);
}

static void
test_there_and_back(void **state)
{
	char service[] = "test.Info+arg";
	struct qrexec_trigger t = {.target = "beta", .source = "far", .service = service};
	struct agent_message m;
	AUTO_BUF struct buf b;

	(void)state;
	buf_init(&b, BUFFER_MAX);
	t.size = sizeof(service);
	memcpy(t.id, "SOCKET13", 8);
	assert_int_equal(agent_message_put_trigger(&b, &t), 0);
	assert_int_equal(parse(&b, &m), 0);
	assert_int_equal(m.kind, AGENT_TRIGGER);
	assert_string_equal(m.trigger.source, "far");
	assert_string_equal(m.trigger.target, "beta");
	assert_string_equal(m.trigger.service, service);
	assert_int_equal(m.trigger.size, sizeof(service));
	assert_memory_equal(m.trigger.id, t.id, sizeof(t.id));
	buf_clear(&b);
	assert_int_equal(agent_message_put_terminated(&b, 12, 513), 0);
	assert_int_equal(parse(&b, &m), 0);
	assert_true(m.kind == AGENT_TERMINATED && m.domain == 12 && m.port == 513);
	buf_clear(&b);
	assert_int_equal(agent_message_put_ready(&b, 4), 0);
	assert_int_equal(parse(&b, &m), 0);
	assert_true(m.kind == AGENT_READY && m.version == 4);
	buf_clear(&b);
	assert_int_equal(agent_message_put_end(&b), 0);
	assert_int_equal(parse(&b, &m), 0);
	assert_int_equal(m.kind, AGENT_END);
}

/* The service of the wire may lack its NUL: the message does not, and the size tells. */
static void
test_service_without_end(void **state)
{
	char service[] = {'a', '\0', 'b'};
	struct qrexec_trigger t = {.service = service, .size = sizeof(service)};
	struct agent_message m;
	AUTO_BUF struct buf b;

	(void)state;
	buf_init(&b, BUFFER_MAX);
	assert_int_equal(agent_message_put_trigger(&b, &t), 0);
	assert_int_equal(parse(&b, &m), 0);
	assert_int_equal(m.trigger.size, 3);
	assert_memory_equal(m.trigger.service, "a\0b", 4);
	assert_false(qrexec_service_valid(m.trigger.service, m.trigger.size));
}

static void
test_largest_and_larger(void **state)
{
	static char service[QREXEC_SERVICE_BYTES];
	struct qrexec_trigger t = {.service = service, .size = sizeof(service)};
	struct agent_message m;
	AUTO_BUF struct buf b;

	(void)state;
	buf_init(&b, BUFFER_MAX);
	assert_int_equal(agent_message_put_trigger(&b, &t), 0);
	assert_int_equal(buf_len(&b), AGENT_MESSAGE_MAX_BYTES);
	assert_int_equal(parse(&b, &m), 0);
	buf_finish(&b);
	put_header(&b, AGENT_TRIGGER, AGENT_MESSAGE_MAX_BYTES - 8 + 1);
	assert_int_equal(parse(&b, &m), -EBADMSG);
}

static void
test_not_whole(void **state)
{
	struct agent_message m;
	AUTO_BUF struct buf b;

	(void)state;
	buf_init(&b, BUFFER_MAX);
	assert_int_equal(parse(&b, &m), -EAGAIN);
	buf_put_u32(&b, AGENT_READY);
	assert_int_equal(parse(&b, &m), -EAGAIN);
	buf_put_u32(&b, 4);
	assert_int_equal(parse(&b, &m), -EAGAIN);
}

static void
test_malformed(void **state)
{
	static const struct {
		uint32_t kind, size;
	} heads[] = {{0, 0}, {5, 0}, {UINT32_MAX, 4}, {AGENT_READY, 3}, {AGENT_READY, 5},
		{AGENT_TERMINATED, 0}, {AGENT_TERMINATED, UINT32_MAX}, {AGENT_END, 1},
		{AGENT_TRIGGER, AGENT_TRIGGER_HEAD_BYTES + 1}, {AGENT_TRIGGER, UINT32_MAX}};
	struct agent_message m;

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		AUTO_BUF struct buf b;

		put_header(&b, heads[i].kind, heads[i].size);
		assert_int_equal(parse(&b, &m), -EBADMSG);
	}
}

/* A text that fills its field has no end. */
static void
test_texts_without_end(void **state)
{
	(void)state;
	for (size_t at = 63; at <= AGENT_TRIGGER_HEAD_BYTES + 2; at += 64) {
		uint8_t body[AGENT_TRIGGER_HEAD_BYTES + 3] = {0};
		struct agent_message m;
		AUTO_BUF struct buf b;

		if (at > 127)
			at = sizeof(body) - 1;
		body[at] = 'x';
		put_header(&b, AGENT_TRIGGER, sizeof(body));
		buf_put(&b, body, sizeof(body));
		assert_int_equal(parse(&b, &m), -EBADMSG);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_service_without_end),
		cmocka_unit_test(test_largest_and_larger),
		cmocka_unit_test(test_not_whole),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_texts_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
