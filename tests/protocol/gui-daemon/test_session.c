/*
 * What happens beside windows: focus and grabs, icons, a screen that changes, an agent that stops
 * reading (T70, T71, T78, T99 to T104 of spec gui.md 11). CASES.md has the table of all cases.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xcb/xtest.h>

#include "base/cleanup.h"
#include "base/loop.h"
#include "base/path.h"
#include "base/text.h"
#include "cases.h"

#define KEYCODE_A 38
/* Of 32 bytes on the stream each: well below, and well above what the daemon keeps. */
#define KEYS_FEW 200000
#define KEYS_MANY 400000
#define END_PATIENCE_MS 120000

static void
begin_with_focus(struct harness *h)
{
	struct gui_message m;

	case_begin_with_window(h, NULL);
	harness_focus(h, harness_find(h, W1));
	assert_true(harness_receive(h, GUI_FOCUS, SOON_MS, &m));
	assert_int_equal(m.focus.type, GUI_EVENT_FOCUS_IN);
}

/* A window manager takes the keyboard for a moment: the qube does not learn of it. */
static void
test_T78_grab(void **state)
{
	struct harness *h = *state;
	xcb_grab_keyboard_reply_t *reply;
	struct gui_message m;

	begin_with_focus(h);
	reply = xcb_grab_keyboard_reply(h->x,
		xcb_grab_keyboard(h->x, 0, h->screen->root, XCB_CURRENT_TIME, XCB_GRAB_MODE_ASYNC,
			XCB_GRAB_MODE_ASYNC),
		NULL);
	assert_non_null(reply);
	assert_int_equal(reply->status, XCB_GRAB_STATUS_SUCCESS);
	free(reply);
	assert_false(harness_receive(h, GUI_FOCUS, QUIET_MS, &m));
	/* And while it has it, keys are not the qube's. */
	harness_key(h, 'a', true);
	harness_key(h, 'a', false);
	assert_false(harness_receive(h, GUI_KEYPRESS, QUIET_MS, &m));
	xcb_ungrab_keyboard(h->x, XCB_CURRENT_TIME);
	xcb_flush(h->x);
	assert_false(harness_receive(h, GUI_FOCUS, QUIET_MS, &m));
	harness_key(h, 'a', true);
	harness_key(h, 'a', false);
	assert_true(harness_receive(h, GUI_KEYPRESS, SOON_MS, &m));
}

static xcb_window_t
focus_of(struct harness *h)
{
	xcb_get_input_focus_reply_t *reply =
		xcb_get_input_focus_reply(h->x, xcb_get_input_focus(h->x), NULL);
	xcb_window_t window = reply->focus;

	free(reply);
	return window;
}

/* A qube that opens windows, asks for attention and raises popups all the time gets no focus. */
static void
test_focus_is_not_taken(void **state)
{
	struct gui_message attention = {
		.type = GUI_WINDOW_FLAGS, .window = W1, .flags = {GUI_FLAG_ATTENTION, 0}};
	struct harness *h = *state;
	xcb_window_t own = xcb_generate_id(h->x);

	case_begin_with_window(h, NULL);
	xcb_create_window(h->x, XCB_COPY_FROM_PARENT, own, h->screen->root, 900, 10, 50, 50, 0,
		XCB_WINDOW_CLASS_INPUT_OUTPUT, XCB_COPY_FROM_PARENT, 0, NULL);
	xcb_map_window(h->x, own);
	harness_focus(h, own);
	for (uint32_t id = 100; id < 150; id++) {
		harness_create(h, id, 500, 500, 50, 50, id % 2 != 0);
		harness_map(h, id, id % 2 != 0);
		harness_send(h, &attention);
		harness_send_bare(h, GUI_UNMAP, W1);
		harness_map(h, W1, false);
	}
	settle(h, 0);
	assert_true(await_viewable(h, harness_find(h, 149)));
	assert_int_equal(focus_of(h), own);
	xcb_destroy_window(h->x, own);
	xcb_flush(h->x);
}

/* What the window manager is asked for: action and the first state, or 0. */
static xcb_atom_t
await_asked_state(struct harness *h, uint32_t *ret_action)
{
	xcb_atom_t type = harness_atom(h, "_NET_WM_STATE"), state = 0;
	uint64_t deadline = loop_now_ms() + SOON_MS;

	while (state == 0 && loop_now_ms() < deadline) {
		xcb_generic_event_t *event = xcb_poll_for_event(h->x);
		const xcb_client_message_event_t *e = (const void *)event;

		if (event == NULL) {
			usleep(5000);
			continue;
		}
		if ((event->response_type & 0x7f) == XCB_CLIENT_MESSAGE && e->type == type) {
			*ret_action = e->data.data32[0];
			state = e->data.data32[1];
		}
		free(event);
	}
	return state;
}

