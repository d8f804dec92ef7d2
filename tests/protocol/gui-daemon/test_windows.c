/*
 * Windows and where they are: T15 to T36, T41 to T48 of spec gui.md 11, as the X server
 * has them. CASES.md has the table of all cases.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cases.h"

/* Of an ordinary window with the content so large. */
#define FRAME_WIDTH(width) ((width) + 2 * BORDER)
#define FRAME_HEIGHT(height) ((height) + 2 * BORDER + TITLE)

static xcb_window_t
popup(struct harness *h, uint32_t id, int x, int y, uint32_t width, uint32_t height)
{
	xcb_window_t window;

	harness_create(h, id, x, y, width, height, true);
	harness_map(h, id, true);
	window = harness_find(h, id);
	assert_true(await_viewable(h, window));
	return window;
}

/* The types of what every window carries, before it is mapped. */
static void
test_T15_properties(void **state)
{
	static const struct {
		const char *name, *type;
		uint8_t format;
		int bytes; /* -1: any */
	} rows[] = {
		{"_QUBES_LABEL", "CARDINAL", 8, 1},
		{"_QUBES_LABEL_COLOR", "CARDINAL", 32, 4},
		{"_QUBES_VMNAME", "STRING", 8, 4},
		{"_QUBES_VMWINDOWID", "WINDOW", 32, 4},
		{"WM_CLASS", "STRING", 8, 10},
		{"WM_CLIENT_MACHINE", "STRING", 8, -1},
		{"_NET_WM_PID", "CARDINAL", 32, 4},
		{"_NET_WM_ICON", "CARDINAL", 32, -1},
		{"WM_PROTOCOLS", "ATOM", 32, 8},
	};
	struct harness *h = *state;
	xcb_window_t window;

	case_begin(h, NULL);
	harness_create(h, W1, 100, 100, 300, 200, false);
	settle(h, 0);
	window = harness_find(h, W1);
	assert_false(harness_is_viewable(h, window));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		xcb_get_property_reply_t *reply = xcb_get_property_reply(h->x,
			xcb_get_property(h->x, 0, window, harness_atom(h, rows[i].name),
				XCB_ATOM_ANY, 0, 4096),
			NULL);

		assert_non_null(reply);
		if (reply->type != harness_atom(h, rows[i].type) || reply->format != rows[i].format)
			fail_msg("%s has type %u/%u", rows[i].name, reply->type, reply->format);
		if (rows[i].bytes >= 0)
			assert_int_equal(xcb_get_property_value_length(reply), rows[i].bytes);
		free(reply);
	}
}

static void
test_T16_T17_clamps(void **state)
{
	struct harness *h = *state;
	int geometry[4];

	case_begin(h, NULL);
	harness_create(h, 1, -20000, 20000, 20000, 7000, false);
	harness_geometry(h, harness_find(h, 1), geometry);
	assert_int_equal(geometry[0], -16384 - BORDER);
	assert_int_equal(geometry[1], 6144 - BORDER - TITLE);
	assert_int_equal(geometry[2], FRAME_WIDTH(16384));
	assert_int_equal(geometry[3], FRAME_HEIGHT(6144));
}

static void
test_T18_T19_sizes(void **state)
{
	struct harness *h = *state;

	case_begin_with_window(h, NULL);
	harness_create(h, 2, 0, 0, 0x80000000, 10, false);
	expect_violation(h);
	case_begin_with_window(h, NULL);
	harness_create(h, 2, 0, 0, 0, 10, false);
	expect_violation(h);
}

static void
test_T20_T22_destroy(void **state)
{
	struct harness *h = *state;

	case_begin_with_window(h, NULL);
	send_title(h, W1, "first");
	assert_true(await_text(h, harness_find(h, W1), "WM_NAME", "first"));
	harness_send_bare(h, GUI_DESTROY, W1);
	harness_create(h, W1, 400, 400, 50, 50, false);
	/* Its own echo and the probe's. */
	assert_int_equal(settle(h, GUI_DESTROY), 1);
	assert_true(harness_await_pixel(h, 101, 101, 0));
	assert_string_equal(harness_property(h, harness_find(h, W1), "WM_NAME"), "");
	assert_false(harness_is_viewable(h, harness_find(h, W1)));
}

