/* Answers and events, cut at every byte; exception classes and message formats. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/lib/admin_error.h"
#include "tools/lib/admin_reply.h"

static int
parse(const char *bytes, size_t size, const char **ret_content, size_t *ret_size, struct err *err,
	struct buf *in)
{
	buf_init(in, ADMIN_REPLY_MAX);
	assert_int_equal(buf_put(in, bytes, size), 0);
	return admin_reply_parse(in, ret_content, ret_size, err);
}

static void
test_result(void **state)
{
	struct err err = ERR_INIT;
	struct buf in;
	const char *content;
	size_t size;

	assert_int_equal(parse("0\0a\0b", 5, &content, &size, &err, &in), 0);
	assert_int_equal(size, 3);
	assert_memory_equal(content, "a\0b", 3);
	buf_finish(&in);
	assert_int_equal(parse("0\0", 2, &content, &size, &err, &in), 0);
	assert_int_equal(size, 0);
	buf_finish(&in);
}

static void
assert_refused(const char *bytes, size_t size, int code)
{
	struct err err = ERR_INIT;
	struct buf in;
	const char *content;
	size_t content_size;

	assert_int_equal(parse(bytes, size, &content, &content_size, &err, &in), -1);
	assert_int_equal(err.code, code);
	assert_null(err.kind);
	err_clear(&err);
	buf_finish(&in);
}

static void
test_exception_at_every_byte(void **state)
{
	static const char bytes[] = "2\0QubesVMInUseError\0trace\0Domain %s: %d%%\0app\0007\0";
	const size_t size = sizeof(bytes) - 1;
	/* From here on the exception is complete, though parameters may be missing. */
	const size_t complete = 2 + 18 + 6 + 16;

	assert_refused(bytes, 0, ENODATA);
	for (size_t cut = 1; cut < complete; cut++)
		assert_refused(bytes, cut, EBADMSG);
	for (size_t cut = complete; cut <= size; cut++) {
		struct err err = ERR_INIT;
		struct buf in;
		const char *content;
		size_t content_size;

		assert_int_equal(parse(bytes, cut, &content, &content_size, &err, &in), -1);
		assert_string_equal(err.kind, "QubesVMInUseError");
		if (cut == size)
			assert_string_equal(err.message, "Domain app: 7%");
		err_clear(&err);
		buf_finish(&in);
	}
}

static void
test_not_an_answer(void **state)
{
	assert_refused("0", 1, EBADMSG);
	assert_refused("0x", 2, EBADMSG);
	assert_refused("3\0", 2, EBADMSG);
	assert_refused("\0\0", 2, EBADMSG);
	assert_refused("1\0\0e\0\0", 6, EBADMSG);
}

static void
test_kinds(void **state)
{
	struct err err = ERR_INIT;

	assert_string_equal(admin_error_kind("StoragePoolException"), "StoragePoolException");
	assert_ptr_equal(admin_error_kind("KeyError"), admin_error_unknown);
	err_set_kind(&err, admin_error_kind("QubesVMNotRunningError"), EPROTO, "x");
	assert_true(admin_error_is(&err, "QubesVMNotRunningError"));
	assert_true(admin_error_is(&err, "QubesVMNotStartedError"));
	assert_true(admin_error_is(&err, "QubesVMError"));
	assert_true(admin_error_is(&err, "QubesException"));
	assert_false(admin_error_is(&err, "QubesVMNotPausedError"));
	assert_false(admin_error_is(&err, "ProtocolError"));
	err_set(&err, ENODATA, "x");
	assert_false(admin_error_is(&err, "QubesException"));
	err_clear(&err);
}

static void
assert_format(const char *expected, const char *format, const char *const *parameters, size_t count)
{
	char *text = admin_error_format(format, parameters, count);

	assert_string_equal(text, expected);
	free(text);
}

static void
test_formats(void **state)
{
	const char *const parameters[] = {"a", "b"};

	assert_format("100%", "100%%", NULL, 0);
	assert_format("a 'b'", "%s %r", parameters, 2);
	/* No more parameters, no such conversion, a lonely sign: shown as they are. */
	assert_format("a %s %n %", "%s %s %n %", parameters, 1);
	assert_format("%", "%", parameters, 2);
}

static const char events[] = "1\0\0connection-established\0\0"
			     "1\0app1\0domain-start\0start_guid\0True\0mem\0\0\0";

static void
check_events(struct buf *in, size_t *seen)
{
	struct admin_event event;
	int e;

	while ((e = admin_event_parse(in, &event)) == 0) {
		if ((*seen)++ == 0) {
			assert_string_equal(event.subject, "");
			assert_string_equal(event.name, "connection-established");
			assert_int_equal(event.pair_count, 0);
		} else {
			assert_string_equal(event.subject, "app1");
			assert_string_equal(event.name, "domain-start");
			assert_int_equal(event.pair_count, 2);
			assert_string_equal(admin_event_value(&event, "start_guid"), "True");
			assert_string_equal(admin_event_value(&event, "mem"), "");
			assert_null(admin_event_value(&event, "none"));
		}
		admin_event_finish(&event);
	}
	assert_int_equal(e, -EAGAIN);
}

static void
test_events_at_every_byte(void **state)
{
	const size_t size = sizeof(events) - 1;

	for (size_t cut = 0; cut <= size; cut++) {
		struct buf in;
		size_t seen = 0;

		buf_init(&in, 65536);
		buf_put(&in, events, cut);
		check_events(&in, &seen);
		buf_put(&in, events + cut, size - cut);
		check_events(&in, &seen);
		assert_int_equal(seen, 2);
		assert_int_equal(buf_len(&in), 0);
		buf_finish(&in);
	}
}

static void
test_bad_events(void **state)
{
	struct admin_event event;
	struct buf in;

	buf_init(&in, (size_t)4 * ADMIN_EVENT_MAX);
	buf_put(&in, "2\0X\0\0m\0", 7);
	assert_int_equal(admin_event_parse(&in, &event), -EBADMSG);
	buf_clear(&in);
	buf_put(&in, "1x", 2);
	assert_int_equal(admin_event_parse(&in, &event), -EBADMSG);

	/* An event without end is given up; too many pairs are refused. */
	buf_clear(&in);
	buf_put(&in, "1\0s\0e\0", 6);
	memset(buf_reserve(&in, ADMIN_EVENT_MAX), 'x', ADMIN_EVENT_MAX);
	assert_int_equal(admin_event_parse(&in, &event), -EBADMSG);
	buf_clear(&in);
	buf_put(&in, "1\0s\0e\0", 6);
	for (size_t i = 0; i <= ADMIN_EVENT_PAIRS_MAX; i++)
		buf_put(&in, "k\0v\0", 4);
	assert_int_equal(admin_event_parse(&in, &event), -EAGAIN);
	buf_put(&in, "", 1);
	assert_int_equal(admin_event_parse(&in, &event), -EBADMSG);
	buf_finish(&in);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_result),
		cmocka_unit_test(test_exception_at_every_byte),
		cmocka_unit_test(test_not_an_answer),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_events_at_every_byte),
		cmocka_unit_test(test_bad_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
