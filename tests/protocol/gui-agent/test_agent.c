/*
 * gui-agent on an X server of the test's own, with a memfd as the window memory and this test as
 * the daemon: windows, pixels and who owns them, input, clipboard, reconnection.
 *
 *     test-gui-agent GUI-AGENT
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <xcb/xcb.h>

#include "base/buf.h"
#include "base/child.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/loop.h"
#include "base/path.h"
#include "base/text.h"
#include "gui/protocol/protocol.h"
#include "programs.h"
#include "vchan/vchan_extra.h"

#define PATIENCE_MS 60000
#define QUIET_MS 400
#define QUBE 5
#define MEMORY_BYTES ((size_t)32 << 20)
#define WIDTH 200
#define HEIGHT 100
#define RED 0xff0000
#define GREEN 0x00ff00
/* Longer than the agent gathers changes for. */
#define COMMIT_INTERVAL_US 10000
#define KEYCODE_A 38
#define KEYCODE_SHIFT 50

static const char *agent_program;
static char directory[] = "/tmp/test-gui-agent.XXXXXX";
static pid_t x_pid = -1, agent_pid = -1;
static char display[32];
static int memory_fd = -1, daemon_fd = -1;
static const uint8_t *memory;
static struct buf in;
static char clipboard[GUI_CLIPBOARD_MAX + 1];

static xcb_connection_t *x;
static xcb_screen_t *screen;
static xcb_window_t window;
static uint32_t first_buffer, second_buffer;

/* --- the daemon's side --- */

static void
send_message(const struct gui_message *m, const void *following)
{
	AUTO_BUF struct buf b;

	buf_init(&b, 1 << 20);
	assert_int_equal(gui_put_message(&b, m), 0);
	assert_int_equal(buf_put(&b, following, m->following), 0);
	while (buf_len(&b) > 0) {
		struct pollfd p = {.fd = daemon_fd, .events = POLLOUT};

		assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
		assert_true(buf_write_fd(&b, daemon_fd) > 0);
	}
}

/* False when nothing more came in time. */
static bool
fill(int timeout_ms)
{
	struct pollfd p = {.fd = daemon_fd, .events = POLLIN};

	if (poll(&p, 1, timeout_ms) <= 0)
		return false;
	assert_true(buf_read_fd(&in, daemon_fd, 65536) > 0);
	return true;
}

/* The next message, if one comes in time. All must be allowed, and of their length. */
static bool
next_message(struct gui_message *ret, int timeout_ms)
{
	struct gui_header h;

	while (buf_len(&in) < GUI_HEADER_BYTES) {
		if (!fill(timeout_ms))
			return false;
	}
	assert_int_equal(gui_get_header(&in, &h), 0);
	assert_true(gui_type_allowed(h.type, GUI_TO_DAEMON));
	assert_true(gui_length_valid(&h, GUI_VERSION_OURS));
	while (buf_len(&in) < h.untrusted_length)
		assert_true(fill(PATIENCE_MS));
	assert_int_equal(gui_get_body(&in, &h, ret), 0);
	if (ret->following > 0)
		assert_int_equal(buf_get(&in, clipboard, ret->following), 0);
	return true;
}

/* The next of a type about a window; what comes before is of no interest. */
static struct gui_message
expect(uint32_t type, uint32_t id)
{
	struct gui_message m;

	for (;;) {
		if (!next_message(&m, PATIENCE_MS))
			fail_msg("no %s", gui_type_name(type));
		if (m.type == type && (id == 0 || m.window == id))
			return m;
	}
}

static bool
comes_within(uint32_t type, int timeout_ms)
{
	uint64_t end_ms = loop_now_ms() + (uint64_t)timeout_ms;
	struct gui_message m;

	while (loop_now_ms() < end_ms) {
		if (next_message(&m, timeout_ms) && m.type == type)
			return true;
	}
	return false;
}

static uint32_t
read_u32(void)
{
	uint32_t value;

	while (buf_len(&in) < 4)
		assert_true(fill(PATIENCE_MS));
	assert_int_equal(buf_get_u32(&in, &value), 0);
	return value;
}

