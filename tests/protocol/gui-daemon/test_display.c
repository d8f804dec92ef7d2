/*
 * gui-daemon on a virtual display without a window manager: handshake, windows, pixels of borders
 * and content, input (spec gui.md 11, T numbers).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"

#define RED 0xff0000
#define WHITE 0xffffff
#define SOON_MS 20000
/* Long enough for something wrong to show. */
#define QUIET_MS 300

static void
test_T01_T06_handshake(void **state)
{
	static const uint8_t expected[20] = {
		8, 0, 1, 0, 0, 5, 0, 0, 0, 4, 0, 0, 24, 0, 0, 0, 1, 0x14, 0, 0};
	static const uint8_t version[4] = {8, 0, 1, 0};
	const struct timespec pause = {.tv_nsec = 50000000};
	struct harness *h = *state;
	uint8_t got[20];

	harness_start_daemon(h, NULL);
	harness_accept(h);
	for (int i = 0; i < 4; i++) {
		harness_send_bytes(h, &version[i], 1);
		nanosleep(&pause, NULL);
	}
	assert_true(harness_read(h, got, sizeof(got)));
	assert_memory_equal(got, expected, sizeof(expected));
}

static void
expect_versions(struct harness *h, uint32_t version, size_t bytes, uint32_t answered)
{
	uint32_t got[5] = {0};

	harness_start_daemon(h, NULL);
	harness_accept(h);
	harness_send_bytes(h, &version, sizeof(version));
	assert_int_equal(harness_read(h, got, bytes == 0 ? 1 : bytes), bytes != 0);
	if (bytes == 0)
		assert_int_equal(WEXITSTATUS(harness_await_daemon(h)), 3);
	else if (bytes == 20)
		assert_int_equal(got[0], answered);
	else
		assert_int_equal(got[0], 1280);
	harness_hang_up(h);
	harness_end_daemon(h);
}

static void
test_T02_T03_T04_T05_versions(void **state)
{
	struct harness *h = *state;

	expect_versions(h, GUI_VERSION(1, 3), 16, 0);
	expect_versions(h, GUI_VERSION(1, 9), 20, GUI_VERSION(1, 8));
	expect_versions(h, GUI_VERSION(2, 0), 0, 0);
	expect_versions(h, GUI_VERSION(0, 9), 0, 0);
}

static void
check_frame(struct harness *h, int x, int y, int width, int height)
{
	/* All four sides, at their ends and in the middle, with the strip. */
	for (int i = 0; i < BORDER; i++) {
		assert_int_equal(harness_pixel(h, x - 1 - i, y + height / 2), LABEL);
		assert_int_equal(harness_pixel(h, x + width + i, y + height / 2), LABEL);
		assert_int_equal(harness_pixel(h, x + width / 2, y + height + i), LABEL);
		assert_int_equal(harness_pixel(h, x - 1 - i, y + height + i), LABEL);
		assert_int_equal(harness_pixel(h, x + width + i, y - 1 - i), LABEL);
	}
	assert_int_equal(harness_pixel(h, x + width - 1, y - TITLE - BORDER), LABEL);
}

static void
test_T15_T49_window(void **state)
{
	struct harness *h = *state;
	xcb_window_t window;
	int geometry[4];

	harness_start_daemon(h, NULL);
	harness_connect(h);
	harness_create(h, W1, 100, 100, 300, 200, false);
	harness_map(h, W1, false);
	window = harness_find(h, W1);
	assert_true(harness_await_pixel(h, 101, 101, WHITE));
	harness_geometry(h, window, geometry);
	assert_int_equal(geometry[0], 100 - BORDER);
	assert_int_equal(geometry[1], 100 - BORDER - TITLE);
	assert_int_equal(geometry[2], 300 + 2 * BORDER);
	assert_int_equal(geometry[3], 200 + 2 * BORDER + TITLE);
	assert_int_equal(harness_property(h, window, "_QUBES_LABEL")[0], 4);
	assert_int_equal(harness_property_word(h, window, "_QUBES_LABEL_COLOR"), LABEL);
	assert_string_equal(harness_property(h, window, "_QUBES_VMNAME"), "work");
	assert_string_equal(harness_property(h, window, "WM_CLASS"), "work");
	assert_string_equal(harness_property(h, window, "WM_CLASS") + 5, "work");
	assert_int_equal(harness_property_word(h, window, "_NET_WM_PID"), h->daemon);
	assert_int_equal(harness_property_word(h, window, "_NET_WM_ICON"), 32);
	assert_string_equal(harness_property(h, window, "WM_NAME"), "");
	harness_show(h, W1, 300, 200, RED);
	assert_true(harness_await_pixel(h, 100, 100, RED));
	assert_int_equal(harness_pixel(h, 399, 299), RED);
	check_frame(h, 100, 100, 300, 200);
}

