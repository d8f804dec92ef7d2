/*
 * What else is on a desktop: a tray that docks icons, a screen locker that nothing may cover, and
 * another qube's daemon that goes on while one is flooded (spec gui.md 11, T numbers).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/loop.h"
#include "harness.h"

#define RED 0xff0000
#define SOON_MS 20000

static xcb_window_t
make_window(struct harness *h, int x, int y, int width, int height)
{
	const uint32_t values[] = {0x808080, 1};
	xcb_window_t window = xcb_generate_id(h->x);

	xcb_create_window(h->x, 24, window, h->screen->root, (int16_t)x, (int16_t)y,
		(uint16_t)width, (uint16_t)height, 0, XCB_WINDOW_CLASS_INPUT_OUTPUT,
		h->screen->root_visual, XCB_CW_BACK_PIXEL | XCB_CW_OVERRIDE_REDIRECT, values);
	return window;
}

static void
test_T48_locker(void **state)
{
	struct harness *h = *state;
	xcb_window_t locker;

	locker = make_window(h, 0, 0, 1280, 1024);
	xcb_change_property(h->x, XCB_PROP_MODE_REPLACE, locker, XCB_ATOM_WM_CLASS, XCB_ATOM_STRING,
		8, 25, "xscreensaver\0XScreenSaver");
	xcb_map_window(h->x, locker);
	xcb_flush(h->x);
	assert_true(harness_await_pixel(h, 600, 600, 0x808080));
	harness_start_daemon(h, NULL);
	harness_connect(h);
	harness_create(h, 1, 500, 500, 200, 200, true);
	harness_map(h, 1, true);
	harness_show(h, 1, 200, 200, RED);
	while (!harness_is_viewable(h, harness_find(h, 1)))
		usleep(10000);
	usleep(200000);
	assert_int_equal(harness_pixel(h, 600, 600), 0x808080);
	xcb_unmap_window(h->x, locker);
	xcb_flush(h->x);
	assert_true(harness_await_pixel(h, 600, 600, RED));
}

/* The tray's part of the dialogue. */
static xcb_window_t
await_dock_request(struct harness *h)
{
	xcb_atom_t opcode = harness_atom(h, "_NET_SYSTEM_TRAY_OPCODE");
	xcb_generic_event_t *event;
	xcb_window_t icon = XCB_WINDOW_NONE;

	while (icon == XCB_WINDOW_NONE && (event = xcb_wait_for_event(h->x)) != NULL) {
		const xcb_client_message_event_t *e = (const void *)event;

		if ((event->response_type & 0x7f) == XCB_CLIENT_MESSAGE && e->type == opcode &&
			e->data.data32[1] == 0)
			icon = e->data.data32[2];
		free(event);
	}
	return icon;
}

static void
become_tray(struct harness *h, xcb_window_t tray)
{
	xcb_client_message_event_t e = {.response_type = XCB_CLIENT_MESSAGE,
		.format = 32,
		.window = h->screen->root,
		.type = harness_atom(h, "MANAGER")};

	xcb_set_selection_owner(
		h->x, tray, harness_atom(h, "_NET_SYSTEM_TRAY_S0"), XCB_CURRENT_TIME);
	e.data.data32[1] = harness_atom(h, "_NET_SYSTEM_TRAY_S0");
	e.data.data32[2] = tray;
	xcb_send_event(h->x, 0, h->screen->root, XCB_EVENT_MASK_STRUCTURE_NOTIFY, (const char *)&e);
	xcb_flush(h->x);
}

static void
embed(struct harness *h, xcb_window_t tray, xcb_window_t icon)
{
	xcb_client_message_event_t e = {.response_type = XCB_CLIENT_MESSAGE,
		.format = 32,
		.window = icon,
		.type = harness_atom(h, "_XEMBED")};

	xcb_reparent_window(h->x, icon, tray, 0, 0);
	e.data.data32[3] = tray;
	xcb_send_event(h->x, 0, icon, 0, (const char *)&e);
	xcb_flush(h->x);
}

