/* From the map of an image to what is read of it: what qemu-img prints, and what it should not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "admin/storage/pool_qcow2.h"
#include "base/cleanup.h"

#define LINE(start, length, depth)                                                                 \
	"{ \"start\": " #start ", \"length\": " #length ", \"depth\": " #depth                     \
	", \"present\": true, \"zero\": false, \"data\": true, \"offset\": 327680},\n"

/* The commands made of a map; the code of the error instead if there is one. */
static int
make(const char *map, uint64_t limit, char *ret_text, size_t size)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FD int from = memfd_create("from", MFD_CLOEXEC);
	AUTO_FD int to = memfd_create("to", MFD_CLOEXEC);
	ssize_t count;

	assert_int_equal(write(from, map, strlen(map)), strlen(map));
	assert_int_equal(lseek(from, 0, SEEK_SET), 0);
	if (qcow2_make_reads(from, to, limit, &err) < 0)
		return err.code;
	count = pread(to, ret_text, size - 1, 0);
	assert_true(count >= 0);
	ret_text[count] = '\0';
	return 0;
}

static void
test_own_extents_are_read(void **state)
{
	char text[512];

	assert_int_equal(make("[" LINE(0, 65536, 1) LINE(65536, 131072, 0) LINE(196608, 65536, 2)
					 LINE(262144, 65536, 0) "]\n",
				 UINT64_MAX, text, sizeof(text)),
		0);
	assert_string_equal(text, "read -q 65536 131072\nread -q 262144 65536\n");
	assert_int_equal(make("[]\n", UINT64_MAX, text, sizeof(text)), 0);
	assert_string_equal(text, "");
}

static void
test_nothing_beyond_the_end_and_in_pieces(void **state)
{
	char text[512];

	assert_int_equal(make("[" LINE(0, 50331648, 0) "]\n", 40000000, text, sizeof(text)), 0);
	assert_string_equal(
		text, "read -q 0 16777216\nread -q 16777216 16777216\nread -q 33554432 6445568\n");
	assert_int_equal(make("[" LINE(65536, 65536, 0) "]\n", 65536, text, sizeof(text)), 0);
	assert_string_equal(text, "");
	assert_int_equal(
		make("[" LINE(65536, 18446744073709551615, 0) "]\n", 65537, text, sizeof(text)), 0);
	assert_string_equal(text, "read -q 65536 1\n");
}

static void
test_what_is_no_map(void **state)
{
	static const char *const bad[] = {"x\n", "{ \"start\": x", "[{ \"start\": 1 }]\n",
		"{ \"start\": 1, \"length\": 99999999999999999999, \"depth\": 0,\n",
		"{ \"length\": 1, \"start\": 1, \"depth\": 0,\n", "write -P 1 0 512\n"};
	char text[512];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(make(bad[i], UINT64_MAX, text, sizeof(text)), EBADMSG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_extents_are_read),
		cmocka_unit_test(test_nothing_beyond_the_end_and_in_pieces),
		cmocka_unit_test(test_what_is_no_map),
	};

	return cmocka_run_group_tests_name("fold", tests, NULL, NULL);
}
