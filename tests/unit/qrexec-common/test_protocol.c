/* Frames: exact bytes, every split, every bad length; names as a qube may send them. */
#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qrexec/common/protocol.h"

#define IN_MAX 140000

/* Every split of the bytes in two: `in` then holds the front alone. */
#define FOR_EACH_SPLIT(in, bytes, size)                                                            \
	for (size_t split = 0; split < (size); split++)                                            \
		if (buf_clear(&(in)), buf_put(&(in), (bytes), split), true)

static const uint8_t exec_bytes[] = "\x00\x02\x00\x00\x2c\x00\x00\x00"
				    "\x0b\x00\x00\x00\x01\x02\x00\x00"
				    "nobody:QUBESRPC test.Info+arg alpha";

static void
hello_is_exact(void **state)
{
	static const uint8_t bytes[] = {0, 3, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0};
	AUTO_BUF struct buf b;
	uint32_t version = 0;

	buf_init(&b, IN_MAX);
	assert_int_equal(qrexec_put_hello(&b, 4), 0);
	assert_int_equal(buf_len(&b), sizeof(bytes));
	assert_memory_equal(buf_data(&b), bytes, sizeof(bytes));
	FOR_EACH_SPLIT(b, bytes, sizeof(bytes))
	{
		assert_int_equal(qrexec_get_hello(&b, &version), -EAGAIN);
		assert_int_equal(buf_len(&b), split);
		buf_put(&b, bytes + split, sizeof(bytes) - split);
		assert_int_equal(qrexec_get_hello(&b, &version), 0);
		assert_int_equal(version, 4);
		assert_int_equal(buf_len(&b), 0);
	}
}

static void
hello_of_another_shape_is_refused_by_its_header(void **state)
{
	static const uint8_t longer[] = {0, 3, 0, 0, 5, 0, 0, 0};
	static const uint8_t other[] = {0x90, 1, 0, 0, 4, 0, 0, 0};
	AUTO_BUF struct buf b;
	uint32_t version;

	buf_init(&b, IN_MAX);
	buf_put(&b, longer, sizeof(longer));
	assert_int_equal(qrexec_get_hello(&b, &version), -EBADMSG);
	buf_clear(&b);
	buf_put(&b, other, sizeof(other));
	assert_int_equal(qrexec_get_hello(&b, &version), -EBADMSG);
}

static void
versions_are_negotiated(void **state)
{
	assert_int_equal(qrexec_negotiate(4, 4, 2), 4);
	assert_int_equal(qrexec_negotiate(4, 2, 2), 2);
	assert_int_equal(qrexec_negotiate(4, 0xffffffff, 2), 4);
	assert_int_equal(qrexec_negotiate(4, 1, 2), -EPROTO);
	assert_int_equal(qrexec_negotiate(4, 0, 2), -EPROTO);
}

static void
params_are_parsed_at_every_split(void **state)
{
	size_t size = sizeof(exec_bytes);
	struct qrexec_params params;
	AUTO_BUF struct buf b;
	uint32_t type;

	buf_init(&b, IN_MAX);
	FOR_EACH_SPLIT(b, exec_bytes, size)
	{
		assert_int_equal(qrexec_get_params(&b, 65535, &type, &params), -EAGAIN);
		assert_int_equal(buf_len(&b), split);
		buf_put(&b, exec_bytes + split, size - split);
		assert_int_equal(qrexec_get_params(&b, 65535, &type, &params), 0);
		assert_int_equal(type, QREXEC_EXEC_CMDLINE);
		assert_int_equal(params.domain, 11);
		assert_int_equal(params.port, 513);
		assert_string_equal(params.text, "nobody:QUBESRPC test.Info+arg alpha");
		assert_int_equal(params.size, 36);
		assert_true(params.terminated);
		qrexec_params_finish(&params);
	}
	buf_clear(&b);
	assert_int_equal(
		qrexec_put_params(&b, QREXEC_EXEC_CMDLINE, 11, 513, exec_bytes + 16, 36), 0);
	assert_int_equal(buf_len(&b), size);
	assert_memory_equal(buf_data(&b), exec_bytes, size);
}