static void
test_T98_T101_tray(void **state)
{
	struct harness *h = *state;
	xcb_window_t tray, icon;
	uint32_t pixel;

	harness_start_daemon(h, NULL);
	harness_connect(h);
	tray = make_window(h, 700, 700, 24, 24);
	xcb_map_window(h->x, tray);
	harness_create(h, 1, 0, 0, 24, 24, false);
	harness_send_bare(h, GUI_DOCK, 1);
	harness_show(h, 1, 24, 24, 0x404040);
	icon = harness_find(h, 1);
	/* The tray comes only now. */
	become_tray(h, tray);
	assert_int_equal(await_dock_request(h), icon);
	embed(h, tray, icon);
	for (int i = 0; i < 400 && (harness_pixel(h, 712, 712) & 0xff) >= 0x40; i++)
		usleep(20000);
	pixel = harness_pixel(h, 712, 712);
	/* The label's hue (green), the icon's lightness. */
	assert_true((pixel >> 8 & 0xff) > (pixel >> 16 & 0xff));
	assert_true((pixel >> 16 & 0xff) > (pixel & 0xff));
	assert_in_range(((pixel >> 8 & 0xff) + (pixel & 0xff)) / 2, 0x3f, 0x41);
	/* The tray is restarted. */
	become_tray(h, tray);
	assert_int_equal(await_dock_request(h), icon);
}

struct flood {
	struct harness *h;
	atomic_bool over;
	atomic_ulong sent;
};

static void *
send_flood(void *data)
{
	struct flood *f = data;
	struct gui_message damage = {
		.type = GUI_SHMIMAGE, .window = W1, .damage = {0, 0, 300, 200}};
	struct gui_message title = {.type = GUI_WMNAME, .window = W1};

	while (!atomic_load(&f->over)) {
		harness_send(f->h, &damage);
		harness_send(f->h, &title);
		atomic_fetch_add(&f->sent, 2);
	}
	return NULL;
}

static void
connect_other(struct harness *h, struct harness *other)
{
	static const char *const options[] = {"-N", "other", "-d", "9", NULL};

	*other = *h;
	other->daemon = 0;
	other->fd = -1;
	buf_init(&other->in, 1 << 20);
	harness_start_daemon(other, options);
	harness_connect(other);
	harness_create(other, 0x77, 600, 100, 300, 200, false);
	harness_map(other, 0x77, false);
}

/* One qube sends without a pause; the other's keys arrive as if nothing were. */
static void
test_flood_of_one_spares_the_other(void **state)
{
	struct harness *h = *state, other;
	struct flood flood = {.h = h};
	struct gui_message m;
	pthread_t thread;
	uint64_t worst_ms = 0;

	harness_start_daemon(h, NULL);
	harness_connect(h);
	harness_create(h, W1, 100, 100, 300, 200, false);
	harness_map(h, W1, false);
	harness_show(h, W1, 300, 200, RED);
	connect_other(h, &other);
	harness_focus(&other, harness_find(&other, 0x77));
	assert_true(harness_receive(&other, GUI_FOCUS, SOON_MS, &m));
	assert_int_equal(pthread_create(&thread, NULL, send_flood, &flood), 0);
	for (int i = 0; i < 30; i++) {
		uint64_t began = loop_now_ms(), took;

		harness_key(&other, 'a', true);
		harness_key(&other, 'a', false);
		assert_true(harness_receive(&other, GUI_KEYPRESS, SOON_MS, &m));
		assert_true(harness_receive(&other, GUI_KEYPRESS, SOON_MS, &m));
		took = loop_now_ms() - began;
		worst_ms = took > worst_ms ? took : worst_ms;
		usleep(50000);
	}
	/* The flood has to run dry before the daemon's end, or the writer would wait for ever. */
	atomic_store(&flood.over, true);
	pthread_join(thread, NULL);
	print_message("%lu messages meanwhile, worst key %llu ms\n", atomic_load(&flood.sent),
		(unsigned long long)worst_ms);
	assert_true(worst_ms < 5000);
	harness_hang_up(&other);
	harness_end_daemon(&other);
	buf_finish(&other.in);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_set_up, harness_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_T48_locker),
		TEST(test_T98_T101_tray),
		TEST(test_flood_of_one_spares_the_other),
	};

	if (access("/usr/bin/Xvfb", X_OK) != 0) {
		print_message("SKIP: no Xvfb\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
