/* Windows, geometry, popups, looks: the core against the cases of spec gui.md 11 (T numbers). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "core_fixture.h"

#define W1 0x11

static int
set_up(void **state)
{
	struct fixture *f = malloc(sizeof(*f));

	fixture_init(f);
	fixture_connect(f, 8);
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	fixture_finish(*state);
	free(*state);
	return 0;
}

static int
send_configure(struct fixture *f, uint32_t id, int32_t x, int32_t y, uint32_t w, uint32_t h)
{
	struct gui_message m = {.type = GUI_CONFIGURE, .window = id, .configure = {x, y, w, h, 1}};

	return fixture_send(f, &m);
}

static void
test_T08_T09_T10_T13(void **state)
{
	struct fixture *f = *state;
	uint32_t unknown[3] = {150, W1, 0}, for_agent[3] = {124, W1, 20};

	assert_int_equal(fixture_create(f, W1, 0, 0, 10, 10, false), 0);
	assert_int_equal(fixture_send_bytes(f, unknown, sizeof(unknown)), -1);
	fixture_connect(f, 8);
	assert_int_equal(f->display.windows, 0);
	assert_int_equal(fixture_map(f, W1), -1);
	fixture_connect(f, 8);
	fixture_create(f, W1, 0, 0, 10, 10, false);
	assert_int_equal(fixture_create(f, W1, 0, 0, 10, 10, false), -1);
	fixture_connect(f, 8);
	fixture_create(f, W1, 0, 0, 10, 10, false);
	assert_int_equal(fixture_send_bytes(f, for_agent, sizeof(for_agent)), -1);
	/* Nothing is heard any more. */
	assert_int_equal(fixture_create(f, 0x12, 0, 0, 10, 10, false), -1);
}

static void
test_T11_T12_lengths(void **state)
{
	struct fixture *f = *state;
	uint32_t message[3 + 7] = {GUI_CREATE, W1, 23, 0, 0, 10, 10, 0, 0, 0};

	assert_int_equal(fixture_send_bytes(f, message, 12 + 23), -1);
	fixture_connect(f, 8);
	message[2] = 25;
	assert_int_equal(fixture_send_bytes(f, message, 12 + 25), -1);
	fixture_connect(f, 5);
	message[2] = 99;
	assert_int_equal(fixture_send_bytes(f, message, 12 + 24), -1);
	f->config.allow_old_agent = true;
	fixture_connect(f, 5);
	assert_int_equal(fixture_send_bytes(f, message, 12 + 24), 0);
	assert_int_equal(f->display.windows, 1);
}

static void
test_T16_to_T19_sizes(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fixture_create(f, 1, -20000, 20000, 20000, 7000, false), 0);
	assert_int_equal(fixture_view(f, 1)->content.width, 16384);
	assert_int_equal(fixture_view(f, 1)->content.height, 6144);
	assert_int_equal(fixture_view(f, 1)->content.x, -16384);
	assert_int_equal(fixture_view(f, 1)->content.y, 6144);
	assert_int_equal(fixture_create(f, 2, 0, 0, 0x80000000, 10, false), -1);
	fixture_connect(f, 8);
	assert_int_equal(fixture_create(f, 2, 0, 0, 0, 10, false), -1);
	/* Asked instead of disconnected: dropped, and a later use is a violation. */
	f->config.disconnect_on_violation = false;
	fixture_connect(f, 8);
	assert_int_equal(fixture_create(f, 2, 0, 0, 10, 0, false), 0);
	assert_int_equal(f->display.windows, 0);
	assert_int_equal(f->notices, 1);
	assert_int_equal(fixture_create(f, 2, 0, 0, 10, 0, false), 0);
	assert_int_equal(f->notices, 1);
	assert_int_equal(fixture_map(f, 2), -1);
}