static void
params_of_bad_length_are_refused_by_their_header(void **state)
{
	struct qrexec_params params;
	AUTO_BUF struct buf b;
	uint32_t type;

	buf_init(&b, IN_MAX);
	for (uint32_t length = 0; length < 8; length++) {
		buf_clear(&b);
		buf_put_u32(&b, QREXEC_EXEC_CMDLINE);
		buf_put_u32(&b, length);
		assert_int_equal(qrexec_get_params(&b, 65535, &type, &params), -EBADMSG);
	}
	buf_clear(&b);
	buf_put_u32(&b, QREXEC_EXEC_CMDLINE);
	buf_put_u32(&b, 0xffffffff);
	assert_int_equal(qrexec_get_params(&b, 65535, &type, &params), -EMSGSIZE);
	buf_clear(&b);
	assert_int_equal(qrexec_put_params(&b, QREXEC_CONNECTION_TERMINATED, 12, 513, NULL, 0), 0);
	assert_int_equal(qrexec_get_params(&b, 8, &type, &params), 0);
	assert_null(params.text);
}

static void
params_without_a_proper_end_say_so(void **state)
{
	struct qrexec_params params;
	AUTO_BUF struct buf b;
	uint32_t type;

	buf_init(&b, IN_MAX);
	qrexec_put_params(&b, QREXEC_EXEC_CMDLINE, 0, 0, "abc", 3);
	assert_int_equal(qrexec_get_params(&b, 65535, &type, &params), 0);
	assert_false(params.terminated);
	assert_string_equal(params.text, "ab");
	qrexec_params_finish(&params);
	qrexec_put_params(&b, QREXEC_EXEC_CMDLINE, 0, 0, "a\0b", 4);
	assert_int_equal(qrexec_get_params(&b, 65535, &type, &params), 0);
	assert_false(params.terminated);
	assert_string_equal(params.text, "a");
	qrexec_params_finish(&params);
}

static void
fill_trigger(struct qrexec_trigger *t, const char *source, const char *target, char *service)
{
	memset(t, 0, sizeof(*t));
	strncpy(t->source, source, sizeof(t->source) - 1);
	strncpy(t->target, target, sizeof(t->target) - 1);
	memcpy(t->id, "SOCKET13", 8);
	t->service = service;
	t->size = strlen(service) + 1;
}

static void
trigger_4_is_exact_and_survives_every_split(void **state)
{
	char service[] = "test.Info+arg";
	struct qrexec_trigger t, got;
	AUTO_BUF struct buf whole, b;
	uint8_t expected[182] = {0x13, 2, 0, 0, 0xae};

	snprintf((char *)expected + 8 + 64, 64, "beta");
	snprintf((char *)expected + 8 + 128, 32, "SOCKET13");
	memcpy(expected + 8 + 160, service, sizeof(service));
	buf_init(&whole, IN_MAX);
	buf_init(&b, IN_MAX);
	fill_trigger(&t, "", "beta", service);
	assert_int_equal(qrexec_put_trigger(&whole, 4, &t), 0);
	assert_int_equal(buf_len(&whole), sizeof(expected));
	assert_memory_equal(buf_data(&whole), expected, sizeof(expected));
	FOR_EACH_SPLIT(b, expected, sizeof(expected))
	{
		assert_int_equal(qrexec_get_trigger(&b, &got), -EAGAIN);
		buf_put(&b, expected + split, sizeof(expected) - split);
		assert_int_equal(qrexec_get_trigger(&b, &got), 0);
		assert_string_equal(got.target, "beta");
		assert_string_equal(got.source, "");
		assert_string_equal(got.service, service);
		assert_int_equal(got.size, sizeof(service));
		qrexec_trigger_finish(&got);
	}
}