static void
join(void)
{
	struct vchan_config config = {.domain = QUBE,
		.port = GUI_VCHAN_PORT,
		.own_domain = 0,
		.transport = VCHAN_TRANSPORT_UNIX,
		.socket_dir = directory};
	struct gui_xconf conf = gui_xconf_of(1280, 800, 24);
	libvchan_t *c = vchan_create(&config);
	struct gui_message caps = {
		.type = GUI_X_CAPS,
		.caps = {.extension_version = 1,
			.features = GUI_FEATURE_POOL | GUI_FEATURE_COMMIT,
			.max_buffers_per_window = 4,
			.max_buffers = 1024,
			.pool_low = MEMORY_BYTES},
	};
	AUTO_BUF struct buf b;

	assert_non_null(c);
	assert_int_equal(vchan_wait_connected(c, PATIENCE_MS), 0);
	daemon_fd = vchan_detach(c);
	assert_true(daemon_fd >= 0);
	buf_clear(&in);
	assert_int_equal(read_u32(), GUI_VERSION_OURS);
	buf_init(&b, 64);
	assert_int_equal(buf_put_u32(&b, GUI_VERSION_OURS), 0);
	assert_int_equal(gui_put_xconf(&b, &conf), 0);
	assert_true(buf_write_fd(&b, daemon_fd) > 0);
	send_message(&caps, NULL);
	assert_int_equal(expect(GUI_X_CAPS, 0).caps.extension_version, 1);
}

static void
release(uint32_t buffer)
{
	send_message(&(struct gui_message){.type = GUI_X_RELEASE,
			     .window = window,
			     .release = {.buffer_id = buffer, .serial = 1}},
		NULL);
}

/* --- programs of the qube --- */

static xcb_window_t
create_window(xcb_window_t id, bool override_redirect)
{
	const uint32_t values[] = {RED, override_redirect,
		XCB_EVENT_MASK_KEY_PRESS | XCB_EVENT_MASK_KEY_RELEASE |
			XCB_EVENT_MASK_BUTTON_PRESS | XCB_EVENT_MASK_FOCUS_CHANGE |
			XCB_EVENT_MASK_STRUCTURE_NOTIFY | XCB_EVENT_MASK_PROPERTY_CHANGE};

	xcb_create_window(x, 24, id, screen->root, 30, 40, WIDTH, HEIGHT, 0,
		XCB_WINDOW_CLASS_INPUT_OUTPUT, screen->root_visual,
		XCB_CW_BACK_PIXEL | XCB_CW_OVERRIDE_REDIRECT | XCB_CW_EVENT_MASK, values);
	return id;
}

static void
set_text(xcb_window_t id, xcb_atom_t property, const char *text, size_t size)
{
	xcb_change_property(
		x, XCB_PROP_MODE_REPLACE, id, property, XCB_ATOM_STRING, 8, (uint32_t)size, text);
	xcb_flush(x);
}

static void
draw(uint32_t colour, xcb_rectangle_t r)
{
	xcb_gcontext_t gc = xcb_generate_id(x);

	xcb_create_gc(x, gc, window, XCB_GC_FOREGROUND, &colour);
	xcb_poly_fill_rectangle(x, window, gc, 1, &r);
	xcb_free_gc(x, gc);
	xcb_flush(x);
}

/* The next event of a type; the caller frees it. */
static xcb_generic_event_t *
x_event(uint8_t type)
{
	uint64_t end_ms = loop_now_ms() + PATIENCE_MS;

	while (loop_now_ms() < end_ms) {
		struct pollfd p = {.fd = xcb_get_file_descriptor(x), .events = POLLIN};
		xcb_generic_event_t *event = xcb_poll_for_event(x);

		if (event == NULL)
			(void)poll(&p, 1, 100);
		else if ((event->response_type & 0x7f) == type)
			return event;
		else
			free(event);
	}
	fail_msg("no X event %d", type);
	return NULL;
}

static xcb_atom_t
atom(const char *name)
{
	xcb_intern_atom_reply_t *reply =
		xcb_intern_atom_reply(x, xcb_intern_atom(x, 0, (uint16_t)strlen(name), name), NULL);
	xcb_atom_t result;

	assert_non_null(reply);
	result = reply->atom;
	free(reply);
	return result;
}