static void
test_T20_T21_T22_destroy(void **state)
{
	struct fixture *f = *state;
	struct gui_message m;

	fixture_create(f, W1, 0, 0, 10, 10, false);
	fixture_map(f, W1);
	fixture_forget_output(f);
	assert_int_equal(fixture_bare(f, GUI_DESTROY, W1), 0);
	assert_int_equal(f->display.windows, 0);
	assert_true(fixture_receive(f, &m));
	assert_int_equal(m.type, GUI_DESTROY);
	assert_int_equal(m.window, W1);
	assert_false(fixture_receive(f, &m));
	fixture_create(f, W1, 0, 0, 10, 10, false);
	assert_false(fixture_view(f, W1)->mapped);
	fixture_connect(f, 4);
	fixture_create(f, W1, 0, 0, 10, 10, false);
	fixture_bare(f, GUI_DESTROY, W1);
	assert_false(fixture_receive(f, &m));
}

static void
map_for(struct fixture *f, uint32_t id, uint32_t owner)
{
	struct gui_message m = {.type = GUI_MAP, .window = id, .map = {owner, 0}};

	assert_int_equal(fixture_send(f, &m), 0);
}

static void
test_T24_to_T28_owners(void **state)
{
	struct fixture *f = *state;
	struct gui_message m = {.type = GUI_MAP, .window = 1, .map = {0, 1}};

	fixture_create(f, 1, 0, 0, 10, 10, false);
	fixture_create(f, 2, 0, 0, 10, 10, false);
	fixture_create(f, 3, 0, 0, 10, 10, false);
	map_for(f, 1, 99);
	assert_null(fixture_view(f, 1)->owner);
	fixture_send(f, &m); /* a second MAP changes nothing */
	assert_false(fixture_view(f, 1)->popup);
	map_for(f, 2, 1);
	assert_ptr_equal(fixture_view(f, 2)->owner, fixture_view(f, 1));
	map_for(f, 3, 3);
	assert_null(fixture_view(f, 3)->owner);
	fixture_bare(f, GUI_DESTROY, 1);
	assert_null(fixture_view(f, 2)->owner);
	/* A circle of two. */
	fixture_bare(f, GUI_UNMAP, 2);
	fixture_bare(f, GUI_UNMAP, 3);
	map_for(f, 2, 3);
	map_for(f, 3, 2);
	assert_null(fixture_view(f, 3)->owner);
}

static void
test_T31_T33_T34_T36_configure(void **state)
{
	struct fixture *f = *state;
	struct gui_message m;

	fixture_create(f, W1, 100, 100, 300, 200, false);
	fixture_map(f, W1);
	fixture_forget_output(f);
	assert_int_equal(send_configure(f, W1, 100, 100, 400, 300), 0);
	assert_int_equal(fixture_view(f, W1)->content.width, 400);
	assert_false(fixture_view(f, W1)->popup);
	assert_false(fixture_receive(f, &m));
	send_configure(f, W1, INT32_MAX, INT32_MIN, UINT32_MAX, 50);
	assert_true(fixture_view(f, W1)->content.width <= 16384);
	assert_true(fixture_view(f, W1)->content.x <= 16384);
	assert_int_equal(send_configure(f, W1, 0, 0, 10, 0), -1);
}

static void
resize_by_user(struct fixture *f, uint32_t id, struct area to)
{
	fixture_view(f, id)->content = to;
	core_handle_geometry(fixture_view(f, id)->window, &to);
}

static void
test_T32_T35_handshake(void **state)
{
	struct fixture *f = *state;
	struct gui_message m;
	int resends = 0;

	fixture_create(f, W1, 100, 100, 300, 200, false);
	fixture_map(f, W1);
	fixture_forget_output(f);
	resize_by_user(f, W1, (struct area){100, 100, 310, 210});
	assert_true(fixture_receive(f, &m));
	assert_int_equal(m.type, GUI_CONFIGURE);
	assert_int_equal(m.configure.width, 310);
	resize_by_user(f, W1, (struct area){100, 100, 320, 220});
	assert_false(fixture_receive(f, &m));
	send_configure(f, W1, 100, 100, 310, 210);
	assert_true(fixture_receive(f, &m));
	assert_int_equal(m.configure.width, 320);
	/* One that never agrees gets an end. */
	while (resends < 100) {
		send_configure(f, W1, 100, 100, 321, 221);
		if (!fixture_receive(f, &m))
			break;
		resends++;
	}
	assert_int_equal(resends, 7);
	assert_int_equal(fixture_view(f, W1)->content.width, 321);
}