static void
older_triggers_hold_what_they_can(void **state)
{
	char service[] = "test.Info+arg";
	char long_service[65];
	struct qrexec_trigger t, got;
	AUTO_BUF struct buf b;

	buf_init(&b, IN_MAX);
	fill_trigger(&t, "", "beta", service);
	assert_int_equal(qrexec_put_trigger(&b, 3, &t), 0);
	assert_int_equal(buf_len(&b), 8 + 96 + sizeof(service));
	assert_int_equal(qrexec_get_trigger(&b, &got), 0);
	assert_string_equal(got.target, "beta");
	assert_string_equal(got.service, service);
	qrexec_trigger_finish(&got);

	assert_int_equal(qrexec_put_trigger(&b, 2, &t), 0);
	assert_int_equal(buf_len(&b), 8 + 128);
	assert_int_equal(qrexec_get_trigger(&b, &got), 0);
	assert_string_equal(got.target, "beta");
	assert_string_equal(got.service, service);
	assert_memory_equal(got.id, t.id, sizeof(t.id));
	qrexec_trigger_finish(&got);

	fill_trigger(&t, "claimed", "beta", service);
	assert_int_equal(qrexec_put_trigger(&b, 3, &t), -EPROTO);
	memset(long_service, 'x', 64);
	long_service[64] = '\0';
	fill_trigger(&t, "", "beta", long_service);
	assert_int_equal(qrexec_put_trigger(&b, 2, &t), -EMSGSIZE);
	assert_int_equal(buf_len(&b), 0);
}

static void
trigger_lengths_have_bounds(void **state)
{
	static const struct {
		uint32_t type, least, most;
	} bounds[] = {
		{QREXEC_TRIGGER_SERVICE, 128, 128},
		{QREXEC_TRIGGER_SERVICE3, 97, 96 + 65000},
		{QREXEC_TRIGGER_SERVICE4, 161, 160 + 65000},
	};
	struct qrexec_trigger got;
	AUTO_BUF struct buf b;

	buf_init(&b, IN_MAX);
	for (size_t i = 0; i < 3; i++) {
		assert_true(qrexec_trigger_length_valid(bounds[i].type, bounds[i].least));
		assert_true(qrexec_trigger_length_valid(bounds[i].type, bounds[i].most));
		assert_false(qrexec_trigger_length_valid(bounds[i].type, bounds[i].least - 1));
		assert_false(qrexec_trigger_length_valid(bounds[i].type, bounds[i].most + 1));
		assert_false(qrexec_trigger_length_valid(bounds[i].type, 0xffffffff));
		buf_clear(&b);
		buf_put_u32(&b, bounds[i].type);
		buf_put_u32(&b, bounds[i].least - 1);
		assert_int_equal(qrexec_get_trigger(&b, &got), -EBADMSG);
	}
	assert_false(qrexec_trigger_length_valid(QREXEC_HELLO, 128));
}

static void
trigger_types_follow_the_version(void **state)
{
	assert_true(qrexec_trigger_allowed(QREXEC_TRIGGER_SERVICE, 2));
	assert_false(qrexec_trigger_allowed(QREXEC_TRIGGER_SERVICE, 3));
	assert_false(qrexec_trigger_allowed(QREXEC_TRIGGER_SERVICE3, 2));
	assert_true(qrexec_trigger_allowed(QREXEC_TRIGGER_SERVICE3, 4));
	assert_false(qrexec_trigger_allowed(QREXEC_TRIGGER_SERVICE4, 3));
	assert_true(qrexec_trigger_allowed(QREXEC_TRIGGER_SERVICE4, 4));
	assert_int_equal(qrexec_trigger_type(2), QREXEC_TRIGGER_SERVICE);
	assert_int_equal(qrexec_trigger_type(3), QREXEC_TRIGGER_SERVICE3);
	assert_int_equal(qrexec_trigger_type(4), QREXEC_TRIGGER_SERVICE4);
}