static void
test_T21_no_echo(void **state)
{
	const uint32_t version = GUI_VERSION(1, 4);
	struct harness *h = *state;
	struct gui_message m;
	uint32_t got[5];

	case_end(h);
	harness_start_daemon(h, NULL);
	harness_accept(h);
	harness_send_bytes(h, &version, 4);
	assert_true(harness_read(h, got, sizeof(got)));
	harness_create(h, W1, 100, 100, 300, 200, false);
	harness_map(h, W1, false);
	assert_true(harness_await_pixel(h, 101, 101, WHITE));
	harness_send_bare(h, GUI_DESTROY, W1);
	assert_true(harness_await_pixel(h, 101, 101, 0));
	assert_false(harness_receive(h, GUI_DESTROY, QUIET_MS, &m));
}

/* T23: a parent means nothing; T24: nor does a second MAP. */
static void
test_T23_T24_parent_and_second_map(void **state)
{
	struct gui_message m = {
		.type = GUI_CREATE, .window = 2, .create = {500, 500, 100, 100, W1, 0}};
	struct harness *h = *state;
	xcb_query_tree_reply_t *tree;
	xcb_window_t window;

	case_begin_with_window(h, NULL);
	harness_send(h, &m);
	harness_map(h, 2, false);
	window = harness_find(h, 2);
	assert_true(await_viewable(h, window));
	tree = xcb_query_tree_reply(h->x, xcb_query_tree(h->x, window), NULL);
	assert_int_equal(tree->parent, h->screen->root);
	free(tree);
	harness_map(h, 2, true);
	settle(h, 0);
	assert_false(is_override_redirect(h, window));
}

static void
map_for(struct harness *h, uint32_t id, uint32_t owner)
{
	struct gui_message m = {.type = GUI_MAP, .window = id, .map = {owner, 0}};

	harness_create(h, id, 500, 500, 50, 50, false);
	harness_send(h, &m);
	assert_true(await_viewable(h, harness_find(h, id)));
}

static void
test_T25_to_T28_owners(void **state)
{
	struct harness *h = *state;
	xcb_window_t child;

	case_begin_with_window(h, NULL);
	map_for(h, 2, W1);
	child = harness_find(h, 2);
	assert_int_equal(harness_property_word(h, child, "WM_TRANSIENT_FOR"), harness_find(h, W1));
	map_for(h, 3, 0x99);
	assert_int_equal(harness_property_word(h, harness_find(h, 3), "WM_TRANSIENT_FOR"), 0);
	map_for(h, 4, 4);
	assert_int_equal(harness_property_word(h, harness_find(h, 4), "WM_TRANSIENT_FOR"), 0);
	harness_send_bare(h, GUI_DESTROY, W1);
	assert_true(harness_await_pixel(h, 101, 101, 0));
	settle(h, 0);
	for (int i = 0; i < 1000 && harness_property_word(h, child, "WM_TRANSIENT_FOR") != 0; i++)
		usleep(10000);
	assert_int_equal(harness_property_word(h, child, "WM_TRANSIENT_FOR"), 0);
	assert_true(harness_is_viewable(h, child));
}

static void
test_T30_invisible(void **state)
{
	static const char *const options[] = {"--invisible", NULL};
	struct harness *h = *state;
	struct gui_message m;

	case_begin(h, options);
	harness_create(h, W1, 100, 100, 300, 200, false);
	harness_map(h, W1, false);
	harness_show(h, W1, 300, 200, RED);
	assert_true(harness_receive(h, GUI_WINDOW_DUMP_ACK, SOON_MS, &m));
	assert_false(harness_is_viewable(h, harness_find(h, W1)));
	assert_int_equal(harness_pixel(h, 101, 101), 0);
}

/* T31: the agent's new size is taken, and no word of it goes back and forth. */
static void
test_T31_T36_configure(void **state)
{
	struct harness *h = *state;
	int geometry[4];

	case_begin_with_window(h, NULL);
	send_configure(h, W1, 100, 100, 400, 300);
	assert_true(await_geometry(h, harness_find(h, W1), 100 - BORDER, 100 - BORDER - TITLE,
		FRAME_WIDTH(400), FRAME_HEIGHT(300)));
	assert_in_range(settle(h, GUI_CONFIGURE), 0, 2);
	send_configure(h, W1, INT32_MAX, INT32_MIN, 100, 100);
	settle(h, 0);
	harness_geometry(h, harness_find(h, W1), geometry);
	assert_in_range(geometry[0], 16384 - BORDER, 16384);
	assert_in_range(-geometry[1], 6144, 6144 + BORDER + TITLE);
}

