/*
 * One qube sends without a pause: damage, titles, windows, pictures. Its daemon does not grow, and
 * in another qube's window a key turns into a pixel as before (bounds are generous: the machine may
 * be slow; the figures are bench-gui-flood's).
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/loop.h"
#include "base/path.h"
#include "base/text.h"
#include "cases.h"

#define OTHER 0x77
#define OTHER_OFFSET (13U << 20) /* beyond what the flooding qube's buffers take */
#define OTHER_BYTES (1280U * 200)
#define KEYS 12
#define KEY_LIMIT_MS 5000
#define GROWTH_LIMIT_KIB (24L * 1024)

struct flood {
	struct harness *h;
	void (*send)(struct harness *h, uint32_t i);
	atomic_bool over;
	atomic_ulong sent;
};

static void
send_one_damage(struct harness *h, uint32_t i)
{
	send_damage(h, W1, (int32_t)(i % 290), (int32_t)(i % 190), 1 + i % 10, 1 + i % 10);
}

static void
send_one_title(struct harness *h, uint32_t i)
{
	char text[32];

	snprintf(text, sizeof(text), "title %u", i);
	send_title(h, W1, text);
}

/* Each of the three is a message; every other window is a popup. */
static void
send_one_window(struct harness *h, uint32_t i)
{
	uint32_t id = 0x10000 + i / 3;
	bool popup = id % 2 != 0;

	switch (i % 3) {
	case 0:
		harness_create(h, id, 10, 500, 200, 100, popup);
		break;
	case 1:
		harness_map(h, id, popup);
		break;
	case 2:
		harness_send_bare(h, GUI_DESTROY, id);
		break;
	}
}

static void
send_one_geometry(struct harness *h, uint32_t i)
{
	send_configure(h, W1, 100, 100, 200 + i % 100, 100 + i % 90);
}

static void *
run_flood(void *data)
{
	struct flood *f = data;

	for (uint32_t i = 0; !atomic_load(&f->over); i++) {
		f->send(f->h, i);
		atomic_fetch_add(&f->sent, 1);
	}
	return NULL;
}

static long
resident_kib(pid_t pid)
{
	AUTO_FREE char *path = text_format("/proc/%d/statm", (int)pid);
	AUTO_FREE char *text = NULL;
	const char *second;

	assert_int_equal(read_file(path, 4096, &text, NULL, NULL), 0);
	second = strchr(text, ' ');
	assert_non_null(second);
	return strtol(second, NULL, 10) * (sysconf(_SC_PAGESIZE) / 1024);
}

/* Shares the X server; its agent is this test too. */
static void
begin_other(struct harness *h, struct harness *other)
{
	static const char *const options[] = {"-N", "other", "-d", "9", NULL};
	struct gui_message m;

	*other = *h;
	other->daemon = 0;
	other->fd = -1;
	buf_init(&other->in, 1 << 20);
	harness_start_daemon(other, options);
	harness_connect(other);
	harness_create(other, OTHER, 700, 100, 300, 200, false);
	harness_map(other, OTHER, false);
	m = good_dump(OTHER, 1, 0);
	m.dump.offset_low = OTHER_OFFSET;
	harness_send(other, &m);
	harness_focus(other, harness_find(other, OTHER));
	assert_true(harness_receive(other, GUI_FOCUS, SOON_MS, &m));
}

/* From the key on the keyboard to what its program draws. */
static uint64_t
key_to_pixel(struct harness *other, uint32_t colour)
{
	uint64_t began = loop_now_ms();
	struct gui_message m;

	harness_key(other, 'a', true);
	assert_true(harness_receive(other, GUI_KEYPRESS, SOON_MS, &m));
	for (size_t i = 0; i < OTHER_BYTES / 4; i++)
		other->pool[OTHER_OFFSET / 4 + i] = colour;
	send_damage(other, OTHER, 0, 0, 300, 200);
	assert_true(harness_await_pixel(other, 800, 200, colour));
	harness_key(other, 'a', false);
	assert_true(harness_receive(other, GUI_KEYPRESS, SOON_MS, &m));
	return loop_now_ms() - began;
}

static void
flood_beside_another(struct harness *h, void (*send)(struct harness *, uint32_t))
{
	struct flood f = {.h = h, .send = send};
	struct harness other;
	uint64_t worst_ms = 0;
	pthread_t thread;
	long before, after;

	case_begin_with_window(h, NULL);
	harness_show(h, W1, 300, 200, RED);
	assert_true(harness_await_pixel(h, 110, 110, RED));
	begin_other(h, &other);
	before = resident_kib(h->daemon);
	assert_int_equal(pthread_create(&thread, NULL, run_flood, &f), 0);
	for (uint32_t i = 0; i < KEYS; i++) {
		uint64_t took = key_to_pixel(&other, 0x100000 * (i + 1));

		worst_ms = took > worst_ms ? took : worst_ms;
		usleep(50000);
	}
	after = resident_kib(h->daemon);
	atomic_store(&f.over, true);
	pthread_join(thread, NULL);
	print_message("%lu messages, %ld KiB more, worst key %llu ms\n", atomic_load(&f.sent),
		after - before, (unsigned long long)worst_ms);
	assert_true(atomic_load(&f.sent) > 1000);
	assert_true(worst_ms < KEY_LIMIT_MS);
	assert_true(after - before < GROWTH_LIMIT_KIB);
	/* And the qube that did it lives, and is heard when its turn comes. */
	settle(h, 0);
	harness_hang_up(&other);
	harness_end_daemon(&other);
	buf_finish(&other.in);
	case_end(h);
}

static void
test_flood_of_damage(void **state)
{
	flood_beside_another(*state, send_one_damage);
}

static void
test_flood_of_titles(void **state)
{
	flood_beside_another(*state, send_one_title);
}

static void
test_flood_of_windows(void **state)
{
	flood_beside_another(*state, send_one_window);
}

static void
test_flood_of_geometry(void **state)
{
	flood_beside_another(*state, send_one_geometry);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flood_of_damage),
		cmocka_unit_test(test_flood_of_titles),
		cmocka_unit_test(test_flood_of_windows),
		cmocka_unit_test(test_flood_of_geometry),
	};

	if (access("/usr/bin/Xvfb", X_OK) != 0) {
		print_message("SKIP: no Xvfb\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, harness_set_up, harness_tear_down);
}
