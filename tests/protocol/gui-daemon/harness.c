/* See harness.h. */
#include "harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <xcb/xcb_keysyms.h>
#include <xcb/xtest.h>

#include "base/child.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/loop.h"
#include "base/path.h"
#include "base/socket.h"
#include "base/text.h"
#include "gui/protocol/window_memory.h"
#include "programs.h"

#define PATIENCE_MS 20000
#define POOL_TARGET_FD 10
#define STATS_TARGET_FD 11

static void
nap(void)
{
	const struct timespec while_ms = {.tv_nsec = 5000000};

	nanosleep(&while_ms, NULL);
}

static void
start_x_server(struct harness *h, int width, int height)
{
	AUTO_FREE char *screen = text_format("%dx%dx24", width, height);

	h->x_server = x_server_start(screen);
	snprintf(h->display, sizeof(h->display), "%s", getenv("DISPLAY"));
	h->x = xcb_connect(h->display, NULL);
	assert_int_equal(xcb_connection_has_error(h->x), 0);
	h->screen = xcb_setup_roots_iterator(xcb_get_setup(h->x)).data;
}

void
harness_start(struct harness *h, int width, int height)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *path = NULL;

	*h = (struct harness){.fd = -1};
	strcpy(h->directory, "/tmp/gui-daemon-XXXXXX");
	assert_non_null(mkdtemp(h->directory));
	setenv("BULKHEAD_ROOT", h->directory, 1);
	setenv("BULKHEAD_NO_NOTIFY", "1", 1);
	/* A confined process can not be traced for leaks; and freed memory is not growth. */
	setenv("ASAN_OPTIONS", "detect_leaks=0:quarantine_size_mb=4", 1);
	start_x_server(h, width, height);
	h->pool_fd = window_memory_create("test", POOL_BYTES, &err);
	assert_true(h->pool_fd >= 0);
	h->pool = mmap(NULL, POOL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, h->pool_fd, 0);
	assert_ptr_not_equal(h->pool, MAP_FAILED);
	path = path_join(h->directory, "agent.sock");
	h->listen_fd = socket_listen(path, 0600, &err);
	assert_true(h->listen_fd >= 0);
	buf_init(&h->in, 1 << 20);
}

static int
end_process(pid_t *pid, int signal_number)
{
	int status = 0;

	if (*pid <= 0)
		return 0;
	kill(*pid, signal_number);
	waitpid(*pid, &status, 0);
	*pid = 0;
	return status;
}

void
harness_stop(struct harness *h)
{
	AUTO_ERR struct err err = ERR_INIT;

	harness_hang_up(h);
	end_process(&h->daemon, SIGTERM);
	xcb_disconnect(h->x);
	end_process(&h->manager, SIGTERM);
	end_process(&h->x_server, SIGTERM);
	munmap(h->pool, POOL_BYTES);
	close(h->pool_fd);
	close(h->listen_fd);
	buf_finish(&h->in);
	assert_int_equal(remove_tree(h->directory, &err), 0);
}

/* One that has just announced itself may still miss a window: until it maps ours, it is asked. */
static void
await_mapping(struct harness *h, uint64_t deadline)
{
	xcb_window_t window = xcb_generate_id(h->x);

	xcb_create_window(h->x, XCB_COPY_FROM_PARENT, window, h->screen->root, 0, 0, 10, 10, 0,
		XCB_WINDOW_CLASS_INPUT_OUTPUT, XCB_COPY_FROM_PARENT, 0, NULL);
	while (!harness_is_viewable(h, window)) {
		assert_true(loop_now_ms() < deadline);
		xcb_map_window(h->x, window);
		xcb_flush(h->x);
		usleep(200000);
	}
	xcb_destroy_window(h->x, window);
	xcb_flush(h->x);
}

bool
harness_start_manager(struct harness *h, const char *program)
{
	const char *argv[] = {program, NULL};
	uint64_t deadline = loop_now_ms() + PATIENCE_MS;

	h->manager = program_start(argv, NULL, 0);
	if (h->manager < 0)
		return false;
	while (harness_property_word(h, h->screen->root, "_NET_SUPPORTING_WM_CHECK") == 0) {
		assert_true(loop_now_ms() < deadline);
		nap();
	}
	await_mapping(h, deadline);
	return true;
}