static void
resize(struct harness *h, xcb_window_t window, uint32_t width, uint32_t height)
{
	const uint32_t size[] = {FRAME_WIDTH(width), FRAME_HEIGHT(height)};

	xcb_configure_window(
		h->x, window, XCB_CONFIG_WINDOW_WIDTH | XCB_CONFIG_WINDOW_HEIGHT, size);
	xcb_flush(h->x);
}

/* The user is faster than the agent: one word at a time, and the last size counts. */
static void
test_T32_second_resize(void **state)
{
	struct harness *h = *state;
	xcb_window_t window;
	struct gui_message m;

	case_begin_with_window(h, NULL);
	window = harness_find(h, W1);
	resize(h, window, 310, 210);
	assert_true(harness_receive(h, GUI_CONFIGURE, SOON_MS, &m));
	assert_int_equal(m.configure.width, 310);
	resize(h, window, 320, 220);
	assert_false(harness_receive(h, GUI_CONFIGURE, QUIET_MS, &m));
	send_configure(h, W1, 100, 100, 310, 210);
	assert_true(harness_receive(h, GUI_CONFIGURE, SOON_MS, &m));
	assert_int_equal(m.configure.width, 320);
	assert_int_equal(m.configure.height, 220);
	send_configure(h, W1, 100, 100, 320, 220);
	assert_int_equal(settle(h, GUI_CONFIGURE), 0);
}

static void
test_T33_no_height(void **state)
{
	case_begin_with_window(*state, NULL);
	send_configure(*state, W1, 100, 100, 10, 0);
	expect_violation(*state);
}

static void
test_T34_stays_managed(void **state)
{
	struct gui_message m = {
		.type = GUI_CONFIGURE, .window = W1, .configure = {100, 100, 310, 200, 1}};
	struct harness *h = *state;

	case_begin_with_window(h, NULL);
	harness_send(h, &m);
	assert_true(await_geometry(h, harness_find(h, W1), 100 - BORDER, 100 - BORDER - TITLE,
		FRAME_WIDTH(310), FRAME_HEIGHT(200)));
	assert_false(is_override_redirect(h, harness_find(h, W1)));
}

static void
test_T35_never_agrees(void **state)
{
	struct harness *h = *state;
	struct gui_message m;
	unsigned int words = 0;

	case_begin_with_window(h, NULL);
	resize(h, harness_find(h, W1), 310, 210);
	while (words < 20 && harness_receive(h, GUI_CONFIGURE, words == 0 ? SOON_MS : 1000, &m)) {
		words++;
		send_configure(h, W1, 100, 100, m.configure.width + 1, 210);
	}
	assert_int_equal(words, 1 + 8);
	assert_true(await_geometry(h, harness_find(h, W1), 100 - BORDER, 100 - BORDER - TITLE,
		FRAME_WIDTH(311), FRAME_HEIGHT(210)));
}

static void
test_T41_T42_large_popups(void **state)
{
	const char *options[3];
	char path[128];
	struct harness *h = *state;
	xcb_window_t window;
	FILE *file;

	case_begin(h, NULL);
	window = popup(h, 1, 0, 0, 1280, 1000);
	assert_false(is_override_redirect(h, window));
	assert_true(harness_await_pixel(h, 0, 500, LABEL));
	snprintf(path, sizeof(path), "%s/g.conf", h->directory);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs("global: { override_redirect_protection = false; };\n", file);
	fclose(file);
	options[0] = "-C";
	options[1] = path;
	options[2] = NULL;
	case_begin(h, options);
	window = popup(h, 1, 0, 0, 1280, 1000);
	assert_true(is_override_redirect(h, window));
}

static void
test_T43_T44_places(void **state)
{
	struct harness *h = *state;
	int geometry[4];

	case_begin(h, NULL);
	assert_true(await_geometry(h, popup(h, 1, -50, -50, 200, 100), 0, 0, 200, 100));
	harness_create(h, 2, 5000, 5000, 200, 100, true);
	harness_map(h, 2, true);
	settle(h, 0);
	harness_geometry(h, harness_find(h, 2), geometry);
	assert_int_equal(geometry[0], 5000);
	assert_int_equal(geometry[1], 5000);
}

/* Somebody of the host moves a popup over the edge: it comes back, borders and all. */
static void
test_T45_moved_away(void **state)
{
	const uint32_t place[] = {1200, 1000};
	struct harness *h = *state;
	xcb_window_t window;

	case_begin(h, NULL);
	window = popup(h, 1, 500, 500, 200, 100);
	xcb_configure_window(h->x, window, XCB_CONFIG_WINDOW_X | XCB_CONFIG_WINDOW_Y, place);
	xcb_flush(h->x);
	assert_true(await_geometry(h, window, 1080, 924, 200, 100));
	assert_true(harness_await_pixel(h, 1279, 980, LABEL));
}