static void
check_fullscreen(struct harness *h, const char *const *options, const char *asked)
{
	const uint32_t events = XCB_EVENT_MASK_SUBSTRUCTURE_NOTIFY, none = 0;
	struct gui_message m = {
		.type = GUI_WINDOW_FLAGS, .window = W1, .flags = {GUI_FLAG_FULLSCREEN, 0}};
	uint32_t action = 0;
	xcb_atom_t wanted;

	case_begin_with_window(h, options);
	xcb_change_window_attributes(h->x, h->screen->root, XCB_CW_EVENT_MASK, &events);
	wanted = harness_atom(h, asked); /* and the server knows what we listen to */
	harness_send(h, &m);
	assert_int_equal(await_asked_state(h, &action), wanted);
	assert_int_equal(action, 1);
	xcb_change_window_attributes(h->x, h->screen->root, XCB_CW_EVENT_MASK, &none);
	xcb_flush(h->x);
}

/* The full screen that a qube wants is a large window, unless the person allows more. */
static void
test_T70_T71_fullscreen(void **state)
{
	struct harness *h = *state;
	char path[128];
	const char *allowed[] = {"-C", path, NULL};
	FILE *file;

	check_fullscreen(h, NULL, "_NET_WM_STATE_MAXIMIZED_VERT");
	snprintf(path, sizeof(path), "%s/full.conf", h->directory);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs("global: { allow_fullscreen = true; };\n", file);
	fclose(file);
	check_fullscreen(h, allowed, "_NET_WM_STATE_FULLSCREEN");
}

/* A window that is shown does not become an icon. */
static void
test_T99_dock_of_a_shown_window(void **state)
{
	struct harness *h = *state;

	case_begin_with_window(h, NULL);
	harness_send_bare(h, GUI_DOCK, W1);
	send_configure(h, W1, 100, 100, 310, 200);
	settle(h, 0);
	assert_true(await_geometry(h, harness_find(h, W1), 100 - BORDER, 100 - BORDER - TITLE,
		310 + 2 * BORDER, 200 + 2 * BORDER + TITLE));
	assert_true(harness_is_viewable(h, harness_find(h, W1)));
}

/* An icon has the size that the tray gives it, whatever the qube says. */
static void
test_T100_icon_keeps_its_size(void **state)
{
	struct harness *h = *state;
	struct gui_message m;
	int geometry[4];

	case_begin(h, NULL);
	harness_create(h, 1, 0, 0, 24, 24, true);
	harness_send_bare(h, GUI_DOCK, 1);
	send_configure(h, 1, 5, 5, 500, 500);
	assert_true(harness_receive(h, GUI_CONFIGURE, SOON_MS, &m));
	assert_int_equal(m.window, 1);
	assert_int_equal(m.configure.width, 24);
	assert_int_equal(m.configure.height, 24);
	harness_geometry(h, harness_find(h, 1), geometry);
	assert_int_equal(geometry[2], 24);
	assert_int_equal(geometry[3], 24);
	harness_map(h, 1, false);
	settle(h, 0);
	assert_false(harness_is_viewable(h, harness_find(h, 1)));
}

/* All windows go with the stream, and within a moment. */
static void
test_T102_end_of_stream(void **state)
{
	struct harness *h = *state;
	uint64_t began;

	case_begin_with_window(h, NULL);
	for (uint32_t id = 100; id < 200; id++) {
		harness_create(h, id, 500, 500, 50, 50, false);
		harness_map(h, id, false);
	}
	assert_true(await_viewable(h, harness_find(h, 199)));
	began = loop_now_ms();
	harness_hang_up(h);
	assert_true(harness_await_pixel(h, 101, 101, 0));
	assert_true(harness_await_pixel(h, 510, 510, 0));
	assert_true(loop_now_ms() - began < 10000); /* a second, on a machine of its own */
	harness_connect(h);
	harness_create(h, W1, 100, 100, 300, 200, false);
	harness_map(h, W1, false);
	assert_true(harness_await_pixel(h, 101, 101, WHITE));
}

static pid_t
helper_of(pid_t daemon)
{
	AUTO_FREE char *path = text_format("/proc/%d/task/%d/children", daemon, daemon);
	AUTO_FREE char *text = NULL;
	pid_t pid;

	assert_int_equal(read_file(path, 256, &text, NULL, NULL), 0);
	pid = (pid_t)strtol(text, NULL, 10);
	assert_true(pid > 1);
	return pid;
}