void
harness_start_daemon(struct harness *h, const char *const *options)
{
	AUTO_FREE char *connect = text_format("unix:%s/agent.sock", h->directory);
	AUTO_FREE char *policy = text_format("%s/policy.sock", h->directory);
	const char *argv[40] = {GUI_DAEMON, "-f", "-N", "work", "-c", "0x73d216", "-l", "4",
		"--on-violation=disconnect", "--state-dir", h->directory, "--policy-socket", policy,
		"--paste-guard-ms", "0", "--pool-fd", "10", "--connect", connect};
	const struct child_fd fds[] = {
		{h->pool_fd, POOL_TARGET_FD}, {2, 2}, {h->stats_fd, STATS_TARGET_FD}};
	size_t count = 19;

	while (options != NULL && *options != NULL)
		argv[count++] = *options++;
	h->daemon = program_start(argv, fds, h->stats_fd > 0 ? 3 : 2);
	assert_true(h->daemon > 0);
}

int
harness_end_daemon(struct harness *h)
{
	return end_process(&h->daemon, SIGTERM);
}

int
harness_await_daemon(struct harness *h)
{
	uint64_t deadline = loop_now_ms() + PATIENCE_MS;
	int status;

	while (waitpid(h->daemon, &status, WNOHANG) == 0) {
		assert_true(loop_now_ms() < deadline);
		nap();
	}
	h->daemon = 0;
	return status;
}