static void
test_T49_stride_and_offset(void **state)
{
	struct harness *h = *state;
	struct gui_message dump = {
		.type = GUI_WINDOW_DUMP,
		.window = W1,
		.dump = {GUI_DUMP_POOL, 300, 200, 24, 1, GUI_FOURCC_XR24, 4096, 0, 1280, 0, 0, 0},
	};
	struct gui_message damage = {
		.type = GUI_SHMIMAGE, .window = W1, .damage = {0, 0, 1000, 1000}};

	harness_start_daemon(h, NULL);
	harness_connect(h);
	harness_create(h, W1, 100, 100, 300, 200, false);
	harness_map(h, W1, false);
	for (int y = 0; y < 200; y++) {
		for (int x = 0; x < 320; x++)
			h->pool[1024 + y * 320 + x] = (uint32_t)(x << 8 | y);
	}
	harness_send(h, &dump);
	harness_send(h, &damage);
	assert_true(harness_await_pixel(h, 100 + 299, 100 + 199, 299 << 8 | 199));
	assert_int_equal(harness_pixel(h, 100 + 17, 100 + 130), 17 << 8 | 130);
	check_frame(h, 100, 100, 300, 200);
}

static void
test_T37_T38_T39_T40_popups(void **state)
{
	struct harness *h = *state;
	struct gui_message damage = {.type = GUI_SHMIMAGE, .window = 1, .damage = {0, 0, 1, 1}};

	harness_start_daemon(h, NULL);
	harness_connect(h);
	harness_create(h, 1, 500, 300, 200, 100, true);
	harness_map(h, 1, true);
	assert_true(harness_await_pixel(h, 502, 302, WHITE));
	for (int shown = 0; shown < 2; shown++) {
		for (int i = 0; i < 2; i++) {
			assert_int_equal(harness_pixel(h, 500 + i, 350), LABEL);
			assert_int_equal(harness_pixel(h, 699 - i, 350), LABEL);
			assert_int_equal(harness_pixel(h, 600, 300 + i), LABEL);
			assert_int_equal(harness_pixel(h, 600, 399 - i), LABEL);
		}
		harness_show(h, 1, 200, 100, RED);
		harness_send(h, &damage);
		assert_true(harness_await_pixel(h, 502, 302, RED));
		assert_true(harness_await_pixel(h, 697, 397, RED));
	}
	harness_create(h, 2, 50, 50, 3, 3, true);
	harness_map(h, 2, true);
	assert_true(harness_await_pixel(h, 51, 51, LABEL));
	harness_show(h, 2, 3, 3, RED);
	harness_create(h, 3, 10, 10, 5, 5, true);
	harness_map(h, 3, true);
	assert_true(harness_await_pixel(h, 12, 12, WHITE));
	assert_int_equal(harness_pixel(h, 51, 51), LABEL);
}

