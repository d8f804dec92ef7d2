/*
 * How windows look: titles, classes, hints, flags, cursors (T62 to T73 of spec gui.md 11), as the X
 * server has them. CASES.md has the table of all cases.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cases.h"

static void
test_T62_T63_T65_titles(void **state)
{
	char utf8[128], longest[128];
	struct gui_message m = {.type = GUI_WMNAME, .window = W1};
	struct harness *h = *state;
	const char *options[] = {"-C", utf8, "-T", NULL};
	xcb_window_t window;
	FILE *file;

	case_begin_with_window(h, NULL);
	window = harness_find(h, W1);
	send_title(h, W1, "A\x07\xc3\xa9\x1b");
	assert_true(await_text(h, window, "WM_NAME", "A____"));
	memset(m.title.untrusted_text, 'x', sizeof(m.title.untrusted_text));
	harness_send(h, &m);
	memset(longest, 'x', 127);
	longest[127] = '\0';
	assert_true(await_text(h, window, "_NET_WM_NAME", longest));
	snprintf(utf8, sizeof(utf8), "%s/utf8.conf", h->directory);
	file = fopen(utf8, "w");
	assert_non_null(file);
	fputs("global: { allow_utf8_titles = true; };\n", file);
	fclose(file);
	case_begin_with_window(h, options);
	window = harness_find(h, W1);
	send_title(h, W1, "A\x07\xc3\xa9\x1b");
	assert_true(await_text(h, window, "_NET_WM_NAME", "[work] A_\xc3\xa9_"));
	send_title(h, W1, "\xe2\x80\xae]krow[");
	assert_true(await_text(h, window, "_NET_WM_NAME", "[work] _]krow["));
}

static void
test_T66_class(void **state)
{
	struct gui_message m = {.type = GUI_WMCLASS, .window = 2};
	struct harness *h = *state;
	xcb_window_t window;

	case_begin_with_window(h, NULL);
	strcpy(m.class.untrusted_class, "A");
	strcpy(m.class.untrusted_name, "B");
	harness_create(h, 2, 500, 500, 100, 100, false);
	harness_send(h, &m);
	window = harness_find(h, 2);
	assert_true(await_text(h, window, "WM_CLASS", "work:B"));
	assert_string_equal(harness_property(h, window, "WM_CLASS") + 7, "work:A");
	harness_map(h, 2, false);
	strcpy(m.class.untrusted_name, "other");
	harness_send(h, &m);
	settle(h, 0);
	assert_true(await_viewable(h, window));
	assert_string_equal(harness_property(h, window, "WM_CLASS"), "work:B");
}

/* T67, T68: bad groups are left out, the others kept. The first word of the property has them. */
static void
test_T67_T68_hints(void **state)
{
	struct gui_message m = {.type = GUI_WINDOW_HINTS,
		.window = W1,
		.hints = {.flags = 0xffffffff,
			.min_width = 10,
			.min_height = 10,
			.width_increment = 16384,
			.height_increment = 1,
			.base_width = 5,
			.base_height = 5}};
	struct harness *h = *state;
	uint32_t flags;

	case_begin_with_window(h, NULL);
	harness_send(h, &m);
	settle(h, 0);
	for (int i = 0; i < 1000; i++) {
		flags = harness_property_word(h, harness_find(h, W1), "WM_NORMAL_HINTS");
		if ((flags & GUI_HINT_MIN_SIZE) != 0)
			break;
		usleep(10000);
	}
	assert_int_equal(flags & (GUI_HINT_MIN_SIZE | GUI_HINT_BASE_SIZE),
		GUI_HINT_MIN_SIZE | GUI_HINT_BASE_SIZE);
	assert_int_equal(flags & (GUI_HINT_MAX_SIZE | GUI_HINT_INCREMENT), 0);
}

static void
test_T69_flags(void **state)
{
	struct gui_message m = {.type = GUI_WINDOW_FLAGS, .window = W1, .flags = {1, 1}};

	case_begin_with_window(*state, NULL);
	harness_send(*state, &m);
	expect_violation(*state);
}

static void
expect_cursor(struct harness *h, uint32_t id, bool good)
{
	struct gui_message m = {.type = GUI_CURSOR, .window = W1, .cursor = {id}};

	case_begin_with_window(h, NULL);
	harness_send(h, &m);
	if (good)
		settle(h, 0);
	else
		expect_violation(h);
}

static void
test_T73_cursors(void **state)
{
	expect_cursor(*state, 0x122, true);
	expect_cursor(*state, 0, true);
	expect_cursor(*state, 0x19a, false);
	expect_cursor(*state, 5, false);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_T62_T63_T65_titles),
		cmocka_unit_test(test_T66_class),
		cmocka_unit_test(test_T67_T68_hints),
		cmocka_unit_test(test_T69_flags),
		cmocka_unit_test(test_T73_cursors),
	};

	if (access("/usr/bin/Xvfb", X_OK) != 0) {
		print_message("SKIP: no Xvfb\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, harness_set_up, harness_tear_down);
}
