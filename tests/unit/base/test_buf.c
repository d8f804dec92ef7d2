/* The bounded buffer keeps its limit, its bytes and its promises about failed getters. */
#include "cmocka_all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"

static void
integers_round_trip(void **state)
{
	AUTO_BUF struct buf b;
	uint8_t u8;
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;

	buf_init(&b, 64);
	assert_int_equal(buf_put_u8(&b, 0xab), 0);
	assert_int_equal(buf_put_u16(&b, 0x1234), 0);
	assert_int_equal(buf_put_u32(&b, 0xdeadbeef), 0);
	assert_int_equal(buf_put_u64(&b, 0x0123456789abcdefULL), 0);
	assert_memory_equal(
		buf_data(&b), "\xab\x34\x12\xef\xbe\xad\xde\xef\xcd\xab\x89\x67\x45\x23\x01", 15);
	assert_int_equal(buf_peek_u32(&b, 3, &u32), 0);
	assert_int_equal(u32, 0xdeadbeef);
	assert_int_equal(buf_get_u8(&b, &u8), 0);
	assert_int_equal(buf_get_u16(&b, &u16), 0);
	assert_int_equal(buf_get_u32(&b, &u32), 0);
	assert_int_equal(buf_get_u64(&b, &u64), 0);
	assert_int_equal(u8, 0xab);
	assert_int_equal(u16, 0x1234);
	assert_int_equal(u32, 0xdeadbeef);
	assert_true(u64 == 0x0123456789abcdefULL);
	assert_int_equal(buf_len(&b), 0);
}

static void
short_getters_leave_everything(void **state)
{
	AUTO_BUF struct buf b;
	uint32_t value = 7;

	buf_init(&b, 64);
	assert_int_equal(buf_put(&b, "abc", 3), 0);
	assert_int_equal(buf_get_u32(&b, &value), -EAGAIN);
	assert_int_equal(buf_peek_u32(&b, 0, &value), -EAGAIN);
	assert_int_equal(buf_peek_u32(&b, SIZE_MAX, &value), -EAGAIN);
	assert_int_equal(buf_consume(&b, 4), -EAGAIN);
	assert_int_equal(value, 7);
	assert_int_equal(buf_len(&b), 3);
}

static void
the_maximum_holds(void **state)
{
	AUTO_BUF struct buf b;
	char bytes[100];

	memset(bytes, 'x', sizeof(bytes));
	buf_init(&b, 99);
	assert_int_equal(buf_put(&b, bytes, 100), -ENOBUFS);
	assert_int_equal(buf_len(&b), 0);
	assert_int_equal(buf_put(&b, bytes, 99), 0);
	assert_int_equal(buf_put_u8(&b, 1), -ENOBUFS);
	assert_null(buf_reserve(&b, 1));
	assert_int_equal(buf_consume(&b, 50), 0);
	assert_int_equal(buf_put(&b, bytes, 50), 0);
	assert_int_equal(buf_len(&b), 99);
}

static void
reserved_room_can_be_given_back(void **state)
{
	AUTO_BUF struct buf b;
	char *place;

	buf_init(&b, 1000);
	place = buf_reserve(&b, 10);
	assert_non_null(place);
	memcpy(place, "0123456789", 10);
	assert_int_equal(buf_trim(&b, 4), 0);
	assert_int_equal(buf_len(&b), 6);
	assert_memory_equal(buf_data(&b), "012345", 6);
}

static void
texts_end_at_their_nul(void **state)
{
	AUTO_BUF struct buf b;
	const char *text = NULL;

	buf_init(&b, 100);
	assert_int_equal(buf_put_string(&b, "work"), 0);
	assert_int_equal(buf_get_text(&b, 10, &text), -EAGAIN);
	assert_int_equal(buf_get_text(&b, 3, &text), -EBADMSG);
	assert_int_equal(buf_put_text(&b, "-net"), 0);
	assert_int_equal(buf_put_text(&b, "rest"), 0);
	assert_int_equal(buf_get_text(&b, 7, &text), -EBADMSG);
	assert_int_equal(buf_get_text(&b, 8, &text), 0);
	assert_string_equal(text, "work-net");
	assert_int_equal(buf_get_text(&b, 8, &text), 0);
	assert_string_equal(text, "rest");
}

static void
descriptors_are_read_and_written(void **state)
{
	AUTO_BUF struct buf b;
	int fds[2];
	char *text;

	buf_init(&b, 8);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "0123456789", 10), 10);
	assert_int_equal(buf_read_fd(&b, fds[0], 4), 4);
	assert_int_equal(buf_read_fd(&b, fds[0], 100), 4);
	assert_int_equal(buf_read_fd(&b, fds[0], 100), -ENOBUFS);
	assert_int_equal(buf_write_fd(&b, fds[1]), 8);
	assert_int_equal(buf_len(&b), 0);
	close(fds[1]);
	assert_int_equal(buf_read_fd(&b, fds[0], 2), 2);
	text = buf_steal_string(&b);
	assert_string_equal(text, "89");
	free(text);
	assert_int_equal(buf_read_fd(&b, fds[0], 100), 8);
	buf_clear(&b);
	assert_int_equal(buf_read_fd(&b, fds[0], 100), 0);
	close(fds[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_round_trip),
		cmocka_unit_test(short_getters_leave_everything),
		cmocka_unit_test(the_maximum_holds),
		cmocka_unit_test(reserved_room_can_be_given_back),
		cmocka_unit_test(texts_end_at_their_nul),
		cmocka_unit_test(descriptors_are_read_and_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