/* A popup of the qube over its own window can not take the border away. */
static void
test_border_can_not_be_covered(void **state)
{
	struct harness *h = *state;

	harness_start_daemon(h, NULL);
	harness_connect(h);
	harness_create(h, W1, 100, 100, 300, 200, false);
	harness_map(h, W1, false);
	harness_show(h, W1, 300, 200, RED);
	assert_true(harness_await_pixel(h, 110, 110, RED));
	harness_create(h, 2, 90, 70, 330, 250, true);
	harness_map(h, 2, true);
	harness_show(h, 2, 330, 250, 0x0000ff);
	assert_true(harness_await_pixel(h, 110, 110, 0x0000ff));
	assert_int_equal(harness_pixel(h, 90, 200), LABEL);
	assert_int_equal(harness_pixel(h, 419, 200), LABEL);
	assert_int_equal(harness_pixel(h, 200, 70), LABEL);
	assert_int_equal(harness_pixel(h, 200, 319), LABEL);
	/* And a window larger than the screen shows all its sides. */
	harness_send_bare(h, GUI_DESTROY, 2);
	harness_create(h, 3, -40, -40, 1400, 1200, false);
	harness_map(h, 3, false);
	assert_true(harness_await_pixel(h, 0, 500, LABEL));
	assert_true(harness_await_pixel(h, 1279, 500, LABEL));
	assert_int_equal(harness_pixel(h, 640, 0), LABEL);
	assert_int_equal(harness_pixel(h, 640, 1023), LABEL);
}

static void
test_T14_T74_T77_keys(void **state)
{
	const struct timespec pause = {.tv_nsec = 200000000};
	const uint32_t header[3] = {GUI_WMNAME, W1, GUI_TITLE_BYTES};
	struct harness *h = *state;
	char body[GUI_TITLE_BYTES] = "late";
	xcb_window_t window;
	xcb_key_press_event_t forged = {.response_type = XCB_KEY_PRESS, .detail = 40};
	struct gui_message m;

	harness_start_daemon(h, NULL);
	harness_connect(h);
	harness_create(h, W1, 100, 100, 300, 200, false);
	harness_map(h, W1, false);
	window = harness_find(h, W1);
	harness_focus(h, window);
	assert_true(harness_receive(h, GUI_KEYMAP_NOTIFY, SOON_MS, &m));
	assert_int_equal(m.window, 0);
	assert_true(harness_receive(h, GUI_FOCUS, SOON_MS, &m));
	assert_int_equal(m.focus.type, GUI_EVENT_FOCUS_IN);
	harness_send_bytes(h, header, sizeof(header)); /* and stop in the middle */
	nanosleep(&pause, NULL);
	harness_key(h, 'a', true);
	harness_key(h, 'a', false);
	assert_true(harness_receive(h, GUI_KEYPRESS, SOON_MS, &m));
	assert_int_equal(m.window, W1);
	assert_int_equal(m.key.type, GUI_EVENT_KEY_PRESS);
	assert_true(harness_receive(h, GUI_KEYPRESS, SOON_MS, &m));
	assert_int_equal(m.key.type, GUI_EVENT_KEY_RELEASE);
	harness_send_bytes(h, body, sizeof(body));
	forged.event = forged.root = window;
	xcb_send_event(h->x, 0, window, XCB_EVENT_MASK_KEY_PRESS, (const char *)&forged);
	xcb_flush(h->x);
	assert_false(harness_receive(h, GUI_KEYPRESS, QUIET_MS, &m));
	assert_string_equal(harness_property(h, window, "WM_NAME"), "late");
	/* Without the focus nothing comes. */
	xcb_set_input_focus(
		h->x, XCB_INPUT_FOCUS_POINTER_ROOT, XCB_INPUT_FOCUS_POINTER_ROOT, XCB_CURRENT_TIME);
	harness_click(h, 200, 200, 0);
	harness_key(h, 'a', true);
	harness_key(h, 'a', false);
	assert_false(harness_receive(h, GUI_KEYPRESS, QUIET_MS, &m));
}

static void
test_T75_T76_pointer(void **state)
{
	struct harness *h = *state;
	struct gui_message m;

	harness_start_daemon(h, NULL);
	harness_connect(h);
	harness_create(h, W1, 100, 100, 300, 200, false);
	harness_map(h, W1, false);
	assert_true(harness_await_pixel(h, 101, 101, WHITE));
	harness_key(h, 'a', true);
	harness_click(h, 150, 120, 4);
	harness_key(h, 'a', false);
	assert_true(harness_receive(h, GUI_KEYMAP_NOTIFY, SOON_MS, &m));
	for (int i = 0; i < GUI_KEYMAP_BYTES; i++)
		assert_int_equal(m.keymap.bits[i], 0);
	assert_true(harness_receive(h, GUI_CROSSING, SOON_MS, &m));
	assert_true(harness_receive(h, GUI_BUTTON, SOON_MS, &m));
	assert_int_equal(m.button.button, 4);
	assert_int_equal(m.button.type, GUI_EVENT_BUTTON_PRESS);
	assert_int_equal(m.button.x, 50);
	assert_int_equal(m.button.y, 20);
	assert_true(harness_receive(h, GUI_BUTTON, SOON_MS, &m));
	assert_int_equal(m.button.type, GUI_EVENT_BUTTON_RELEASE);
	/* The strip is ours. */
	harness_click(h, 150, 90, 3);
	assert_false(harness_receive(h, GUI_BUTTON, QUIET_MS, &m));
}