static void
test_T41_T42_large_popups(void **state)
{
	struct fixture *f = *state;

	fixture_create(f, 1, 0, 0, 1280, 1000, true);
	assert_false(fixture_view(f, 1)->popup);
	assert_int_equal(f->notices, 1);
	fixture_create(f, 2, 0, 0, 1280, 1000, true);
	assert_int_equal(f->notices, 1);
	f->config.override_redirect_protection = false;
	fixture_create(f, 3, 0, 0, 1280, 1000, true);
	assert_true(fixture_view(f, 3)->popup);
	f->config.popups = GUI_POPUPS_MANAGED;
	fixture_create(f, 4, 0, 0, 10, 10, true);
	assert_false(fixture_view(f, 4)->popup);
}

static void
test_T43_T44_T45_T46_places(void **state)
{
	struct fixture *f = *state;

	fixture_create(f, 1, -50, -50, 200, 100, true);
	assert_int_equal(fixture_view(f, 1)->content.x, 0);
	assert_int_equal(fixture_view(f, 1)->content.y, 0);
	fixture_create(f, 2, 5000, 5000, 200, 100, true);
	assert_int_equal(fixture_view(f, 2)->content.x, 5000);
	/* Entirely above the screen: the deployed test of this case has a slip. */
	fixture_create(f, 3, 0, -300, 200, 100, true);
	assert_int_equal(fixture_view(f, 3)->content.y, -300);
	fixture_map(f, 1);
	resize_by_user(f, 1, (struct area){1200, 1000, 200, 100});
	assert_int_equal(fixture_view(f, 1)->content.x, 1080);
	assert_int_equal(fixture_view(f, 1)->content.y, 924);
	send_configure(f, 1, 1080, 924, 200, 100);
	send_configure(f, 1, 0, 0, 1280, 1000);
	assert_false(fixture_view(f, 1)->popup);
	assert_true(fixture_view(f, 1)->mapped);
}

/* Also a window with a frame can not push it off the screen. */
static void
test_frames_stay_on_the_screen(void **state)
{
	struct fixture *f = *state;

	fixture_create(f, 1, -3, -30, 1286, 1084, false);
	fixture_map(f, 1);
	assert_int_equal(fixture_view(f, 1)->content.x, FRAME_BORDER);
	assert_int_equal(fixture_view(f, 1)->content.y, FRAME_BORDER + FRAME_TITLE);
	assert_int_equal(fixture_view(f, 1)->content.width, FAKE_SCREEN_WIDTH - 2 * FRAME_BORDER);
	send_configure(f, 1, -3, -30, 1286, 1084);
	assert_int_equal(fixture_view(f, 1)->content.x, FRAME_BORDER);
}

static void
test_popup_count(void **state)
{
	struct fixture *f = *state;
	int popups = 0;

	for (uint32_t id = 1; id <= 40; id++) {
		fixture_create(f, id, 0, 0, 10, 10, true);
		fixture_map(f, id);
	}
	for (uint32_t id = 1; id <= 40; id++)
		popups += fixture_view(f, id)->popup;
	assert_int_equal(popups, 32);
	f->config.strict_popups = true;
	fixture_bare(f, GUI_DESTROY, 1);
	fixture_create(f, 50, 0, 0, 10, 10, true);
	assert_false(fixture_view(f, 50)->popup);
}

