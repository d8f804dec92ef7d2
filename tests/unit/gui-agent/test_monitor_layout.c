/* Monitor layouts as the host writes them, and as it must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gui/agent/monitor_layout.h"

static void
test_two_monitors(void **state)
{
	struct monitor_layout l;

	assert_int_equal(
		monitor_layout_parse("1920 1080 0 0 508 285\n1280 1024 1920 56\n", &l, NULL), 0);
	assert_int_equal(l.count, 2);
	assert_int_equal(l.width, 3200);
	assert_int_equal(l.height, 1080);
	assert_int_equal(l.monitors[0].width_mm, 508);
	assert_int_equal(l.monitors[1].x, 1920);
	assert_int_equal(l.monitors[1].height_mm, 0);
}

static void
test_refused(void **state)
{
	static const char *const texts[] = {"", "\n", "1 2 3\n", "1 2 3 4 5\n", "0 100 0 0\n",
		"100 100 -1 0\n", "100 100 0 16385\n", "99999999999999999999 1 0 0\n",
		"1 1 0 0 1 1 1\n", "a b c d\n", "1 1 0 0\n\n1 1 0 0\n", "1\t1 0 0\n"};
	struct monitor_layout l;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		AUTO_ERR struct err err = ERR_INIT;

		assert_int_equal(monitor_layout_parse(texts[i], &l, &err), -1);
		assert_non_null(err.message);
	}
}

static void
test_too_many(void **state)
{
	char text[MONITOR_LINES_MAX * 16 + 32] = "";
	struct monitor_layout l;

	for (int i = 0; i < MONITOR_LINES_MAX; i++)
		strcat(text, "10 10 0 0\n"); /* NOLINT: has room */
	assert_int_equal(monitor_layout_parse(text, &l, NULL), 0);
	assert_int_equal(l.count, MONITORS_MAX);
	strcat(text, "10 10 0 0\n"); /* NOLINT: has room */
	assert_int_equal(monitor_layout_parse(text, &l, NULL), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_monitors),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