static uint32_t
pixel_at(const struct gui_dump *dump, uint32_t at_x, uint32_t at_y)
{
	uint32_t value;

	memcpy(&value,
		memory + gui_dump_offset(dump) + (size_t)at_y * dump->stride + (size_t)at_x * 4,
		sizeof(value));
	return value & 0xffffff;
}

/* --- tests, each going on where the one before it ended --- */

static struct gui_dump dumps[2];

static void
test_a_window_appears(void **state)
{
	struct gui_message m;

	window = create_window(xcb_generate_id(x), false);
	set_text(window, XCB_ATOM_WM_CLASS, "name\0Class", sizeof("name\0Class"));
	set_text(window, XCB_ATOM_WM_NAME, "first", 5);
	xcb_map_window(x, window);
	xcb_flush(x);
	m = expect(GUI_CREATE, window);
	assert_int_equal(m.create.x, 30);
	assert_int_equal(m.create.width, WIDTH);
	assert_int_equal(m.create.override_redirect, 0);
	m = expect(GUI_MAP, window);
	m = expect(GUI_WINDOW_DUMP, window);
	assert_null(
		gui_check_pool_dump(&m.dump, GUI_FEATURE_POOL | GUI_FEATURE_COMMIT, MEMORY_BYTES));
	assert_int_equal(m.dump.flags, GUI_DUMP_EXPLICIT);
	assert_int_equal(m.dump.width, WIDTH);
	dumps[0] = m.dump;
	m = expect(GUI_X_COMMIT, window);
	first_buffer = m.commit.buffer_id;
	assert_int_equal(first_buffer, dumps[0].buffer_id);
	assert_int_equal(m.commit.count, 0);
	assert_int_equal(pixel_at(&dumps[0], 0, 0), RED);
	assert_int_equal(pixel_at(&dumps[0], WIDTH - 1, HEIGHT - 1), RED);
}

/* What changes goes to another buffer; the first, which the daemon has, stays as it is. */
static void
test_changes_go_to_another_buffer(void **state)
{
	struct gui_message m;

	draw(GREEN, (xcb_rectangle_t){10, 20, 30, 40});
	m = expect(GUI_WINDOW_DUMP, window);
	dumps[1] = m.dump;
	assert_int_not_equal(m.dump.buffer_id, first_buffer);
	m = expect(GUI_X_COMMIT, window);
	second_buffer = m.commit.buffer_id;
	assert_int_equal(second_buffer, dumps[1].buffer_id);
	assert_int_equal(m.commit.count, 1);
	assert_int_equal(m.commit.rectangles[0].x, 10);
	assert_int_equal(m.commit.rectangles[0].height, 40);
	assert_int_equal(pixel_at(&dumps[1], 10, 20), GREEN);
	assert_int_equal(pixel_at(&dumps[1], 9, 20), RED);
	assert_int_equal(pixel_at(&dumps[0], 10, 20), RED);
}

/* The daemon has both: nothing is written and nothing sent before it gives one back. */
static void
test_waits_for_release(void **state)
{
	struct gui_message m;

	draw(0x0000ff, (xcb_rectangle_t){0, 0, 5, 5});
	assert_false(comes_within(GUI_X_COMMIT, QUIET_MS));
	assert_int_equal(pixel_at(&dumps[0], 0, 0), RED);
	assert_int_equal(pixel_at(&dumps[1], 0, 0), RED);
	release(first_buffer);
	m = expect(GUI_X_COMMIT, window);
	assert_int_equal(m.commit.buffer_id, first_buffer);
	/* It has caught up with all it had missed, and says only what is new. */
	assert_int_equal(m.commit.count, 1);
	assert_int_equal(m.commit.rectangles[0].width, 5);
	assert_int_equal(pixel_at(&dumps[0], 0, 0), 0x0000ff);
	assert_int_equal(pixel_at(&dumps[0], 10, 20), GREEN);
	release(second_buffer);
}

/* The daemon shows what was committed; what it showed before goes back. */
static void
show(uint32_t buffer, uint32_t *shown)
{
	release(*shown);
	*shown = buffer;
}

static void
draw_and_wait(uint32_t colour, uint32_t *shown)
{
	draw(colour, (xcb_rectangle_t){1, 0, 1, 1});
	do
		show(expect(GUI_X_COMMIT, window).commit.buffer_id, shown);
	while (pixel_at(&dumps[*shown == second_buffer], 1, 0) != colour);
}