static void
refusals_are_exact(void **state)
{
	uint8_t id[32] = "SOCKET13", got[32];
	AUTO_BUF struct buf b;

	buf_init(&b, IN_MAX);
	assert_int_equal(qrexec_put_refused(&b, id), 0);
	assert_int_equal(buf_len(&b), 40);
	assert_memory_equal(buf_data(&b), "\x03\x02\x00\x00\x20\x00\x00\x00SOCKET13", 16);
	assert_int_equal(qrexec_get_refused(&b, got), 0);
	assert_memory_equal(id, got, 32);
	buf_put_u32(&b, QREXEC_SERVICE_REFUSED);
	buf_put_u32(&b, 31);
	assert_int_equal(qrexec_get_refused(&b, got), -EBADMSG);
}

static void
request_ids_are_checked(void **state)
{
	uint8_t id[32] = "SOCKET13 _-.aZ";

	assert_true(qrexec_request_id_valid(id));
	id[31] = 'x';
	assert_false(qrexec_request_id_valid(id));
	id[31] = 0;
	id[3] = '/';
	assert_false(qrexec_request_id_valid(id));
	memset(id, 'a', sizeof(id));
	assert_false(qrexec_request_id_valid(id));
	memset(id, 0, sizeof(id));
	assert_true(qrexec_request_id_valid(id));
}

static void
services_are_checked(void **state)
{
	assert_true(qrexec_service_valid("a", 2));
	assert_true(qrexec_service_valid("test.Info+a+b", 14));
	assert_false(qrexec_service_valid("", 1));
	assert_false(qrexec_service_valid("", 0));
	assert_false(qrexec_service_valid("ab", 2));
	assert_false(qrexec_service_valid("a\0b", 4));
	assert_false(qrexec_service_valid("+arg", 5));
}

static void
cleaning_replaces_and_keeps_the_length(void **state)
{
	char name[] = "@dispvm:a b$c/\xc3\xa4:x-._";
	char service[] = "sv c+a/b$\xc3\xa4@";
	char clean[] = "AZaz09_-.";

	qrexec_clean_name(name);
	assert_string_equal(name, "@dispvm:a_b_c___:x-._");
	qrexec_clean_service(service);
	assert_string_equal(service, "sv_c+a_b____");
	qrexec_clean_name(clean);
	assert_string_equal(clean, "AZaz09_-.");
}

static void
a_frame_that_does_not_fit_leaves_nothing(void **state)
{
	uint8_t id[32] = {0};
	AUTO_BUF struct buf b;

	buf_init(&b, 39);
	assert_int_equal(qrexec_put_refused(&b, id), -ENOBUFS);
	assert_int_equal(buf_len(&b), 0);
	assert_int_equal(qrexec_put_params(&b, QREXEC_EXEC_CMDLINE, 0, 0, id, 32), -ENOBUFS);
	assert_int_equal(buf_len(&b), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hello_is_exact),
		cmocka_unit_test(hello_of_another_shape_is_refused_by_its_header),
		cmocka_unit_test(versions_are_negotiated),
		cmocka_unit_test(params_are_parsed_at_every_split),
		cmocka_unit_test(params_of_bad_length_are_refused_by_their_header),
		cmocka_unit_test(params_without_a_proper_end_say_so),
		cmocka_unit_test(trigger_4_is_exact_and_survives_every_split),
		cmocka_unit_test(older_triggers_hold_what_they_can),
		cmocka_unit_test(trigger_lengths_have_bounds),
		cmocka_unit_test(trigger_types_follow_the_version),
		cmocka_unit_test(refusals_are_exact),
		cmocka_unit_test(request_ids_are_checked),
		cmocka_unit_test(services_are_checked),
		cmocka_unit_test(cleaning_replaces_and_keeps_the_length),
		cmocka_unit_test(a_frame_that_does_not_fit_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
