/*
 * What a person has of gui-daemon beside windows: icons in the label's colour, titles with the
 * qube's name, keys without their rhythm, a question about a qube that misbehaves, the full screen
 * where it is allowed; and a display that goes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/child.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/loop.h"
#include "base/path.h"
#include "base/socket.h"
#include "base/text.h"
#include "gui/daemon/daemon.h"
#include "gui/daemon/tint.h"
#include "harness.h"

#define SOON_MS 20000
#define TRIES 4000
#define TRY_US 5000
#define RED 0xff0000
#define WHITE 0xffffff

/* A daemon that gets its calls over a socket: returns our end. */
static int
start_with_calls(struct harness *h)
{
	AUTO_FREE char *connect = text_format("unix:%s/agent.sock", h->directory);
	const char *argv[] = {GUI_DAEMON, "-f", "-N", "work", "-c", "0x73d216", "-l", "4", "-T",
		"--state-dir", h->directory, "--pool-fd", "10", "--connect", connect, "--icons-fd",
		"11", NULL};
	struct child_config config = CHILD_CONFIG_INIT;
	AUTO_ERR struct err err = ERR_INIT;
	struct child_fd fds[] = {{h->pool_fd, 10}, {2, 2}, {-1, 11}};
	int ends[2];

	assert_int_equal(socket_pair(ends), 0);
	fds[2].source = ends[1];
	config.argv = argv;
	config.fds = fds;
	config.fd_count = 3;
	config.die_with_parent = true;
	h->daemon = child_start(&config, &err);
	assert_true(h->daemon > 0);
	close(ends[1]);
	harness_connect(h);
	return ends[0];
}

/* A call that brings icons: the daemon gets one end of a socket, we write to the other. */
static int
start_call(int calls_fd)
{
	int ends[2];

	assert_int_equal(socket_pair(ends), 0);
	assert_int_equal(socket_send_fd(calls_fd, "i", 1, ends[1]), 1);
	close(ends[1]);
	return ends[0];
}

static void
send_icon(int fd, uint32_t window, uint32_t edge, uint32_t rgba)
{
	AUTO_BUF struct buf b;

	buf_init(&b, 1 << 20);
	buf_printf(&b, "%u\n%u %u\n", window, edge, edge);
	for (uint32_t i = 0; i < edge * edge; i++)
		buf_put_u32(&b, rgba);
	assert_int_equal(write_all(fd, buf_data(&b), buf_len(&b)), 0);
}

/* Width and last pixel of the icon. */
static void
read_icon(struct harness *h, xcb_window_t window, uint32_t *ret_width, uint32_t *ret_pixel)
{
	xcb_get_property_reply_t *reply = xcb_get_property_reply(h->x,
		xcb_get_property(h->x, 0, window, harness_atom(h, "_NET_WM_ICON"),
			XCB_ATOM_CARDINAL, 0, 1 << 20),
		NULL);
	const uint32_t *words = xcb_get_property_value(reply);
	int count = xcb_get_property_value_length(reply) / 4;

	assert_true(count > 2);
	assert_int_equal(words[0] * words[1] + 2, (uint32_t)count);
	*ret_width = words[0];
	*ret_pixel = words[count - 1];
	free(reply);
}

static void
await_icon(struct harness *h, uint32_t id, uint32_t width, uint32_t pixel)
{
	xcb_window_t window = harness_find(h, id);
	uint32_t is_width = 0, is_pixel = 0;

	for (int i = 0; i < TRIES; i++) {
		read_icon(h, window, &is_width, &is_pixel);
		if (is_width == width && is_pixel == pixel)
			return;
		usleep(TRY_US);
	}
	fail_msg("icon is %u wide, %08x", is_width, is_pixel);
}

/* In the label's colour, small; before and after the window; also when the qube sends nonsense. */
static void
test_icons(void **state)
{
	struct harness *h = *state;
	int calls_fd = start_with_calls(h), fd = start_call(calls_fd);
	uint32_t grey = tint_icon_pixel(0xff808080, LABEL);
	char byte;

	send_icon(fd, 0x22, 16, 0xffffffff); /* before its window */
	harness_create(h, W1, 100, 100, 300, 200, false);
	harness_map(h, W1, false);
	send_icon(fd, W1, 48, 0xff808080);
	await_icon(h, W1, 48, grey);
	assert_int_not_equal(grey & 0xffffff, 0x808080);
	harness_create(h, 0x22, 100, 100, 300, 200, false);
	await_icon(h, 0x22, 16, tint_icon_pixel(0xffffffff, LABEL));
	send_icon(fd, W1, 300, 0xff808080);
	await_icon(h, W1, 128, grey);
	/* Nonsense ends this call and no more; what came before stays. */
	assert_int_equal(write_all(fd, "no icon\n", 8), 0);
	assert_true(read(fd, &byte, 1) <= 0);
	close(fd);
	await_icon(h, W1, 128, grey);
	/* A new call replaces the one before. */
	fd = start_call(calls_fd);
	send_icon(fd, W1, 32, 0xff808080);
	await_icon(h, W1, 32, grey);
	close(start_call(calls_fd));
	assert_true(read(fd, &byte, 1) <= 0);
	close(fd);
	close(calls_fd);
}

