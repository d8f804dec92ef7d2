/* Which of a window's icons is sent, and how. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "gui/agent/icon_choice.h"

#define WORDS_MAX (3U << 20)

static uint32_t *words;
static size_t count;

static void
add(uint32_t width, uint32_t height, uint32_t pixel)
{
	words[count++] = width;
	words[count++] = height;
	for (uint32_t i = 0; i < width * height; i++)
		words[count++] = pixel;
}

static int
set_up(void **state)
{
	(void)state;
	words = calloc(WORDS_MAX, sizeof(*words));
	count = 0;
	return words == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	(void)state;
	free(words);
	return 0;
}

static uint32_t
chosen_width(void)
{
	struct icon_picture p = {0};

	return icon_choose(words, count, &p) == 0 ? p.width : 0;
}

static void
test_order(void **state)
{
	static const uint32_t worse_to_better[] = {16, 17, 1000, 32, 512, 256, 48, 64, 96, 128};

	(void)state;
	for (size_t i = 0; i < sizeof(worse_to_better) / sizeof(worse_to_better[0]); i++) {
		add(worse_to_better[i], worse_to_better[i], i);
		assert_int_equal(chosen_width(), worse_to_better[i]);
	}
	add(24, 24, 0);
	assert_int_equal(chosen_width(), 128);
}

static void
test_bad_lists(void **state)
{
	(void)state;
	assert_int_equal(chosen_width(), 0);
	words[0] = 4;
	count = 1;
	assert_int_equal(chosen_width(), 0);
	words[1] = 4;
	count = 2;
	assert_int_equal(chosen_width(), 0);
	/* One pixel is missing. */
	count = 17;
	assert_int_equal(chosen_width(), 0);
	count = 18;
	assert_int_equal(chosen_width(), 4);
	/* A product that wraps in 32 bits; a side of none. */
	words[count] = 65536;
	words[count + 1] = 65536;
	count += 100;
	assert_int_equal(chosen_width(), 4);
	words[18] = 0;
	assert_int_equal(chosen_width(), 4);
}

static void
test_too_large_is_passed_over(void **state)
{
	(void)state;
	add(1025, 1024, 1);
	assert_int_equal(chosen_width(), 0);
	add(20, 10, 2);
	assert_int_equal(chosen_width(), 20);
}

static void
test_record(void **state)
{
	static const char expected[] = "7\n2 1\n\x11\x22\x33\x80\x11\x22\x33\x80";
	struct icon_picture p = {0};
	AUTO_BUF struct buf b;

	(void)state;
	buf_init(&b, 64);
	add(2, 1, 0x80112233);
	assert_int_equal(icon_choose(words, count, &p), 0);
	assert_int_equal(icon_put_record(&b, 7, &p), 0);
	assert_int_equal(buf_len(&b), sizeof(expected) - 1);
	assert_memory_equal(buf_data(&b), expected, sizeof(expected) - 1);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_order),
		TEST(test_bad_lists),
		TEST(test_too_large_is_passed_over),
		TEST(test_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