/* What is drawn while an earlier change is being copied is not left for the change after it. */
static void
test_the_last_change_is_shown(void **state)
{
	uint32_t shown = first_buffer, colour = 1;
	struct gui_message m;

	for (; colour < 200; colour++) {
		draw(colour, (xcb_rectangle_t){0, 0, 1, 1});
		usleep(colour * 37 % 400);
		draw_and_wait(colour, &shown);
		usleep(COMMIT_INTERVAL_US);
	}
	/* What was in a copy before it was told of is committed once more. */
	while (next_message(&m, QUIET_MS)) {
		if (m.type == GUI_X_COMMIT)
			show(m.commit.buffer_id, &shown);
	}
	if (shown != first_buffer)
		draw_and_wait(colour, &shown);
	assert_int_equal(shown, first_buffer);
}

static void
test_titles(void **state)
{
	struct gui_message m;

	set_text(window, XCB_ATOM_WM_NAME, "second", 6);
	m = expect(GUI_WMNAME, window);
	assert_string_equal(m.title.untrusted_text, "second");
}

/* As a toolkit asks a window manager; some programs with the first mask alone. */
static struct gui_flags
ask_state(uint32_t action, const char *state)
{
	xcb_client_message_event_t e = {.response_type = XCB_CLIENT_MESSAGE,
		.format = 32,
		.window = window,
		.type = atom("_NET_WM_STATE")};

	e.data.data32[0] = action;
	e.data.data32[1] = atom(state);
	xcb_send_event(x, 0, screen->root,
		XCB_EVENT_MASK_SUBSTRUCTURE_REDIRECT |
			(action == 1 ? 0 : XCB_EVENT_MASK_SUBSTRUCTURE_NOTIFY),
		(const char *)&e);
	xcb_flush(x);
	return expect(GUI_WINDOW_FLAGS, window).flags;
}

/* Until the agent has told the program of the state that the host has given to its window. */
static void
await_state(const char *state)
{
	uint64_t end_ms = loop_now_ms() + PATIENCE_MS;
	xcb_atom_t property = atom("_NET_WM_STATE"), wanted = atom(state), found = XCB_NONE;

	while (found != wanted && loop_now_ms() < end_ms) {
		xcb_get_property_reply_t *reply = xcb_get_property_reply(
			x, xcb_get_property(x, 0, window, property, XCB_ATOM_ATOM, 0, 1), NULL);

		assert_non_null(reply);
		if (xcb_get_property_value_length(reply) == sizeof(found))
			memcpy(&found, xcb_get_property_value(reply), sizeof(found));
		free(reply);
		usleep(1000);
	}
	assert_int_equal(found, wanted);
}

/* The wish for the full screen, its end, and what depends on what the host has made of it. */
static void
test_states(void **state)
{
	static const char fullscreen[] = "_NET_WM_STATE_FULLSCREEN";
	struct gui_message granted = {
		.type = GUI_WINDOW_FLAGS, .window = window, .flags = {GUI_FLAG_FULLSCREEN, 0}};

	assert_int_equal(ask_state(1, fullscreen).set, GUI_FLAG_FULLSCREEN);
	assert_int_equal(ask_state(0, fullscreen).unset, GUI_FLAG_FULLSCREEN);
	assert_int_equal(ask_state(2, fullscreen).set, GUI_FLAG_FULLSCREEN);
	send_message(&granted, NULL);
	await_state(fullscreen);
	assert_int_equal(ask_state(2, fullscreen).unset, GUI_FLAG_FULLSCREEN);
	assert_int_equal(ask_state(1, "_NET_WM_STATE_DEMANDS_ATTENTION").set, GUI_FLAG_ATTENTION);
}