static void
await_title(struct harness *h, xcb_window_t window, const char *expected)
{
	for (int i = 0; i < TRIES; i++) {
		if (text_equal(harness_property(h, window, "_NET_WM_NAME"), expected))
			break;
		usleep(TRY_US);
	}
	assert_string_equal(harness_property(h, window, "_NET_WM_NAME"), expected);
	assert_string_equal(harness_property(h, window, "WM_NAME"), expected);
	assert_string_equal(harness_property(h, window, "_NET_WM_ICON_NAME"), expected);
}

/* A title of the qube that has a name of another in it does not come first. */
static void
test_titles(void **state)
{
	struct harness *h = *state;
	struct gui_message m = {.type = GUI_WMNAME, .window = W1};
	int calls_fd = start_with_calls(h);

	harness_create(h, W1, 100, 100, 300, 200, false);
	strcpy(m.title.untrusted_text, "[dom0] files");
	harness_send(h, &m);
	await_title(h, harness_find(h, W1), "[work] [dom0] files");
	close(calls_fd);
}

static void
await_viewable(struct harness *h, uint32_t id)
{
	for (int i = 0; i < TRIES && !harness_is_viewable(h, harness_find(h, id)); i++)
		usleep(TRY_US);
	assert_true(harness_is_viewable(h, harness_find(h, id)));
}

static char *
write_config(struct harness *h, const char *text)
{
	char *path = text_format("%s/guid.conf", h->directory);

	assert_int_equal(write_file(path, text, strlen(text), 0600, NULL), 0);
	return path;
}

/* Held back, each and all, in their order; what the daemon needs to know of windows is not. */
static void
test_delayed_keys(void **state)
{
	struct harness *h = *state;
	AUTO_FREE char *path = write_config(h, "global: { events_max_delay = 1500; }\n");
	const char *options[] = {"-C", path, NULL};
	uint64_t began;
	uint32_t keycode = 0;
	struct gui_message m;

	harness_start_daemon(h, options);
	harness_connect(h);
	harness_create(h, W1, 100, 100, 300, 200, false);
	harness_map(h, W1, false);
	harness_focus(h, harness_find(h, W1));
	assert_true(harness_receive(h, GUI_FOCUS, SOON_MS, &m));
	began = loop_now_ms();
	for (int i = 0; i < 8; i++) {
		harness_key(h, 'a', true);
		harness_key(h, 'a', false);
	}
	for (int i = 0; i < 16; i++) {
		assert_true(harness_receive(h, GUI_KEYPRESS, SOON_MS, &m));
		assert_int_equal(
			m.key.type, i % 2 == 0 ? GUI_EVENT_KEY_PRESS : GUI_EVENT_KEY_RELEASE);
		assert_true(keycode == 0 || m.key.keycode == keycode);
		keycode = m.key.keycode;
	}
	/* That each of sixteen is held back for less than a tenth of the most does not happen. */
	assert_true(loop_now_ms() - began > 150);
}

static void
write_script(struct harness *h, const char *name, const char *text)
{
	AUTO_FREE char *path = path_join(h->directory, name);

	assert_int_equal(write_file(path, text, strlen(text), 0700, NULL), 0);
}

static bool
await_file(struct harness *h, const char *name)
{
	AUTO_FREE char *path = path_join(h->directory, name);

	for (int i = 0; i < TRIES && access(path, F_OK) < 0; i++)
		usleep(TRY_US);
	return access(path, F_OK) == 0;
}

