/* See cases.h. */
#include "cases.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/loop.h"

#define PROBE 0x7fffff01
#define VIOLATION_STATUS 3

void
case_end(struct harness *h)
{
	harness_hang_up(h);
	if (h->daemon > 0)
		harness_end_daemon(h);
}

void
case_begin(struct harness *h, const char *const *options)
{
	case_end(h);
	harness_start_daemon(h, options);
	harness_connect(h);
}

void
case_begin_with_window(struct harness *h, const char *const *options)
{
	case_begin(h, options);
	harness_create(h, W1, 100, 100, 300, 200, false);
	harness_map(h, W1, false);
	assert_true(harness_await_pixel(h, 101, 101, WHITE));
}

void
expect_violation(struct harness *h)
{
	int status = harness_await_daemon(h);

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), VIOLATION_STATUS);
	harness_hang_up(h);
	assert_true(harness_await_pixel(h, 101, 101, 0));
}

unsigned int
settle(struct harness *h, uint32_t type)
{
	unsigned int count = 0;
	struct gui_message m;

	harness_create(h, PROBE, 0, 0, 10, 10, false);
	harness_send_bare(h, GUI_DESTROY, PROBE);
	while (harness_next(h, SOON_MS, &m)) {
		if (m.type == GUI_DESTROY && m.window == PROBE)
			return count;
		count += m.type == type;
	}
	fail_msg("the daemon does not answer");
	return 0;
}

static void
nap(void)
{
	usleep(5000);
}

bool
await_geometry(struct harness *h, xcb_window_t window, int x, int y, int width, int height)
{
	uint64_t deadline = loop_now_ms() + SOON_MS;
	int got[4];

	do {
		harness_geometry(h, window, got);
		if (got[0] == x && got[1] == y && got[2] == width && got[3] == height)
			return true;
		nap();
	} while (loop_now_ms() < deadline);
	print_message("it lies at %d,%d and is %dx%d\n", got[0], got[1], got[2], got[3]);
	return false;
}

static bool
await_state(struct harness *h, xcb_window_t window, bool viewable)
{
	uint64_t deadline = loop_now_ms() + SOON_MS;

	while (harness_is_viewable(h, window) != viewable && loop_now_ms() < deadline)
		nap();
	return harness_is_viewable(h, window) == viewable;
}

bool
await_unmapped(struct harness *h, xcb_window_t window)
{
	return await_state(h, window, false);
}

bool
await_viewable(struct harness *h, xcb_window_t window)
{
	return await_state(h, window, true);
}

bool
await_text(struct harness *h, xcb_window_t window, const char *property, const char *text)
{
	uint64_t deadline = loop_now_ms() + SOON_MS;

	while (strcmp(harness_property(h, window, property), text) != 0) {
		if (loop_now_ms() > deadline) {
			print_message("it is '%s'\n", harness_property(h, window, property));
			return false;
		}
		nap();
	}
	return true;
}

bool
is_override_redirect(struct harness *h, xcb_window_t window)
{
	xcb_get_window_attributes_reply_t *reply = xcb_get_window_attributes_reply(
		h->x, xcb_get_window_attributes(h->x, window), NULL);
	bool is;

	assert_non_null(reply);
	is = reply->override_redirect != 0;
	free(reply);
	return is;
}

struct gui_message
good_dump(uint32_t window, uint32_t buffer, uint32_t flags)
{
	return (struct gui_message){
		.type = GUI_WINDOW_DUMP,
		.window = window,
		.dump = {.type = GUI_DUMP_POOL,
			.width = 300,
			.height = 200,
			.bits_per_pixel = 24,
			.buffer_id = buffer,
			.fourcc = GUI_FOURCC_XR24,
			.offset_low = 4096,
			.stride = 1280,
			.flags = flags},
	};
}

void
send_damage(
	struct harness *h, uint32_t window, int32_t x, int32_t y, uint32_t width, uint32_t height)
{
	struct gui_message m = {
		.type = GUI_SHMIMAGE, .window = window, .damage = {x, y, width, height}};

	harness_send(h, &m);
}

void
send_configure(
	struct harness *h, uint32_t window, int32_t x, int32_t y, uint32_t width, uint32_t height)
{
	struct gui_message m = {
		.type = GUI_CONFIGURE, .window = window, .configure = {x, y, width, height, 0}};

	harness_send(h, &m);
}

void
send_title(struct harness *h, uint32_t window, const char *text)
{
	struct gui_message m = {.type = GUI_WMNAME, .window = window};

	memcpy(m.title.untrusted_text, text, strlen(text) + 1);
	harness_send(h, &m);
}