static void
send_title(struct fixture *f, const char *bytes)
{
	struct gui_message m = {.type = GUI_WMNAME, .window = W1};

	memset(m.title.untrusted_text, 'x', sizeof(m.title.untrusted_text));
	if (bytes != NULL)
		memcpy(m.title.untrusted_text, bytes, strlen(bytes) + 1);
	assert_int_equal(fixture_send(f, &m), 0);
}

static void
test_T62_T63_T65_titles(void **state)
{
	struct fixture *f = *state;

	fixture_create(f, W1, 0, 0, 10, 10, false);
	send_title(f, "A\x07\xc3\xa9\x1b");
	assert_string_equal(fixture_view(f, W1)->title, "A____");
	send_title(f, "long\xe2\x80\xa6");
	assert_string_equal(fixture_view(f, W1)->title, "long...");
	f->config.allow_utf8_titles = true;
	send_title(f, "A\x07\xc3\xa9\x1b");
	assert_string_equal(fixture_view(f, W1)->title, "A_\xc3\xa9_");
	send_title(f, "\xe2\x80\xaework");
	assert_string_equal(fixture_view(f, W1)->title, "_work");
	send_title(f, NULL);
	assert_int_equal(strlen(fixture_view(f, W1)->title), 127);
}

static void
test_T66_class(void **state)
{
	struct fixture *f = *state;
	struct gui_message m = {.type = GUI_WMCLASS, .window = W1};

	strcpy(m.class.untrusted_class, "A");
	strcpy(m.class.untrusted_name, "B");
	fixture_create(f, W1, 0, 0, 10, 10, false);
	fixture_send(f, &m);
	assert_string_equal(fixture_view(f, W1)->class, "work:B work:A");
	fixture_map(f, W1);
	strcpy(m.class.untrusted_class, "other");
	fixture_send(f, &m);
	assert_string_equal(fixture_view(f, W1)->class, "work:B work:A");
}

static void
test_T67_T68_hints(void **state)
{
	struct fixture *f = *state;
	struct gui_message m = {.type = GUI_WINDOW_HINTS,
		.window = W1,
		.hints = {.flags = 0xffffffff,
			.min_width = 10,
			.min_height = 10,
			.width_increment = 16384,
			.height_increment = 1,
			.base_width = 5,
			.base_height = 5}};

	fixture_create(f, W1, 0, 0, 10, 10, false);
	fixture_send(f, &m);
	assert_int_equal(fixture_view(f, W1)->hints.flags, 0x001 | 0x004 | 0x010 | 0x100);
	m.hints.max_width = m.hints.max_height = 5;
	fixture_send(f, &m);
	assert_int_equal(fixture_view(f, W1)->hints.flags, 0x001 | 0x004 | 0x100);
}

static int
send_flags(struct fixture *f, uint32_t set, uint32_t unset)
{
	struct gui_message m = {.type = GUI_WINDOW_FLAGS, .window = W1, .flags = {set, unset}};

	return fixture_send(f, &m);
}

static void
test_T69_T70_T71_T72_flags(void **state)
{
	struct fixture *f = *state;
	struct display_window *v;
	struct gui_message m;

	fixture_create(f, W1, 0, 0, 10, 10, false);
	fixture_map(f, W1);
	fixture_forget_output(f);
	v = fixture_view(f, W1);
	assert_int_equal(send_flags(f, GUI_FLAG_FULLSCREEN, 0), 0);
	assert_int_equal(v->asked_add, DISPLAY_MAXIMIZED);
	core_handle_state(v->window, DISPLAY_MAXIMIZED);
	assert_true(fixture_receive(f, &m));
	assert_int_equal(m.flags.set, GUI_FLAG_FULLSCREEN);
	assert_false(v->bare);
	/* The user's own full screen may be left, and keeps the border. */
	core_handle_state(v->window, DISPLAY_FULLSCREEN);
	assert_false(v->bare);
	send_flags(f, 0, GUI_FLAG_FULLSCREEN);
	assert_int_equal(v->asked_remove, DISPLAY_FULLSCREEN);
	f->config.allow_fullscreen = true;
	core_handle_state(v->window, 0);
	send_flags(f, GUI_FLAG_FULLSCREEN, 0);
	assert_int_equal(v->asked_add, DISPLAY_FULLSCREEN);
	core_handle_state(v->window, DISPLAY_FULLSCREEN);
	assert_true(v->bare);
	assert_int_equal(send_flags(f, 1, 1), -1);
}

