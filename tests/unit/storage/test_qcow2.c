/* qcow2 headers: a good one, and every way to lie in one. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "admin/storage/qcow2.h"

#define FILE_BYTES 196616

static uint8_t bytes[QCOW2_HEADER_BYTES];

static void
put(size_t offset, size_t size, uint64_t value)
{
	for (size_t i = 0; i < size; i++)
		bytes[offset + i] = (uint8_t)(value >> (8 * (size - 1 - i)));
}

static int
make_good(void **state)
{
	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, "QFI\xfb", 4);
	put(4, 4, 3);
	put(8, 8, 512); /* the base's name */
	put(16, 4, 12);
	put(20, 4, 16); /* clusters of 64 KiB */
	put(24, 8, 1 << 30);
	put(40, 8, 0x30000); /* L1 table */
	put(48, 8, 0x10000); /* refcount table */
	put(100, 4, 112);
	memcpy(bytes + 512, "root-1.qcow2", 12);
	return 0;
}

static int
parse(size_t count)
{
	struct qcow2_header header;

	return qcow2_parse_header(bytes, count, FILE_BYTES, &header, NULL);
}

static void
test_good(void **state)
{
	struct qcow2_header header;

	assert_int_equal(qcow2_parse_header(bytes, sizeof(bytes), FILE_BYTES, &header, NULL), 0);
	assert_string_equal(header.backing, "root-1.qcow2");
	assert_int_equal(header.size_bytes, 1 << 30);
	put(8, 8, 0);
	assert_int_equal(qcow2_parse_header(bytes, sizeof(bytes), FILE_BYTES, &header, NULL), 0);
	assert_string_equal(header.backing, "");
	/* Dirty: QEMU repairs that. */
	put(72, 8, 1);
	assert_int_equal(parse(sizeof(bytes)), 0);
}

static void
test_short(void **state)
{
	for (size_t count = 0; count < 524; count++)
		assert_int_equal(parse(count), -1);
	assert_int_equal(parse(524), 0);
}

static void
test_lies(void **state)
{
	static const struct {
		size_t offset, size;
		uint64_t value;
	} lies[] = {
		{0, 1, 'X'},                                                 /* magic */
		{4, 4, 1}, {4, 4, 4},                                        /* version */
		{8, 8, 4096}, {8, 8, UINT64_MAX}, {8, 8, 4090},              /* the name's place */
		{16, 4, 0}, {16, 4, 1024}, {16, 4, UINT32_MAX}, {16, 4, 13}, /* its length */
		{20, 4, 8}, {20, 4, 22},                                     /* clusters */
		{32, 4, 1},                                                  /* encryption */
		{40, 8, FILE_BYTES + 1}, {48, 8, UINT64_MAX},                /* tables */
		{72, 8, 2}, {72, 8, 4}, {72, 8, UINT64_C(1) << 63},          /* features */
		{100, 4, 72}, /* the header's length */
		{512, 1, 0},  /* a NUL in the name */
	};

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		make_good(NULL);
		put(lies[i].offset, lies[i].size, lies[i].value);
		assert_int_equal(parse(sizeof(bytes)), -1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_good, make_good),
		cmocka_unit_test_setup(test_short, make_good),
		cmocka_unit_test_setup(test_lies, make_good),
	};

	return cmocka_run_group_tests_name("qcow2", tests, NULL, NULL);
}
