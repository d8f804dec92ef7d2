/* The launcher's own words: lines of guid.conf from features, and what monitors are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "gui/launcher/launcher.h"

static int
add(struct buf *b, const char *key, const char *value)
{
	AUTO_ERR struct err err = ERR_INIT;

	return gui_qube_add_option(b, key, value, &err);
}

static void
test_options(void **state)
{
	AUTO_BUF struct buf b;

	(void)state;
	buf_init(&b, 4096);
	assert_int_equal(add(&b, "allow_fullscreen", "1"), 0);
	assert_int_equal(add(&b, "allow_utf8_titles", ""), 0);
	assert_int_equal(add(&b, "secure_copy_sequence", "Mod4-c"), 0);
	assert_int_equal(add(&b, "windows_count_limit", "20"), 0);
	buf_put_u8(&b, 0);
	assert_string_equal((const char *)buf_data(&b),
		"  allow_fullscreen = true;\n  allow_utf8_titles = false;\n"
		"  secure_copy_sequence = \"Mod4-c\";\n  windows_count_limit = 20;\n");
}

static void
test_bad_options(void **state)
{
	AUTO_BUF struct buf b;

	(void)state;
	buf_init(&b, 4096);
	assert_true(add(&b, "allow_fullscreen", "yes; x = 1") < 0);
	assert_true(add(&b, "trayicon_mode", "tint\"; allow_fullscreen = true; x = \"") < 0);
	assert_true(add(&b, "window_background_color", "white\"") < 0);
	assert_true(add(&b, "secure_paste_sequence", "Ctrl-\"") < 0);
	assert_true(add(&b, "windows_count_limit", "20; y = 2") < 0);
	assert_true(add(&b, "no_such_option", "1") < 0);
	assert_int_equal(buf_len(&b), 0);
}

static void
test_densities(void **state)
{
	(void)state;
	/* 96, 150, 200 and 300 dots an inch and nothing between. */
	assert_int_equal(monitors_shown_mm(1920, 0), 0);
	assert_int_equal(monitors_shown_mm(1920, 520), 508);
	assert_int_equal(monitors_shown_mm(1920, 344), 508);
	assert_int_equal(monitors_shown_mm(3840, 600), 650);
	assert_int_equal(monitors_shown_mm(3840, 344), 488);
	assert_int_equal(monitors_shown_mm(3840, 290), 325);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_bad_options),
		cmocka_unit_test(test_densities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
