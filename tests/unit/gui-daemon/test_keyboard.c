/* The text of a keyboard layout, from what X knows of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "gui/launcher/keyboard.h"

static char text[KEYBOARD_LAYOUT_MAX];

#define LAYOUT_OF(names, group) keyboard_layout_text(names, sizeof(names) - 1, group, text)

static void
test_layouts(void **state)
{
	static const char plain[] = "evdev\0pc105\0us\0\0\0";
	static const char german[] = "evdev\0pc105\0de\0nodeadkeys\0compose:caps\0";
	static const char two[] =
		"evdev\0pc105\0us,de\0,neo\0grp:alt_shift_toggle,caps:none,grp:win,ctrl:swap\0";

	(void)state;
	assert_int_equal(LAYOUT_OF(plain, 0), 0);
	assert_string_equal(text, KEYBOARD_LAYOUT_DEFAULT);
	assert_int_equal(LAYOUT_OF(german, 0), 0);
	assert_string_equal(text, "de+nodeadkeys+compose:caps");
	assert_int_equal(LAYOUT_OF(two, 0), 0);
	assert_string_equal(text, "us++caps:none,ctrl:swap");
	assert_int_equal(LAYOUT_OF(two, 1), 0);
	assert_string_equal(text, "de+neo+caps:none,ctrl:swap");
	/* A group that no layout was named for. */
	assert_int_equal(LAYOUT_OF(two, 3), 0);
	assert_string_equal(text, "us++caps:none,ctrl:swap");
	/* No variants, no options. */
	assert_int_equal(LAYOUT_OF("evdev\0pc105\0fr\0", 0), 0);
	assert_string_equal(text, "fr++");
}

static void
test_bad_names(void **state)
{
	char much[1000];

	(void)state;
	assert_true(keyboard_layout_text("", 0, 0, text) < 0);
	assert_true(LAYOUT_OF("evdev\0pc105\0\0\0\0", 0) < 0);
	assert_true(LAYOUT_OF("evdev\0pc105\0us", 0) < 0);
	assert_true(LAYOUT_OF("evdev\0pc105\0us; x\0\0\0", 0) < 0);
	assert_true(LAYOUT_OF("evdev\0pc105\0us\0a$(b)\0\0", 0) < 0);
	assert_true(LAYOUT_OF("evdev\0pc105\0us\0\0a b\0", 0) < 0);
	memset(much, 'a', sizeof(much));
	much[1] = much[3] = much[sizeof(much) - 1] = '\0';
	assert_true(keyboard_layout_text(much, sizeof(much), 0, text) < 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layouts),
		cmocka_unit_test(test_bad_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