static int
send_cursor(struct fixture *f, uint32_t id)
{
	struct gui_message m = {.type = GUI_CURSOR, .window = W1, .cursor = {id}};

	return fixture_send(f, &m);
}

static void
test_T73_cursors(void **state)
{
	struct fixture *f = *state;

	fixture_create(f, W1, 0, 0, 10, 10, false);
	assert_int_equal(send_cursor(f, 0x122), 0);
	assert_int_equal(send_cursor(f, 0), 0);
	assert_int_equal(send_cursor(f, 0x19a), -1);
	fixture_connect(f, 8);
	fixture_create(f, W1, 0, 0, 10, 10, false);
	assert_int_equal(send_cursor(f, 5), -1);
}

static void
test_T99_T100_dock(void **state)
{
	struct fixture *f = *state;
	struct gui_message m;

	fixture_create(f, 1, 0, 0, 10, 10, false);
	fixture_map(f, 1);
	assert_int_equal(fixture_bare(f, GUI_DOCK, 1), 0);
	assert_false(fixture_view(f, 1)->docked);
	fixture_create(f, 2, 0, 0, 24, 24, true);
	fixture_bare(f, GUI_DOCK, 2);
	assert_true(fixture_view(f, 2)->docked);
	assert_false(fixture_view(f, 2)->popup);
	fixture_forget_output(f);
	send_configure(f, 2, 5, 5, 50, 50);
	assert_true(fixture_receive(f, &m));
	assert_int_equal(m.configure.width, 24);
	assert_int_equal(fixture_map(f, 2), 0);
	assert_false(fixture_view(f, 2)->mapped);
}

static void
test_T105_window_count(void **state)
{
	struct fixture *f = *state;

	for (uint32_t id = 1; id <= GUI_WINDOWS_DEFAULT; id++)
		assert_int_equal(fixture_create(f, id, 0, 0, 10, 10, false), 0);
	assert_int_equal(core_window_count(f->core), 500);
	assert_int_equal(fixture_create(f, 501, 0, 0, 10, 10, false), -1);
	assert_int_equal(core_window_count(f->core), 500);
}

static void
test_window_zero(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fixture_create(f, 0, 0, 0, 10, 10, false), -1);
}

static void
test_T30_invisible(void **state)
{
	struct fixture *f = *state;

	f->config.invisible = true;
	fixture_create(f, W1, 0, 0, 10, 10, false);
	fixture_map(f, W1);
	assert_false(fixture_view(f, W1)->mapped);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_T08_T09_T10_T13),
		TEST(test_T11_T12_lengths),
		TEST(test_T16_to_T19_sizes),
		TEST(test_T20_T21_T22_destroy),
		TEST(test_T24_to_T28_owners),
		TEST(test_T31_T33_T34_T36_configure),
		TEST(test_T32_T35_handshake),
		TEST(test_T41_T42_large_popups),
		TEST(test_T43_T44_T45_T46_places),
		TEST(test_frames_stay_on_the_screen),
		TEST(test_popup_count),
		TEST(test_T62_T63_T65_titles),
		TEST(test_T66_class),
		TEST(test_T67_T68_hints),
		TEST(test_T69_T70_T71_T72_flags),
		TEST(test_T73_cursors),
		TEST(test_T99_T100_dock),
		TEST(test_T105_window_count),
		TEST(test_window_zero),
		TEST(test_T30_invisible),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
