/* Icons of windows: records taken apart byte by byte, made smaller, tinted, kept until wanted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "core_fixture.h"
#include "gui/daemon/tint.h"

/* All icons of some bytes, given in pieces of `step`: how many, or -1 for a violation. */
static int
feed(const void *bytes, size_t size, size_t step, struct icon *ret_last)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct icon_stream *s = icon_stream_create();
	const struct icon *icon;
	AUTO_BUF struct buf in;
	int count = 0, result = 0;

	buf_init(&in, 65536);
	for (size_t at = 0; at < size && result >= 0; at += step) {
		buf_put(&in, (const char *)bytes + at, size - at < step ? size - at : step);
		while ((result = icon_stream_take(s, &in, &icon, &err)) > 0) {
			*ret_last = *icon;
			count++;
		}
	}
	/* What is refused stays refused. */
	if (result < 0) {
		buf_put_string(&in, "1\n1 1\nabcd");
		assert_int_equal(icon_stream_take(s, &in, &icon, &err), -1);
	}
	icon_stream_destroy(s);
	return result < 0 ? -1 : count;
}

static struct icon last;

static void
test_records(void **state)
{
	static const char two[] = "17\n2 1\n\x10\x20\x30\xff\x01\x02\x03\x80"
				  "4294967295\n1 1\n\x0a\x0b\x0c\xff";

	(void)state;
	for (size_t step = 1; step < sizeof(two); step++) {
		assert_int_equal(feed(two, sizeof(two) - 1, step, &last), 2);
		assert_int_equal(last.window, UINT32_MAX);
		assert_int_equal(last.pixels[0], 0xff0a0b0c);
	}
	assert_int_equal(feed(two, 15, 3, &last), 1);
	assert_int_equal(last.window, 17);
	assert_int_equal(last.width, 2);
	assert_int_equal(last.height, 1);
	assert_int_equal(last.pixels[0], 0xff102030);
	assert_int_equal(last.pixels[1], 0x80010203);
}

static void
test_bad_records(void **state)
{
	static const char *const bad[] = {"\n", "x\n", "-1\n", "4294967296\n", "1 \n", "01\n",
		"1\n1\n", "1\n0 1\n", "1\n1 0\n", "1\n2049 1\n", "1\n1 2049\n", "1\n1  1\n",
		"1\n1 1 \n", "1\n 1 1\n", "1\n99999999999999999999 1\n",
		"11111111111111111111111111111111", "1\n1 111111111111111111111111111111",
		"1\n-1 1\n", "1\n1x1\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(feed(bad[i], strlen(bad[i]), 1, &last), -1);
		assert_int_equal(feed(bad[i], strlen(bad[i]), 64, &last), -1);
	}
	assert_int_equal(feed("1\0\n", 3, 3, &last), -1);
	assert_int_equal(feed("1\n1 1\0\n", 7, 7, &last), -1);
}

/* An icon of one colour is of that colour when it is small, too. */
static void
feed_plain(uint32_t width, uint32_t height)
{
	AUTO_BUF struct buf b;

	buf_init(&b, 32 << 20);
	buf_printf(&b, "5\n%u %u\n", width, height);
	for (uint32_t i = 0; i < width * height; i++)
		buf_put_u32(&b, 0xff112233); /* R 33 G 22 B 11 */
	assert_int_equal(feed(buf_data(&b), buf_len(&b), 4096, &last), 1);
}

static void
test_large_ones_are_made_smaller(void **state)
{
	static const struct {
		uint32_t width, height, shown_width, shown_height;
	} sizes[] = {{128, 128, 128, 128}, {129, 129, 128, 128}, {2048, 2048, 128, 128},
		{2048, 1, 128, 1}, {1, 2048, 1, 128}, {300, 200, 128, 85}, {127, 128, 127, 128}};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		feed_plain(sizes[i].width, sizes[i].height);
		assert_int_equal(last.width, sizes[i].shown_width);
		assert_int_equal(last.height, sizes[i].shown_height);
		for (uint32_t at = 0; at < last.width * last.height; at++)
			assert_int_equal(last.pixels[at], 0xff332211);
	}
}

/* What can not be seen does not colour what can. */
static void
test_transparent_pixels_have_no_colour(void **state)
{
	AUTO_BUF struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	buf_printf(&b, "5\n256 1\n");
	for (int i = 0; i < 128; i++) {
		buf_put_u32(&b, 0xff000064); /* red 100 */
		buf_put_u32(&b, 0x0000ff00); /* green, and nothing of it seen */
	}
	assert_int_equal(feed(buf_data(&b), buf_len(&b), 512, &last), 1);
	assert_int_equal(last.width, 128);
	assert_int_equal(last.pixels[0], 0x7f640000);
}

static struct icon
icon_of(uint32_t window, uint32_t pixel)
{
	return (struct icon){.window = window, .width = 1, .height = 1, .pixels = {pixel}};
}

static void
test_early_icons_wait(void **state)
{
	struct icon icon;
	struct fixture f;

	(void)state;
	fixture_init(&f);
	fixture_connect(&f, 8);
	assert_int_equal(fixture_create(&f, 100, 0, 0, 10, 10, false), 0);
	icon = icon_of(100, 0xff808080);
	core_set_icon(f.core, &icon);
	assert_int_equal(fixture_view(&f, 100)->icons, 1);
	assert_int_equal(
		fixture_view(&f, 100)->icon_pixel, tint_icon_pixel(0xff808080, f.config.colour));
	/* The first of six is forgotten, the last of one window counts. */
	for (uint32_t i = 1; i <= 6; i++) {
		icon = icon_of(i, 0xff000000 + i);
		core_set_icon(f.core, &icon);
	}
	icon = icon_of(6, 0xffffffff);
	core_set_icon(f.core, &icon);
	for (uint32_t i = 1; i <= 6; i++) {
		assert_int_equal(fixture_create(&f, i, 0, 0, 10, 10, false), 0);
		assert_int_equal(fixture_view(&f, i)->icons, i == 1 ? 0 : 1);
	}
	assert_int_equal(
		fixture_view(&f, 6)->icon_pixel, tint_icon_pixel(0xffffffff, f.config.colour));
	/* A new connection knows of none. */
	icon = icon_of(7, 0xff000000);
	core_set_icon(f.core, &icon);
	fixture_connect(&f, 8);
	assert_int_equal(fixture_create(&f, 7, 0, 0, 10, 10, false), 0);
	assert_int_equal(fixture_view(&f, 7)->icons, 0);
	fixture_finish(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_bad_records),
		cmocka_unit_test(test_large_ones_are_made_smaller),
		cmocka_unit_test(test_transparent_pixels_have_no_colour),
		cmocka_unit_test(test_early_icons_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