static void
send_to_window(struct harness *h, xcb_window_t window, const char *protocol)
{
	xcb_client_message_event_t e = {.response_type = XCB_CLIENT_MESSAGE,
		.format = 32,
		.window = window,
		.type = harness_atom(h, "WM_PROTOCOLS")};

	e.data.data32[0] = harness_atom(h, protocol);
	xcb_send_event(h->x, 0, window, 0, (const char *)&e);
	xcb_flush(h->x);
}

static void
test_T79_T80_protocols(void **state)
{
	const uint32_t events = XCB_EVENT_MASK_SUBSTRUCTURE_NOTIFY;
	struct harness *h = *state;
	xcb_generic_event_t *event;
	xcb_window_t window;
	struct gui_message m;
	bool pong = false;

	harness_start_daemon(h, NULL);
	harness_connect(h);
	harness_create(h, W1, 100, 100, 300, 200, false);
	harness_map(h, W1, false);
	window = harness_find(h, W1);
	send_to_window(h, window, "WM_DELETE_WINDOW");
	assert_true(harness_receive(h, GUI_CLOSE, SOON_MS, &m));
	xcb_change_window_attributes(h->x, h->screen->root, XCB_CW_EVENT_MASK, &events);
	send_to_window(h, window, "_NET_WM_PING");
	while (!pong && (event = xcb_wait_for_event(h->x)) != NULL) {
		pong = (event->response_type & 0x7f) == XCB_CLIENT_MESSAGE;
		free(event);
	}
	assert_true(pong);
}

static void
test_T32_resize(void **state)
{
	const uint32_t size[] = {400, 300};
	struct harness *h = *state;
	xcb_window_t window;
	struct gui_message m;

	harness_start_daemon(h, NULL);
	harness_connect(h);
	harness_create(h, W1, 100, 100, 300, 200, false);
	harness_map(h, W1, false);
	window = harness_find(h, W1);
	harness_show(h, W1, 300, 200, RED);
	assert_true(harness_await_pixel(h, 110, 110, RED));
	xcb_configure_window(
		h->x, window, XCB_CONFIG_WINDOW_WIDTH | XCB_CONFIG_WINDOW_HEIGHT, size);
	xcb_flush(h->x);
	assert_true(harness_receive(h, GUI_CONFIGURE, SOON_MS, &m));
	assert_int_equal(m.configure.width, 400 - 2 * BORDER);
	assert_int_equal(m.configure.height, 300 - 2 * BORDER - TITLE);
	/* T57: where the image does not reach is the background. */
	assert_true(harness_await_pixel(h, 100 + 390, 100 + 270, WHITE));
	assert_true(harness_await_pixel(h, 110, 110, RED));
	check_frame(h, 100, 100, 394, 276);
}

static void
test_T29_T58_release(void **state)
{
	struct harness *h = *state;
	struct gui_message m;

	harness_start_daemon(h, NULL);
	harness_connect(h);
	harness_create(h, W1, 100, 100, 300, 200, false);
	harness_map(h, W1, false);
	harness_show(h, W1, 300, 200, RED);
	assert_true(harness_await_pixel(h, 110, 110, RED));
	harness_show(h, W1, 300, 200, 0x00ff00);
	assert_true(harness_receive(h, GUI_X_RELEASE, SOON_MS, &m));
	assert_true(harness_await_pixel(h, 110, 110, 0x00ff00));
	harness_send_bare(h, GUI_UNMAP, W1);
	assert_true(harness_receive(h, GUI_X_RELEASE, SOON_MS, &m));
	assert_true(harness_await_pixel(h, 110, 110, 0));
	harness_map(h, W1, false);
	assert_true(harness_await_pixel(h, 110, 110, WHITE));
}