void
harness_accept(struct harness *h)
{
	struct pollfd state = {.fd = h->listen_fd, .events = POLLIN};

	assert_true(poll(&state, 1, PATIENCE_MS) > 0);
	h->fd = accept4(h->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	assert_true(h->fd >= 0);
	buf_clear(&h->in);
}

void
harness_hang_up(struct harness *h)
{
	if (h->fd >= 0)
		close(h->fd);
	h->fd = -1;
}

void
harness_connect(struct harness *h)
{
	const uint32_t version = GUI_VERSION(1, 8);
	struct gui_message caps = {
		.type = GUI_X_CAPS,
		.caps = {GUI_EXTENSION_VERSION, 7, 4, 1024, (uint32_t)POOL_BYTES, 0},
	};
	struct gui_message theirs;
	char greeting[20];

	harness_accept(h);
	harness_send_bytes(h, &version, sizeof(version));
	assert_true(harness_read(h, greeting, sizeof(greeting)));
	assert_true(harness_receive(h, GUI_X_CAPS, PATIENCE_MS, &theirs));
	assert_int_equal(gui_caps_pool_bytes(&theirs.caps), POOL_BYTES);
	harness_send(h, &caps);
}

void
harness_send_bytes(struct harness *h, const void *bytes, size_t size)
{
	write_all(h->fd, bytes, size);
}

void
harness_send(struct harness *h, const struct gui_message *m)
{
	AUTO_BUF struct buf b;

	buf_init(&b, 4096);
	assert_int_equal(gui_put_message(&b, m), 0);
	harness_send_bytes(h, buf_data(&b), buf_len(&b));
}

void
harness_send_bare(struct harness *h, uint32_t type, uint32_t window)
{
	struct gui_message m = {.type = type, .window = window};

	harness_send(h, &m);
}

/* False at the end of the stream or when the time is over. */
static bool
read_more(struct harness *h, uint64_t deadline_ms)
{
	struct pollfd state = {.fd = h->fd, .events = POLLIN};
	uint64_t now = loop_now_ms();

	if (now > deadline_ms || poll(&state, 1, (int)(deadline_ms - now)) <= 0)
		return false;
	return buf_read_fd(&h->in, h->fd, 65536) > 0;
}

bool
harness_read(struct harness *h, void *bytes, size_t size)
{
	uint64_t deadline = loop_now_ms() + PATIENCE_MS;

	while (buf_get(&h->in, bytes, size) < 0) {
		if (!read_more(h, deadline))
			return false;
	}
	return true;
}

static bool
next_message(struct harness *h, uint64_t deadline, struct gui_message *ret_message)
{
	struct gui_header header;

	while (gui_get_header(&h->in, &header) < 0) {
		if (!read_more(h, deadline))
			return false;
	}
	assert_true(gui_type_allowed(header.type, GUI_TO_AGENT));
	assert_true(gui_length_valid(&header, GUI_VERSION_OURS));
	while (gui_get_body(&h->in, &header, ret_message) < 0) {
		if (!read_more(h, deadline))
			return false;
	}
	return true;
}

bool
harness_next(struct harness *h, int timeout_ms, struct gui_message *ret_message)
{
	return next_message(h, loop_now_ms() + (uint64_t)timeout_ms, ret_message);
}

bool
harness_receive(struct harness *h, uint32_t type, int timeout_ms, struct gui_message *ret_message)
{
	uint64_t deadline = loop_now_ms() + (uint64_t)timeout_ms;

	while (next_message(h, deadline, ret_message)) {
		if (ret_message->type == type)
			return true;
	}
	return false;
}

void
harness_create(
	struct harness *h, uint32_t id, int x, int y, uint32_t width, uint32_t height, bool popup)
{
	struct gui_message m = {
		.type = GUI_CREATE, .window = id, .create = {x, y, width, height, 0, popup}};

	harness_send(h, &m);
}

void
harness_map(struct harness *h, uint32_t id, bool popup)
{
	struct gui_message m = {.type = GUI_MAP, .window = id, .map = {0, popup}};

	harness_send(h, &m);
}

void
harness_show(struct harness *h, uint32_t id, uint32_t width, uint32_t height, uint32_t colour)
{
	static uint32_t buffer;
	uint32_t slot = ++buffer % 3, offset = 4096 + slot * (4U << 20);
	struct gui_message dump = {
		.type = GUI_WINDOW_DUMP,
		.window = id,
		.dump = {GUI_DUMP_POOL, width, height, 24, buffer, GUI_FOURCC_XR24, offset, 0,
			width * 4, GUI_DUMP_EXPLICIT, 0, 0},
	};
	struct gui_message commit = {
		.type = GUI_X_COMMIT, .window = id, .commit = {buffer, buffer, 0, 0}};

	assert_true(width * height * 4 <= 4U << 20);
	for (uint32_t i = 0; i < width * height; i++)
		h->pool[offset / 4 + i] = colour;
	harness_send(h, &dump);
	harness_send(h, &commit);
}

xcb_atom_t
harness_atom(struct harness *h, const char *name)
{
	xcb_intern_atom_reply_t *reply = xcb_intern_atom_reply(
		h->x, xcb_intern_atom(h->x, 0, (uint16_t)strlen(name), name), NULL);
	xcb_atom_t atom = reply->atom;

	free(reply);
	return atom;
}

static xcb_get_property_reply_t *
get_property(struct harness *h, xcb_window_t window, const char *name)
{
	return xcb_get_property_reply(h->x,
		xcb_get_property(h->x, 0, window, harness_atom(h, name), XCB_ATOM_ANY, 0, 256),
		NULL);
}

const char *
harness_property(struct harness *h, xcb_window_t window, const char *name)
{
	static char text[1025];
	xcb_get_property_reply_t *reply = get_property(h, window, name);
	size_t size = 0;

	memset(text, 0, sizeof(text));
	if (reply != NULL)
		size = (size_t)xcb_get_property_value_length(reply);
	if (size > 0)
		memcpy(text, xcb_get_property_value(reply), size);
	free(reply);
	return text;
}

uint32_t
harness_property_word(struct harness *h, xcb_window_t window, const char *name)
{
	xcb_get_property_reply_t *reply = get_property(h, window, name);
	uint32_t value = 0;

	if (reply != NULL && reply->format == 32 && xcb_get_property_value_length(reply) >= 4)
		memcpy(&value, xcb_get_property_value(reply), 4);
	free(reply);
	return value;
}

/* In the tree of windows, however deep a window manager has put it. */
static xcb_window_t
find_below(struct harness *h, xcb_window_t top, uint32_t id)
{
	xcb_query_tree_reply_t *tree = xcb_query_tree_reply(h->x, xcb_query_tree(h->x, top), NULL);
	xcb_window_t found = XCB_WINDOW_NONE;

	for (int i = 0; tree != NULL && i < xcb_query_tree_children_length(tree); i++) {
		xcb_window_t child = xcb_query_tree_children(tree)[i];

		if (harness_property_word(h, child, "_QUBES_VMWINDOWID") == id)
			found = child;
		else if (found == XCB_WINDOW_NONE)
			found = find_below(h, child, id);
	}
	free(tree);
	return found;
}

xcb_window_t
harness_find(struct harness *h, uint32_t id)
{
	uint64_t deadline = loop_now_ms() + PATIENCE_MS;
	xcb_window_t window;

	while ((window = find_below(h, h->screen->root, id)) == XCB_WINDOW_NONE &&
		loop_now_ms() < deadline)
		nap();
	return window;
}

bool
harness_is_viewable(struct harness *h, xcb_window_t window)
{
	xcb_get_window_attributes_reply_t *reply = xcb_get_window_attributes_reply(
		h->x, xcb_get_window_attributes(h->x, window), NULL);
	bool result = reply != NULL && reply->map_state == XCB_MAP_STATE_VIEWABLE;

	free(reply);
	return result;
}

uint32_t
harness_pixel(struct harness *h, int x, int y)
{
	xcb_get_image_reply_t *reply = xcb_get_image_reply(h->x,
		xcb_get_image(h->x, XCB_IMAGE_FORMAT_Z_PIXMAP, h->screen->root, (int16_t)x,
			(int16_t)y, 1, 1, ~0U),
		NULL);
	uint32_t pixel = 0;

	if (reply == NULL) /* beside the screen */
		return 0xffffffff;
	memcpy(&pixel, xcb_get_image_data(reply), 4);
	free(reply);
	return pixel & 0xffffff;
}

bool
harness_await_pixel(struct harness *h, int x, int y, uint32_t colour)
{
	uint64_t deadline = loop_now_ms() + PATIENCE_MS;

	while (harness_pixel(h, x, y) != colour) {
		if (loop_now_ms() > deadline)
			return false;
		nap();
	}
	return true;
}

void
harness_geometry(struct harness *h, xcb_window_t window, int ret_xywh[4])
{
	xcb_get_geometry_reply_t *size =
		xcb_get_geometry_reply(h->x, xcb_get_geometry(h->x, window), NULL);
	xcb_translate_coordinates_reply_t *place = xcb_translate_coordinates_reply(
		h->x, xcb_translate_coordinates(h->x, window, h->screen->root, 0, 0), NULL);

	assert_non_null(size);
	assert_non_null(place);
	ret_xywh[0] = place->dst_x;
	ret_xywh[1] = place->dst_y;
	ret_xywh[2] = size->width;
	ret_xywh[3] = size->height;
	free(size);
	free(place);
}

void
harness_focus(struct harness *h, xcb_window_t window)
{
	uint64_t deadline = loop_now_ms() + PATIENCE_MS;

	while (!harness_is_viewable(h, window) && loop_now_ms() < deadline)
		nap();
	xcb_set_input_focus(h->x, XCB_INPUT_FOCUS_POINTER_ROOT, window, XCB_CURRENT_TIME);
	xcb_flush(h->x);
}

static void
fake(struct harness *h, uint8_t type, uint8_t detail, int x, int y)
{
	xcb_test_fake_input(h->x, type, detail, 0, h->screen->root, (int16_t)x, (int16_t)y, 0);
	xcb_flush(h->x);
}

void
harness_key(struct harness *h, xcb_keysym_t keysym, bool press)
{
	xcb_key_symbols_t *symbols = xcb_key_symbols_alloc(h->x);
	xcb_keycode_t *codes = xcb_key_symbols_get_keycode(symbols, keysym);

	assert_non_null(codes);
	fake(h, press ? XCB_KEY_PRESS : XCB_KEY_RELEASE, codes[0], 0, 0);
	free(codes);
	xcb_key_symbols_free(symbols);
}

void
harness_chord(struct harness *h, xcb_keysym_t keysym)
{
	harness_key(h, 0xffe3, true);
	harness_key(h, 0xffe1, true);
	harness_key(h, keysym, true);
	harness_key(h, keysym, false);
	harness_key(h, 0xffe1, false);
	harness_key(h, 0xffe3, false);
}

void
harness_click(struct harness *h, int x, int y, int button)
{
	fake(h, XCB_MOTION_NOTIFY, 0, x, y);
	if (button > 0) {
		fake(h, XCB_BUTTON_PRESS, (uint8_t)button, 0, 0);
		fake(h, XCB_BUTTON_RELEASE, (uint8_t)button, 0, 0);
	}
}

int
harness_set_up(void **state)
{
	struct harness *h;

	if (access("/usr/bin/Xvfb", X_OK) != 0)
		return -1;
	h = malloc(sizeof(*h));
	harness_start(h, 1280, 1024);
	*state = h;
	return 0;
}

int
harness_tear_down(void **state)
{
	harness_stop(*state);
	free(*state);
	return 0;
}
