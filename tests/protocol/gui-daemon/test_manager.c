/* gui-daemon under window managers of others: borders stay, states travel (spec gui.md 11). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

#define RED 0xff0000
#define SOON_MS 20000

static void
begin(void **state, const char *manager)
{
	struct harness *h = malloc(sizeof(*h));

	harness_start(h, 1280, 1024);
	*state = h;
	if (!harness_start_manager(h, manager)) {
		print_message("SKIP: no %s\n", manager);
		skip();
	}
	harness_start_daemon(h, NULL);
	harness_connect(h);
	harness_create(h, W1, 200, 200, 300, 200, false);
	harness_map(h, W1, false);
	harness_show(h, W1, 300, 200, RED);
}

/* Where the content is on the screen: within our frame. */
static void
content_place(struct harness *h, int ret_xywh[4])
{
	harness_geometry(h, harness_find(h, W1), ret_xywh);
	ret_xywh[0] += BORDER;
	ret_xywh[1] += BORDER + TITLE;
	ret_xywh[2] -= 2 * BORDER;
	ret_xywh[3] -= 2 * BORDER + TITLE;
}

static bool
has_borders(struct harness *h)
{
	int c[4];

	content_place(h, c);
	return c[0] > 0 && c[1] > 0 && harness_pixel(h, c[0] - 1, c[1] + c[3] / 2) == LABEL &&
	       harness_pixel(h, c[0] + c[2], c[1] + c[3] / 2) == LABEL &&
	       harness_pixel(h, c[0] + c[2] - 2, c[1] - 1) == LABEL &&
	       harness_pixel(h, c[0] + c[2] / 2, c[1] + c[3]) == LABEL;
}

/* A window manager tells of a state before or after it moves the window. */
static void
check_borders(struct harness *h)
{
	for (int i = 0; i < 600; i++) {
		if (has_borders(h))
			return;
		usleep(50000);
	}
	fail_msg("there is not a border on every side");
}

static void
await_red(struct harness *h)
{
	int c[4];

	for (int i = 0; i < 600; i++) {
		content_place(h, c);
		if (harness_pixel(h, c[0] + 5, c[1] + 5) == RED)
			return;
		usleep(50000);
	}
	fail_msg("no content but %06x at %d,%d of %dx%d, %s", harness_pixel(h, c[0] + 5, c[1] + 5),
		c[0], c[1], c[2], c[3],
		harness_is_viewable(h, harness_find(h, W1)) ? "viewable" : "not viewable");
}

static void
ask_state(struct harness *h, const char *first, const char *second, uint32_t action)
{
	xcb_client_message_event_t e = {.response_type = XCB_CLIENT_MESSAGE,
		.format = 32,
		.window = harness_find(h, W1),
		.type = harness_atom(h, "_NET_WM_STATE")};

	e.data.data32[0] = action;
	e.data.data32[1] = harness_atom(h, first);
	e.data.data32[2] = second != NULL ? harness_atom(h, second) : 0;
	e.data.data32[3] = 2;
	xcb_send_event(h->x, 0, h->screen->root,
		XCB_EVENT_MASK_SUBSTRUCTURE_NOTIFY | XCB_EVENT_MASK_SUBSTRUCTURE_REDIRECT,
		(const char *)&e);
	xcb_flush(h->x);
}

/* T70, T72: a qube's wish for the full screen makes it large, the user's is granted: with border.
 */
static void
check_states(struct harness *h)
{
	struct gui_message flags = {
		.type = GUI_WINDOW_FLAGS, .window = W1, .flags = {GUI_FLAG_FULLSCREEN, 0}};
	struct gui_message m;

	await_red(h);
	check_borders(h);
	harness_send(h, &flags);
	assert_true(harness_receive(h, GUI_WINDOW_FLAGS, SOON_MS, &m));
	assert_int_equal(m.flags.set, GUI_FLAG_FULLSCREEN);
	check_borders(h);
	flags.flags = (struct gui_flags){0, GUI_FLAG_FULLSCREEN};
	harness_send(h, &flags);
	assert_true(harness_receive(h, GUI_WINDOW_FLAGS, SOON_MS, &m));
	assert_int_equal(m.flags.unset, GUI_FLAG_FULLSCREEN);
	ask_state(h, "_NET_WM_STATE_FULLSCREEN", NULL, 1);
	assert_true(harness_receive(h, GUI_WINDOW_FLAGS, SOON_MS, &m));
	assert_int_equal(m.flags.set, GUI_FLAG_FULLSCREEN);
	check_borders(h);
	harness_send(h, &flags);
	assert_true(harness_receive(h, GUI_WINDOW_FLAGS, SOON_MS, &m));
	assert_int_equal(m.flags.unset, GUI_FLAG_FULLSCREEN);
}

/* A window manager that has not unmapped it yet takes no notice: it is asked again. */
static void
bring_back(struct harness *h, struct gui_message *ret_flags)
{
	for (int i = 0; i < 20; i++) {
		xcb_map_window(h->x, harness_find(h, W1));
		xcb_flush(h->x);
		if (harness_receive(h, GUI_WINDOW_FLAGS, 1000, ret_flags))
			return;
	}
	fail_msg("the window stays minimised");
}

static void
check_minimize(struct harness *h)
{
	struct gui_message flags = {
		.type = GUI_WINDOW_FLAGS, .window = W1, .flags = {GUI_FLAG_MINIMIZE, 0}};
	struct gui_message m;

	harness_send(h, &flags);
	assert_true(harness_receive(h, GUI_WINDOW_FLAGS, SOON_MS, &m));
	assert_true((m.flags.set & GUI_FLAG_MINIMIZE) != 0);
	assert_true(harness_receive(h, GUI_X_FRAME, SOON_MS, &m));
	assert_int_equal(m.frame.min_interval_us, GUI_FRAME_STOPPED);
}

/* metacity does not always act on a map request: there the end-to-end test brings windows back. */
static void
check_return(struct harness *h)
{
	struct gui_message m;

	bring_back(h, &m);
	assert_true((m.flags.unset & GUI_FLAG_MINIMIZE) != 0);
	await_red(h);
	check_borders(h);
}

static void
test_openbox(void **state)
{
	begin(state, "openbox");
	check_states(*state);
	check_minimize(*state);
	check_return(*state);
}

static void
test_metacity(void **state)
{
	begin(state, "metacity");
	check_states(*state);
	check_minimize(*state);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, harness_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_openbox),
		TEST(test_metacity),
	};

	if (access("/usr/bin/Xvfb", X_OK) != 0) {
		print_message("SKIP: no Xvfb\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