static void
test_T64_T102_titles_and_reconnect(void **state)
{
	static const char *const options[] = {"-T", NULL};
	struct harness *h = *state;
	struct gui_message title = {.type = GUI_WMNAME, .window = W1};
	xcb_window_t window;

	harness_start_daemon(h, options);
	harness_connect(h);
	harness_create(h, W1, 100, 100, 300, 200, false);
	strcpy(title.title.untrusted_text, "x");
	harness_send(h, &title);
	harness_map(h, W1, false);
	window = harness_find(h, W1);
	assert_true(harness_await_pixel(h, 101, 101, WHITE));
	assert_string_equal(harness_property(h, window, "_NET_WM_NAME"), "[work] x");
	harness_hang_up(h);
	assert_true(harness_await_pixel(h, 101, 101, 0));
	harness_connect(h);
	harness_create(h, W1, 100, 100, 300, 200, false);
	harness_map(h, W1, false);
	assert_true(harness_await_pixel(h, 101, 101, WHITE));
}

/* A violation ends the daemon and its windows, and says so by its status. */
static void
test_violation(void **state)
{
	struct harness *h = *state;

	harness_start_daemon(h, NULL);
	harness_connect(h);
	harness_create(h, W1, 100, 100, 300, 200, false);
	harness_map(h, W1, false);
	assert_true(harness_await_pixel(h, 101, 101, WHITE));
	harness_send_bare(h, GUI_UNMAP, 0x99);
	assert_int_equal(WEXITSTATUS(harness_await_daemon(h)), 3);
	assert_true(harness_await_pixel(h, 101, 101, 0));
}

/* T60: a flood of damage neither delays keys nor makes the daemon draw more often. */
static void
test_T60_flood(void **state)
{
	struct harness *h = *state;
	struct gui_message damage = {
		.type = GUI_SHMIMAGE, .window = W1, .damage = {0, 0, 300, 200}};
	struct gui_message m;

	harness_start_daemon(h, NULL);
	harness_connect(h);
	harness_create(h, W1, 100, 100, 300, 200, false);
	harness_map(h, W1, false);
	harness_show(h, W1, 300, 200, RED);
	harness_focus(h, harness_find(h, W1));
	assert_true(harness_receive(h, GUI_FOCUS, SOON_MS, &m));
	for (int i = 0; i < 1000; i++)
		harness_send(h, &damage);
	harness_key(h, 'a', true);
	harness_key(h, 'a', false);
	assert_true(harness_receive(h, GUI_KEYPRESS, SOON_MS, &m));
}

/* The screen of the host ends: the daemon too, to be started again. */
static void
test_display_lost(void **state)
{
	struct harness *h = *state;

	harness_start_daemon(h, NULL);
	harness_connect(h);
	harness_create(h, W1, 100, 100, 300, 200, false);
	harness_map(h, W1, false);
	assert_true(harness_await_pixel(h, 101, 101, WHITE));
	kill(h->x_server, SIGTERM);
	assert_int_equal(WEXITSTATUS(harness_await_daemon(h)), 1);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_set_up, harness_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_T01_T06_handshake),
		TEST(test_T02_T03_T04_T05_versions),
		TEST(test_T15_T49_window),
		TEST(test_T49_stride_and_offset),
		TEST(test_T37_T38_T39_T40_popups),
		TEST(test_border_can_not_be_covered),
		TEST(test_T14_T74_T77_keys),
		TEST(test_T75_T76_pointer),
		TEST(test_T79_T80_protocols),
		TEST(test_T32_resize),
		TEST(test_T29_T58_release),
		TEST(test_T64_T102_titles_and_reconnect),
		TEST(test_violation),
		TEST(test_T60_flood),
		TEST(test_display_lost),
	};

	if (access("/usr/bin/Xvfb", X_OK) != 0) {
		print_message("SKIP: no Xvfb\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
