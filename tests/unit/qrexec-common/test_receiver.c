/* What a data channel's peer says, in pieces of any size, right and wrong. */
#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "qrexec/common/data_receiver.h"

/* What came out, as text: "o[...]" output, "e[...]" errors, "O" end, "x7" exit code, "!" bad. */
struct record {
	struct data_receiver receiver;
	char text[512];
	char last; /* kind of the last span, so that pieces of one join */
};

static void
record_span(struct record *r, char kind, const uint8_t *bytes, size_t size)
{
	size_t length = strlen(r->text);

	if (r->last == kind)
		r->text[--length] = '\0';
	else
		length += (size_t)snprintf(r->text + length, sizeof(r->text) - length, "%c[", kind);
	snprintf(r->text + length, sizeof(r->text) - length, "%.*s]", (int)size,
		(const char *)bytes);
	r->last = kind;
}

/* Feeds one piece; takes payload at most `take` bytes at a time. */
static bool
feed(struct record *r, const uint8_t *bytes, size_t size, size_t take)
{
	while (size > 0) {
		struct data_item item;
		enum data_event event = data_receiver_next(&r->receiver, bytes, size, &item);
		size_t length = strlen(r->text);
		size_t n = item.size < take ? item.size : take;

		bytes += item.used;
		size -= item.used;
		switch (event) {
		case DATA_EVENT_NONE:
			assert_int_equal(size, 0);
			continue;
		case DATA_EVENT_OUTPUT:
		case DATA_EVENT_ERRORS:
			assert_in_range(item.size, 1, size);
			record_span(r, event == DATA_EVENT_OUTPUT ? 'o' : 'e', bytes, n);
			data_receiver_take(&r->receiver, n);
			bytes += n;
			size -= n;
			continue;
		case DATA_EVENT_OUTPUT_END:
			snprintf(r->text + length, sizeof(r->text) - length, "O");
			break;
		case DATA_EVENT_EXIT:
			snprintf(r->text + length, sizeof(r->text) - length, "x%d", item.code);
			break;
		case DATA_EVENT_BAD:
			snprintf(r->text + length, sizeof(r->text) - length, "!");
			return false;
		}
		r->last = 0;
	}
	return true;
}

static size_t
put(uint8_t *at, uint32_t type, const char *body, size_t size)
{
	const uint8_t header[] = {(uint8_t)type, (uint8_t)(type >> 8), 0, 0, (uint8_t)size,
		(uint8_t)(size >> 8), (uint8_t)(size >> 16), (uint8_t)(size >> 24)};

	memcpy(at, header, sizeof(header));
	if (body != NULL)
		memcpy(at + sizeof(header), body, size);
	return sizeof(header) + (body != NULL ? size : 0);
}

/* Every way to cut the bytes in two, and one byte at a time, must give the same. */
static void
expect(enum data_role role, uint32_t chunk, const uint8_t *bytes, size_t size, const char *wanted)
{
	for (size_t split = 0; split <= size; split++) {
		for (size_t take = 1; take <= 4; take += 3) {
			struct record r = {.text = ""};

			data_receiver_init(&r.receiver, role, chunk);
			if (feed(&r, bytes, split, take))
				feed(&r, bytes + split, size - split, take);
			assert_string_equal(r.text, wanted);
		}
	}
	struct record r = {.text = ""};

	data_receiver_init(&r.receiver, role, chunk);
	for (size_t i = 0; i < size; i++)
		if (!feed(&r, bytes + i, 1, 1))
			break;
	assert_string_equal(r.text, wanted);
}

static void
a_whole_call_at_the_caller(void **state)
{
	uint8_t bytes[256];
	size_t n = 0;

	n += put(bytes + n, QREXEC_DATA_STDOUT, "hello", 5);
	n += put(bytes + n, QREXEC_DATA_STDERR, "oops\n", 5);
	n += put(bytes + n, QREXEC_DATA_STDERR, "", 0);
	n += put(bytes + n, QREXEC_DATA_STDOUT, "more", 4);
	n += put(bytes + n, QREXEC_DATA_STDOUT, "", 0);
	n += put(bytes + n, QREXEC_DATA_EXIT_CODE, "\7\0\0", 4);
	expect(DATA_ROLE_CALLER, 65536, bytes, n, "o[hello]e[oops\n]o[more]Ox7");
}