static void
test_the_daemon_resizes(void **state)
{
	struct gui_message configure = {.type = GUI_CONFIGURE,
		.window = window,
		.configure = {50, 60, WIDTH + 33, HEIGHT + 7, 0}};
	struct gui_message m;

	send_message(&configure, NULL);
	m = expect(GUI_CONFIGURE, window);
	assert_memory_equal(&m.configure, &configure.configure, sizeof(m.configure));
	m = expect(GUI_WINDOW_DUMP, window);
	assert_int_equal(m.dump.width, WIDTH + 33);
	assert_int_equal(m.dump.height, HEIGHT + 7);
	assert_int_not_equal(gui_dump_offset(&m.dump), gui_dump_offset(&dumps[0]));
	m = expect(GUI_X_COMMIT, window);
	/* The same again is answered too: the daemon waits for it. */
	send_message(&configure, NULL);
	m = expect(GUI_CONFIGURE, window);
	assert_int_equal(m.configure.width, WIDTH + 33);
	release(first_buffer);
	assert_int_equal(expect(GUI_X_DROP, window).drop.buffer_id, first_buffer);
}

static void
test_menus(void **state)
{
	xcb_window_t menu = create_window(xcb_generate_id(x), true);

	xcb_change_property(x, XCB_PROP_MODE_REPLACE, menu, XCB_ATOM_WM_TRANSIENT_FOR,
		XCB_ATOM_WINDOW, 32, 1, &window);
	xcb_map_window(x, menu);
	xcb_flush(x);
	assert_int_equal(expect(GUI_CREATE, menu).create.override_redirect, 1);
	assert_int_equal(expect(GUI_MAP, menu).map.transient_for, window);
	(void)expect(GUI_X_COMMIT, menu);
	xcb_unmap_window(x, menu);
	xcb_flush(x);
	(void)expect(GUI_UNMAP, menu);
	xcb_destroy_window(x, menu);
	xcb_flush(x);
	(void)expect(GUI_DESTROY, menu);
	/* The number again, while the daemon has not said that it has forgotten it. */
	create_window(menu, true);
	xcb_flush(x);
	assert_false(comes_within(GUI_CREATE, QUIET_MS));
	send_message(&(struct gui_message){.type = GUI_DESTROY, .window = menu}, NULL);
	(void)expect(GUI_CREATE, menu);
	xcb_destroy_window(x, menu);
	xcb_flush(x);
	(void)expect(GUI_DESTROY, menu);
	send_message(&(struct gui_message){.type = GUI_DESTROY, .window = menu}, NULL);
}

static void
send_key(uint32_t type, uint32_t keycode, uint32_t modifiers)
{
	send_message(&(struct gui_message){.type = GUI_KEYPRESS,
			     .window = window,
			     .key = {type, 5, 5, modifiers, keycode}},
		NULL);
}

static void
test_input(void **state)
{
	xcb_key_press_event_t *key;
	xcb_button_press_event_t *button;

	send_message(
		&(struct gui_message){
			.type = GUI_FOCUS, .window = window, .focus = {.type = GUI_EVENT_FOCUS_IN}},
		NULL);
	free(x_event(XCB_FOCUS_IN));
	send_message(
		&(struct gui_message){.type = GUI_MOTION, .window = window, .motion = {17, 19}},
		NULL);
	send_message(&(struct gui_message){.type = GUI_BUTTON,
			     .window = window,
			     .button = {GUI_EVENT_BUTTON_PRESS, 17, 19, 0, 3}},
		NULL);
	button = (xcb_button_press_event_t *)x_event(XCB_BUTTON_PRESS);
	assert_int_equal(button->detail, 3);
	assert_int_equal(button->event_x, 17);
	assert_int_equal(button->event_y, 19);
	free(button);
	send_message(&(struct gui_message){.type = GUI_BUTTON,
			     .window = window,
			     .button = {GUI_EVENT_BUTTON_RELEASE, 17, 19, 0, 3}},
		NULL);
	/* Shift was pressed where we did not see it. */
	send_key(GUI_EVENT_KEY_PRESS, KEYCODE_A, XCB_MOD_MASK_SHIFT);
	key = (xcb_key_press_event_t *)x_event(XCB_KEY_PRESS);
	assert_int_equal(key->detail, KEYCODE_SHIFT);
	free(key);
	key = (xcb_key_press_event_t *)x_event(XCB_KEY_PRESS);
	assert_int_equal(key->detail, KEYCODE_A);
	assert_int_equal(key->state & XCB_MOD_MASK_SHIFT, XCB_MOD_MASK_SHIFT);
	free(key);
	/* All keys are up on the host. */
	send_message(&(struct gui_message){.type = GUI_KEYMAP_NOTIFY}, NULL);
	free(x_event(XCB_KEY_RELEASE));
	free(x_event(XCB_KEY_RELEASE));
	/* Numbers that are none do nothing. */
	send_key(GUI_EVENT_KEY_PRESS, 7, 0);
	send_key(GUI_EVENT_KEY_PRESS, UINT32_MAX, 0);
	send_key(99, KEYCODE_A, 0);
	send_message(&(struct gui_message){.type = GUI_MOTION, .window = 0xdead}, NULL);
}