/* The qube itself moves its windows over the edge: border and title stay on the screen. */
static void
test_not_off_the_screen(void **state)
{
	struct harness *h = *state;
	struct gui_message m;

	case_begin_with_window(h, NULL);
	send_configure(h, W1, -100, -60, 300, 200);
	assert_true(
		await_geometry(h, harness_find(h, W1), 0, 0, FRAME_WIDTH(300), FRAME_HEIGHT(200)));
	assert_true(harness_await_pixel(h, 0, 100, LABEL));
	/* The agent is told, and agrees. */
	assert_true(harness_receive(h, GUI_CONFIGURE, SOON_MS, &m));
	assert_int_equal(m.configure.x, BORDER);
	assert_int_equal(m.configure.y, BORDER + TITLE);
	harness_send(h, &m);
	send_configure(h, W1, 1200, 1000, 300, 200);
	assert_true(harness_await_pixel(h, 1279, 900, LABEL));
	assert_true(harness_await_pixel(h, 1100, 1023, LABEL));
	/* And one that insists does not get it. */
	for (int i = 0; i < 30; i++)
		send_configure(h, W1, -100, 900, 300, 200);
	settle(h, 0);
	assert_true(await_geometry(h, harness_find(h, W1), 0, 1024 - FRAME_HEIGHT(200),
		FRAME_WIDTH(300), FRAME_HEIGHT(200)));
}

static void
test_T46_outgrown(void **state)
{
	struct harness *h = *state;
	xcb_window_t window;

	case_begin(h, NULL);
	window = popup(h, 1, 0, 0, 200, 100);
	assert_true(is_override_redirect(h, window));
	send_configure(h, 1, 0, 0, 1280, 1000);
	for (int i = 0; i < 1000 && is_override_redirect(h, window); i++)
		usleep(10000);
	assert_false(is_override_redirect(h, window));
	assert_true(await_viewable(h, window));
}

static void
test_T47_no_popups(void **state)
{
	static const char *const options[] = {"--override-redirect=disabled", NULL};
	struct harness *h = *state;
	xcb_window_t window;

	case_begin(h, options);
	window = popup(h, 1, 500, 500, 200, 100);
	assert_false(is_override_redirect(h, window));
	/* It has the frame of an ordinary one. */
	assert_true(harness_await_pixel(h, 499, 550, LABEL));
	send_configure(h, 1, 500, 500, 220, 100);
	harness_map(h, 1, true);
	settle(h, 0);
	assert_false(is_override_redirect(h, window));
}

/* T48's other half: without a locker the newest popup is the topmost. */
static void
test_T48_topmost(void **state)
{
	struct harness *h = *state;

	case_begin(h, NULL);
	popup(h, 1, 500, 500, 200, 100);
	harness_show(h, 1, 200, 100, RED);
	assert_true(harness_await_pixel(h, 600, 550, RED));
	popup(h, 2, 520, 510, 200, 100);
	harness_show(h, 2, 200, 100, BLUE);
	assert_true(harness_await_pixel(h, 600, 550, BLUE));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_T15_properties),
		cmocka_unit_test(test_T16_T17_clamps),
		cmocka_unit_test(test_T18_T19_sizes),
		cmocka_unit_test(test_T20_T22_destroy),
		cmocka_unit_test(test_T21_no_echo),
		cmocka_unit_test(test_T23_T24_parent_and_second_map),
		cmocka_unit_test(test_T25_to_T28_owners),
		cmocka_unit_test(test_T30_invisible),
		cmocka_unit_test(test_T31_T36_configure),
		cmocka_unit_test(test_T32_second_resize),
		cmocka_unit_test(test_T33_no_height),
		cmocka_unit_test(test_T34_stays_managed),
		cmocka_unit_test(test_T35_never_agrees),
		cmocka_unit_test(test_T41_T42_large_popups),
		cmocka_unit_test(test_T43_T44_places),
		cmocka_unit_test(test_T45_moved_away),
		cmocka_unit_test(test_not_off_the_screen),
		cmocka_unit_test(test_T46_outgrown),
		cmocka_unit_test(test_T47_no_popups),
		cmocka_unit_test(test_T48_topmost),
	};

	if (access("/usr/bin/Xvfb", X_OK) != 0) {
		print_message("SKIP: no Xvfb\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, harness_set_up, harness_tear_down);
}