static void
a_service_ignores_what_a_caller_may_not_send(void **state)
{
	uint8_t bytes[256];
	size_t n = 0;

	n += put(bytes + n, QREXEC_DATA_STDIN, "in", 2);
	n += put(bytes + n, QREXEC_DATA_STDERR, "\033[2Jforged", 10);
	n += put(bytes + n, QREXEC_DATA_EXIT_CODE, "\0\0\0", 4);
	n += put(bytes + n, QREXEC_DATA_EXIT_CODE, "", 0);
	n += put(bytes + n, QREXEC_DATA_STDOUT, "put", 3);
	n += put(bytes + n, QREXEC_DATA_STDIN, "", 0);
	expect(DATA_ROLE_SERVICE, 65536, bytes, n, "o[input]O");
}

static void
exit_codes_may_be_short_or_long(void **state)
{
	uint8_t bytes[64];

	expect(DATA_ROLE_CALLER, 65536, bytes, put(bytes, QREXEC_DATA_EXIT_CODE, "", 0), "x255");
	expect(DATA_ROLE_CALLER, 65536, bytes, put(bytes, QREXEC_DATA_EXIT_CODE, "\1\0\0", 3),
		"x255");
	expect(DATA_ROLE_CALLER, 65536, bytes, put(bytes, QREXEC_DATA_EXIT_CODE, "\3\0\0\0zzzz", 8),
		"x3");
}

static void
bad_frames_end_it(void **state)
{
	uint8_t bytes[64];
	size_t n = put(bytes, QREXEC_DATA_STDOUT, "ok", 2);

	log_set_level(LOG_LEVEL_ERROR);
	put(bytes + n, QREXEC_HELLO, NULL, 4);
	expect(DATA_ROLE_CALLER, 65536, bytes, n + 8, "o[ok]!");
	put(bytes + n, 0x18f, NULL, 0);
	expect(DATA_ROLE_SERVICE, 65536, bytes, n + 8, "o[ok]!");
	put(bytes + n, 0x194, NULL, 0);
	expect(DATA_ROLE_CALLER, 65536, bytes, n + 8, "o[ok]!");
	put(bytes + n, QREXEC_DATA_STDOUT, NULL, 65537);
	expect(DATA_ROLE_CALLER, 65536, bytes, n + 8, "o[ok]!");
	put(bytes + n, QREXEC_DATA_STDOUT, NULL, 4097);
	expect(DATA_ROLE_CALLER, 4096, bytes, n + 8, "o[ok]!");
	put(bytes + n, QREXEC_DATA_STDERR, NULL, 0xffffffff);
	expect(DATA_ROLE_SERVICE, 65536, bytes, n + 8, "o[ok]!");
}

static void
payload_left_is_only_the_sinks(void **state)
{
	struct data_receiver r;
	struct data_item item;
	uint8_t bytes[16];

	data_receiver_init(&r, DATA_ROLE_CALLER, 65536);
	assert_int_equal(data_receiver_payload_left(&r), 0);
	put(bytes, QREXEC_DATA_STDOUT, NULL, 1000);
	assert_int_equal(data_receiver_next(&r, bytes, 8, &item), DATA_EVENT_NONE);
	assert_int_equal(data_receiver_payload_left(&r), 1000);
	data_receiver_take(&r, 1000);
	assert_int_equal(data_receiver_payload_left(&r), 0);
	assert_false(data_receiver_in_frame(&r));
	put(bytes, QREXEC_DATA_STDERR, NULL, 1000);
	data_receiver_next(&r, bytes, 8, &item);
	assert_int_equal(data_receiver_payload_left(&r), 0);
	assert_true(data_receiver_in_frame(&r));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_call_at_the_caller),
		cmocka_unit_test(a_service_ignores_what_a_caller_may_not_send),
		cmocka_unit_test(exit_codes_may_be_short_or_long),
		cmocka_unit_test(bad_frames_end_it),
		cmocka_unit_test(payload_left_is_only_the_sinks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