/* Until somebody offers something: the agent, for what the daemon has sent. */
static void
await_clipboard(void)
{
	uint64_t end_ms = loop_now_ms() + PATIENCE_MS;
	xcb_window_t owner = XCB_NONE;

	while (owner == XCB_NONE && loop_now_ms() < end_ms) {
		xcb_get_selection_owner_reply_t *reply = xcb_get_selection_owner_reply(
			x, xcb_get_selection_owner(x, atom("CLIPBOARD")), NULL);

		assert_non_null(reply);
		owner = reply->owner;
		free(reply);
		usleep(1000);
	}
	assert_int_not_equal(owner, XCB_NONE);
}

static void
test_clipboard_into_the_qube(void **state)
{
	static const char text[] = "from elsewhere \xe2\x82\xac";
	struct gui_message m = {
		.type = GUI_CLIPBOARD_DATA, .window = window, .following = sizeof(text) - 1};
	xcb_get_property_reply_t *reply;
	xcb_atom_t property = atom("TEST_CLIPBOARD");
	xcb_selection_notify_event_t *notify;

	send_message(&m, text);
	await_clipboard();
	xcb_convert_selection(
		x, window, atom("CLIPBOARD"), atom("UTF8_STRING"), property, XCB_CURRENT_TIME);
	xcb_flush(x);
	notify = (xcb_selection_notify_event_t *)x_event(XCB_SELECTION_NOTIFY);
	assert_int_equal(notify->property, property);
	free(notify);
	reply = xcb_get_property_reply(
		x, xcb_get_property(x, 1, window, property, XCB_ATOM_ANY, 0, 100), NULL);
	assert_non_null(reply);
	assert_int_equal(xcb_get_property_value_length(reply), sizeof(text) - 1);
	assert_memory_equal(xcb_get_property_value(reply), text, sizeof(text) - 1);
	free(reply);
}

/* Answers one request for the selection. */
static void
serve_selection(xcb_atom_t type, uint8_t format, const void *data, uint32_t count)
{
	xcb_selection_request_event_t *request =
		(xcb_selection_request_event_t *)x_event(XCB_SELECTION_REQUEST);
	union {
		xcb_selection_notify_event_t event;
		char bytes[32];
	} answer = {.event = {.response_type = XCB_SELECTION_NOTIFY,
			    .time = request->time,
			    .requestor = request->requestor,
			    .selection = request->selection,
			    .target = request->target,
			    .property = request->property}};

	xcb_change_property(x, XCB_PROP_MODE_REPLACE, request->requestor, request->property, type,
		format, count, data);
	xcb_send_event(x, 0, request->requestor, 0, answer.bytes);
	xcb_flush(x);
	free(request);
}

static void
test_clipboard_out_of_the_qube(void **state)
{
	const xcb_atom_t targets[] = {atom("UTF8_STRING")};
	struct gui_message request = {.type = GUI_CLIPBOARD_REQ, .window = window}, m;

	xcb_set_selection_owner(x, window, atom("CLIPBOARD"), XCB_CURRENT_TIME);
	xcb_flush(x);
	free(xcb_get_input_focus_reply(x, xcb_get_input_focus(x), NULL));
	send_message(&request, NULL);
	serve_selection(XCB_ATOM_ATOM, 32, targets, 1);
	serve_selection(targets[0], 8, "copied", 6);
	m = expect(GUI_CLIPBOARD_DATA, window);
	assert_int_equal(m.following, 6);
	assert_memory_equal(clipboard, "copied", 6);
	xcb_set_selection_owner(x, XCB_NONE, atom("CLIPBOARD"), XCB_CURRENT_TIME);
	xcb_flush(x);
	free(xcb_get_input_focus_reply(x, xcb_get_input_focus(x), NULL));
	send_message(&request, NULL);
	assert_int_equal(expect(GUI_CLIPBOARD_DATA, window).following, 0);
}

