/* guid.conf and its small languages; titles; tinting; damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "gui/daemon/config.h"
#include "gui/daemon/damage.h"
#include "gui/daemon/tint.h"
#include "gui/daemon/title.h"

static int
read_text(const char *text, struct gui_config *c, struct err *err)
{
	char path[] = "/tmp/guid-conf-XXXXXX";
	AUTO_FD int fd = mkstemp(path);
	int result;

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	gui_config_init(c);
	result = gui_config_read(c, path, err);
	unlink(path);
	return result;
}

static void
test_file(void **state)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct gui_config c;

	(void)state;
	assert_int_equal(read_text("global: { allow_fullscreen = true; max_clipboard_size = 1000;"
				   " secure_copy_sequence = \"Mod4-x\"; override_redirect = "
				   "\"disable\"; };",
				 &c, &err),
		0);
	assert_true(c.allow_fullscreen);
	assert_int_equal(c.max_clipboard_bytes, 1000);
	assert_int_equal(c.copy.modifiers, 64);
	assert_int_equal(c.copy.keysym, 'x');
	assert_int_equal(c.popups, GUI_POPUPS_MANAGED);
	assert_int_equal(read_text("global: { max_clipboard_size = 1; };", &c, &err), 0);
	assert_int_equal(c.max_clipboard_bytes, 64000);
	assert_int_equal(read_text("global: { trayicon_mode = \"no\"; };", &c, &err), -1);
	assert_int_equal(read_text("global: { events_max_delay = 5001; };", &c, &err), -1);
	assert_int_equal(read_text("global: { allow_fullscreen = 1; };", &c, &err), -1);
	assert_int_equal(read_text("global: {", &c, &err), -1);
	gui_config_init(&c);
	assert_int_equal(gui_config_read(&c, "/nonexistent", &err), 0);
}

static void
test_languages(void **state)
{
	struct gui_tray_mode mode;
	struct gui_chord chord;
	uint32_t colour;

	(void)state;
	assert_int_equal(gui_parse_colour("0x73d216", &colour), 0);
	assert_int_equal(colour, 0x73d216);
	assert_int_equal(gui_parse_colour("White", &colour), 0);
	assert_int_equal(colour, 0xffffff);
	assert_true(gui_parse_colour("0x73d21", &colour) < 0);
	assert_true(gui_parse_colour("0x73d2161", &colour) < 0);
	assert_true(gui_parse_colour("", &colour) < 0);
	assert_int_equal(gui_parse_chord("ctrl-SHIFT-c", &chord), 0);
	assert_int_equal(chord.modifiers, 5);
	assert_int_equal(gui_parse_chord("none", &chord), 0);
	assert_int_equal(chord.keysym, 0);
	assert_true(gui_parse_chord("Ctrl-", &chord) < 0);
	assert_true(gui_parse_chord("Ctrl-nokey", &chord) < 0);
	assert_int_equal(gui_parse_tray_mode("tint+border2+saturation50+whitehack", &mode), 0);
	assert_int_equal(mode.border, 2);
	assert_true(mode.half_saturation && mode.keep_white);
	assert_true(gui_parse_tray_mode("tint+", &mode) < 0);
	assert_true(gui_parse_tray_mode("border3", &mode) < 0);
}

static void
check_title(const char *bytes, const char *expected)
{
	char out[64], again[64];

	title_filter(bytes, strlen(bytes), true, out);
	assert_string_equal(out, expected);
	title_filter(out, strlen(out), true, again);
	assert_string_equal(again, out);
}

static void
test_titles(void **state)
{
	(void)state;
	title_init();
	check_title("plain ~", "plain ~");
	check_title("\xc3\xa9\xe2\x82\xac", "\xc3\xa9\xe2\x82\xac");
	check_title("\xc0\x80", "__");           /* overlong */
	check_title("\xed\xa0\x80", "___");      /* surrogate */
	check_title("\xf4\x90\x80\x80", "____"); /* beyond Unicode */
	check_title("\xe2\x82", "__");           /* cut off */
	check_title("a\xe2\x80\x8b"
		    "b",
		"a_b");                   /* zero width */
	check_title("\xef\xb8\x8f", "_"); /* variation selector */
	check_title("\xee\x80\x80", "_"); /* private use */
	check_title("\xc2\x85", "_");     /* C1 */
	check_title("\xd9\x80\xd8\xa7", "\xd9\x80\xd8\xa7");
}

static void
test_tints(void **state)
{
	const struct gui_tray_mode tint = {.colouring = GUI_TRAY_TINT};
	const struct gui_tray_mode white = {.colouring = GUI_TRAY_TINT, .keep_white = true};

	(void)state;
	/* T98: the label's hue, the pixel's lightness. */
	for (uint32_t grey = 0; grey < 256; grey += 5) {
		uint32_t pixel = tint_tray_pixel(grey * 0x010101, 0xcc0000, &tint);
		int most = (int)(pixel >> 16 & 0xff), least = (int)(pixel & 0xff);

		assert_int_equal(pixel >> 8 & 0xff, pixel & 0xff);
		assert_true(most >= least);
		assert_true(abs((most + least) / 2 - (int)grey) <= 1);
	}
	assert_int_equal(tint_tray_pixel(0xffffff, 0xcc0000, &white), 0xfefefe);
	for (uint32_t alpha = 0; alpha < 256; alpha += 15) {
		uint32_t pixel = tint_icon_pixel(alpha << 24 | 0x80c0ff, 0x73d216);

		assert_int_equal(pixel >> 24, alpha);
		for (int shift = 0; shift <= 16; shift += 8)
			assert_true((pixel >> shift & 0xff) <= alpha);
	}
}

static void
test_damage(void **state)
{
	struct damage d = {0};
	struct area common;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		damage_add(&d, &(struct area){i * 3, i, 2, 2});
		assert_true(d.count <= DAMAGE_MAX);
	}
	damage_add(&d, &(struct area){0, 0, 5000, 5000});
	assert_int_equal(d.count, 1);
	assert_false(
		area_intersect(&(struct area){0, 0, 10, 10}, &(struct area){10, 0, 5, 5}, &common));
	assert_true(
		area_intersect(&(struct area){0, 0, 10, 10}, &(struct area){9, -3, 5, 5}, &common));
	assert_int_equal(common.width, 1);
	assert_int_equal(common.height, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_languages),
		cmocka_unit_test(test_titles),
		cmocka_unit_test(test_tints),
		cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