/* The question does not stop the daemon; the answer ends this qube. */
static void
test_question(void **state)
{
	struct harness *h = *state;
	static const char *const options[] = {"--on-violation=ask", NULL};
	AUTO_FREE char *path = text_format("%s:%s", h->directory, getenv("PATH"));
	AUTO_FREE char *go = path_join(h->directory, "answer");
	AUTO_FREE char *killed_path = path_join(h->directory, "killed");
	AUTO_FREE char *before = text_copy(getenv("PATH"));
	AUTO_FREE char *killed = NULL;

	write_script(h, "notify-send",
		"#!/bin/sh\nd=${0%/*}\necho \"$*\" >>$d/asked\n"
		"until [ -e $d/answer ]; do sleep 0.05; done\necho end\n");
	write_script(h, "qvm-kill",
		"#!/bin/sh\necho \"$*\" >${0%/*}/k && mv ${0%/*}/k ${0%/*}/killed\n");
	setenv("PATH", path, 1);
	unsetenv("BULKHEAD_NO_NOTIFY");
	harness_start_daemon(h, options);
	setenv("PATH", before, 1);
	setenv("BULKHEAD_NO_NOTIFY", "1", 1);
	harness_connect(h);
	/* Two that are invalid, one question. */
	harness_create(h, 1, 0, 0, 0, 10, false);
	harness_create(h, 2, 0, 0, 0, 10, false);
	assert_true(await_file(h, "asked"));
	harness_create(h, W1, 100, 100, 300, 200, false);
	harness_map(h, W1, false);
	await_viewable(h, W1);
	assert_int_equal(access(killed_path, F_OK), -1);
	assert_int_equal(write_file(go, "", 0, 0600, NULL), 0);
	assert_true(await_file(h, "killed"));
	assert_int_equal(read_file(killed_path, 64, &killed, NULL, NULL), 0);
	assert_string_equal(killed, "work\n");
}

/* The picture is smaller than the screen: around it is what a window of the qube shows then. */
static bool
covers_screen(struct harness *h)
{
	return harness_pixel(h, 0, 500) == WHITE && harness_pixel(h, 1279, 500) == WHITE &&
	       harness_pixel(h, 640, 0) == WHITE && harness_pixel(h, 640, 1023) == WHITE &&
	       harness_pixel(h, 0, 0) == RED;
}

/* T71: where it is allowed, nothing of ours is left around the picture; afterwards it is back. */
static void
test_allowed_fullscreen(void **state)
{
	struct harness *h = *state;
	AUTO_FREE char *path = write_config(h, "global: { allow_fullscreen = true; }\n");
	const char *options[] = {"-C", path, NULL};
	struct gui_message m,
		flags = {.type = GUI_WINDOW_FLAGS, .window = W1, .flags = {GUI_FLAG_FULLSCREEN, 0}};
	bool covers = false, bordered = false;

	if (!harness_start_manager(h, "openbox")) {
		print_message("SKIP: no openbox\n");
		skip();
	}
	harness_start_daemon(h, options);
	harness_connect(h);
	harness_create(h, W1, 200, 200, 300, 200, false);
	harness_map(h, W1, false);
	harness_show(h, W1, 300, 200, RED);
	await_viewable(h, W1);
	harness_send(h, &flags);
	assert_true(harness_receive(h, GUI_WINDOW_FLAGS, SOON_MS, &m));
	assert_int_equal(m.flags.set, GUI_FLAG_FULLSCREEN);
	for (int i = 0; i < TRIES && !covers; i++) {
		covers = covers_screen(h);
		usleep(TRY_US);
	}
	assert_true(covers);
	flags.flags = (struct gui_flags){0, GUI_FLAG_FULLSCREEN};
	harness_send(h, &flags);
	for (int i = 0; i < TRIES && !bordered; i++) {
		int g[4];

		harness_geometry(h, harness_find(h, W1), g);
		bordered = g[2] < 1280 && harness_pixel(h, g[0], g[1] + g[3] / 2) == LABEL &&
			   harness_pixel(h, g[0] + g[2] - 1, g[1] + g[3] / 2) == LABEL;
		usleep(TRY_US);
	}
	assert_true(bordered);
}

/* The display goes: the daemon ends at once and says that it failed, so that it is started again.
 */
static void
test_display_goes(void **state)
{
	struct harness *h = *state;
	int status;

	harness_start_daemon(h, NULL);
	harness_connect(h);
	harness_create(h, W1, 100, 100, 300, 200, false);
	harness_map(h, W1, false);
	await_viewable(h, W1);
	kill(h->x_server, SIGKILL);
	status = harness_await_daemon(h);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), GUI_EXIT_FAILED);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_set_up, harness_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_icons),
		TEST(test_titles),
		TEST(test_delayed_keys),
		TEST(test_question),
		TEST(test_allowed_fullscreen),
		TEST(test_display_goes),
	};

	if (access("/usr/bin/Xvfb", X_OK) != 0) {
		print_message("SKIP: no Xvfb\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