static void
test_unknown_messages_are_skipped(void **state)
{
	const uint8_t odd[] = {0x99, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 1, 2, 3, 4, 5,
		/* KEYPRESS of a wrong length */
		124, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 1, 2, 3};

	assert_int_equal(write_all(daemon_fd, odd, sizeof(odd)), 0);
	set_text(window, XCB_ATOM_WM_NAME, "third", 5);
	assert_string_equal(expect(GUI_WMNAME, window).title.untrusted_text, "third");
}

static void
test_a_new_daemon_is_told_of_all(void **state)
{
	close(daemon_fd);
	join();
	assert_int_equal(expect(GUI_CREATE, window).create.width, WIDTH + 33);
	assert_string_equal(expect(GUI_WMNAME, window).title.untrusted_text, "third");
	(void)expect(GUI_MAP, window);
	(void)expect(GUI_WINDOW_DUMP, window);
	(void)expect(GUI_X_COMMIT, window);
}

static void test_a_new_agent_tells_of_all(void **state);

/* --- around them --- */

static void
start_agent(void)
{
	const char *argv[] = {agent_program, "--display", display, "--memory-fd", "3", NULL};
	const struct child_fd fds[] = {{memory_fd, 3}, {2, 2}};

	agent_pid = program_start(argv, fds, 2);
}

static void
test_a_new_agent_tells_of_all(void **state)
{
	program_end(agent_pid, SIGKILL);
	close(daemon_fd);
	start_agent();
	join();
	(void)expect(GUI_CREATE, window);
	(void)expect(GUI_MAP, window);
	(void)expect(GUI_X_COMMIT, window);
	xcb_destroy_window(x, window);
	xcb_flush(x);
	(void)expect(GUI_DESTROY, window);
}

static int
set_up(void **state)
{
	if (mkdtemp(directory) == NULL)
		return -1;
	/* The confined one can not look for leaks at its end. */
	setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
	setenv("VCHAN_TRANSPORT", "unix", 1);
	setenv("VCHAN_SOCKET_DIR", directory, 1);
	setenv("VCHAN_DOMAIN", "5", 1);
	setenv("BULKHEAD_ROOT", directory, 1);
	buf_init(&in, 1 << 20);
	memory_fd = memfd_create("windows", MFD_CLOEXEC);
	if (memory_fd < 0 || ftruncate(memory_fd, (off_t)MEMORY_BYTES) < 0)
		return -1;
	memory = mmap(NULL, MEMORY_BYTES, PROT_READ, MAP_SHARED, memory_fd, 0);
	x_pid = x_server_start("800x600x24");
	snprintf(display, sizeof(display), "%s", getenv("DISPLAY"));
	start_agent();
	join();
	x = xcb_connect(display, NULL);
	screen = xcb_setup_roots_iterator(xcb_get_setup(x)).data;
	return xcb_connection_has_error(x);
}

static int
tear_down(void **state)
{
	program_end(agent_pid, SIGTERM);
	xcb_disconnect(x);
	program_end(x_pid, SIGTERM);
	buf_finish(&in);
	return remove_tree(directory, NULL);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_window_appears),
		cmocka_unit_test(test_changes_go_to_another_buffer),
		cmocka_unit_test(test_waits_for_release),
		cmocka_unit_test(test_the_last_change_is_shown),
		cmocka_unit_test(test_titles),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_the_daemon_resizes),
		cmocka_unit_test(test_menus),
		cmocka_unit_test(test_input),
		cmocka_unit_test(test_clipboard_into_the_qube),
		cmocka_unit_test(test_clipboard_out_of_the_qube),
		cmocka_unit_test(test_unknown_messages_are_skipped),
		cmocka_unit_test(test_a_new_daemon_is_told_of_all),
		cmocka_unit_test(test_a_new_agent_tells_of_all),
	};

	if (argc != 2)
		return 2;
	if (access("/usr/bin/Xvfb", X_OK) != 0) {
		puts("SKIP: no Xvfb");
		return 77;
	}
	agent_program = argv[1];
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