/* Two never show the same qube; but what is left of a killed one is in nobody's way. */
static void
test_one_daemon_a_qube(void **state)
{
	struct harness *h = *state;
	pid_t first, helper;

	case_begin_with_window(h, NULL);
	first = h->daemon;
	harness_start_daemon(h, NULL);
	assert_int_equal(harness_await_daemon(h), 0);
	h->daemon = first;
	settle(h, 0);
	helper = helper_of(first);
	assert_int_equal(kill(helper, SIGSTOP), 0);
	assert_int_equal(kill(first, SIGKILL), 0);
	assert_int_equal(waitpid(first, NULL, 0), first);
	h->daemon = 0;
	case_begin_with_window(h, NULL);
	kill(helper, SIGCONT);
}

static void
set_work_area(struct harness *h, uint32_t width, uint32_t height)
{
	const uint32_t area[] = {0, 0, width, height}, desktop = 0;

	xcb_change_property(h->x, XCB_PROP_MODE_REPLACE, h->screen->root,
		harness_atom(h, "_NET_CURRENT_DESKTOP"), XCB_ATOM_CARDINAL, 32, 1, &desktop);
	xcb_change_property(h->x, XCB_PROP_MODE_REPLACE, h->screen->root,
		harness_atom(h, "_NET_WORKAREA"), XCB_ATOM_CARDINAL, 32, 4, area);
	xcb_flush(h->x);
}

/*
 * The place for windows shrinks: what comes afterwards keeps to it. (Xvfb's screen itself has one
 * size; its window manager's word on what may be used is the same road.) SIGHUP is survived.
 */
static void
test_T103_work_area(void **state)
{
	struct harness *h = *state;
	xcb_window_t window;

	case_begin(h, NULL);
	set_work_area(h, 800, 600);
	kill(h->daemon, SIGHUP);
	settle(h, 0);
	harness_create(h, 1, 700, 550, 200, 100, true);
	harness_map(h, 1, true);
	window = harness_find(h, 1);
	assert_true(await_geometry(h, window, 600, 500, 200, 100));
	/* Nonsense keeps what was. */
	set_work_area(h, 1U << 30, 600);
	kill(h->daemon, SIGHUP);
	settle(h, 0);
	harness_create(h, 2, 700, 550, 200, 100, true);
	harness_map(h, 2, true);
	assert_true(await_geometry(h, harness_find(h, 2), 600, 500, 200, 100));
	xcb_delete_property(h->x, h->screen->root, harness_atom(h, "_NET_WORKAREA"));
	xcb_flush(h->x);
}

/* A slow machine takes its time for so many keys. */
static void
await_end(struct harness *h)
{
	uint64_t deadline = loop_now_ms() + END_PATIENCE_MS;
	int status = 0;

	while (waitpid(h->daemon, &status, WNOHANG) == 0) {
		assert_true(loop_now_ms() < deadline);
		usleep(20000);
	}
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 3);
	h->daemon = 0;
}

/*
 * The agent reads nothing while keys come. The daemon goes on, with a bounded queue, until that is
 * full; then the connection is over.
 */
static void
test_T104_agent_does_not_read(void **state)
{
	struct harness *h = *state;
	int status = 0;

	begin_with_focus(h);
	for (unsigned long sent = 0; sent < KEYS_MANY && status == 0; sent += 2000) {
		for (int i = 0; i < 1000; i++) {
			xcb_test_fake_input(h->x, XCB_KEY_PRESS, KEYCODE_A, 0, XCB_NONE, 0, 0, 0);
			xcb_test_fake_input(h->x, XCB_KEY_RELEASE, KEYCODE_A, 0, XCB_NONE, 0, 0, 0);
		}
		free(xcb_get_input_focus_reply(h->x, xcb_get_input_focus(h->x), NULL));
		/* Not before ten megabytes are waiting. */
		if (sent == KEYS_FEW) {
			assert_int_equal(waitpid(h->daemon, &status, WNOHANG), 0);
			assert_int_equal(harness_pixel(h, 99, 200), LABEL);
		}
	}
	await_end(h);
	harness_hang_up(h);
	assert_true(harness_await_pixel(h, 101, 101, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_T78_grab),
		cmocka_unit_test(test_focus_is_not_taken),
		cmocka_unit_test(test_T70_T71_fullscreen),
		cmocka_unit_test(test_T99_dock_of_a_shown_window),
		cmocka_unit_test(test_T100_icon_keeps_its_size),
		cmocka_unit_test(test_T102_end_of_stream),
		cmocka_unit_test(test_one_daemon_a_qube),
		cmocka_unit_test(test_T103_work_area),
		cmocka_unit_test(test_T104_agent_does_not_read),
	};

	if (access("/usr/bin/Xvfb", X_OK) != 0) {
		print_message("SKIP: no Xvfb\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, harness_set_up, harness_tear_down);
}
