/*
 * Pixels: T50 to T61 of spec gui.md 11 as the X server shows them, and a window memory that changes
 * while it is drawn. CASES.md has the table of all cases.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/loop.h"
#include "cases.h"

#define GREEN 0x00ff00

/* Fills the whole window memory. */
static void
fill(struct harness *h, uint32_t colour)
{
	for (size_t i = 0; i < POOL_BYTES / 4; i++)
		h->pool[i] = colour;
}

static void
refused(struct harness *h, const struct gui_message *dump)
{
	case_begin_with_window(h, NULL);
	harness_send(h, dump);
	expect_violation(h);
}

static void
test_T50_short_rows(void **state)
{
	struct gui_message m = good_dump(W1, 1, 0);

	m.dump.stride = 300 * 4 - 4;
	refused(*state, &m);
}

/* To the last byte, and no row further. */
static void
test_T51_the_end(void **state)
{
	struct gui_message m = good_dump(W1, 1, 0);
	struct harness *h = *state;

	m.dump.height = 16;
	m.dump.offset_low = (uint32_t)POOL_BYTES - 1280 * 16;
	case_begin_with_window(h, NULL);
	fill(h, RED);
	harness_send(h, &m);
	send_damage(h, W1, 0, 0, 300, 16);
	assert_true(harness_await_pixel(h, 100, 100, RED));
	m.dump.height++;
	refused(h, &m);
}

static void
test_T52_T53_offsets(void **state)
{
	struct gui_message m = good_dump(W1, 1, 0);

	m.dump.offset_low = 4098;
	refused(*state, &m);
	m.dump.offset_low = 0; /* the first page is nobody's */
	refused(*state, &m);
	m.dump.offset_high = 0x80000000;
	refused(*state, &m);
	m.dump.offset_high = UINT32_MAX;
	m.dump.offset_low = 0xfffff000;
	refused(*state, &m);
}

static void
test_T54_order_of_acknowledgements(void **state)
{
	static const uint32_t windows[] = {W1, 0x12, W1};
	struct harness *h = *state;
	struct gui_message m;

	case_begin_with_window(h, NULL);
	harness_create(h, 0x12, 500, 100, 300, 200, false);
	harness_map(h, 0x12, false);
	for (uint32_t i = 0; i < 3; i++) {
		m = good_dump(windows[i], i + 1, 0);
		harness_send(h, &m);
	}
	for (uint32_t i = 0; i < 3; i++) {
		assert_true(harness_receive(h, GUI_WINDOW_DUMP_ACK, SOON_MS, &m));
		assert_int_equal(m.window, windows[i]);
	}
	assert_int_equal(settle(h, GUI_WINDOW_DUMP_ACK), 0);
}

/* T55, T56: what lies outside is nothing; what reaches out is cut. */
static void
test_T55_T56_damage(void **state)
{
	struct gui_message m = good_dump(W1, 1, 0);
	struct harness *h = *state;

	case_begin_with_window(h, NULL);
	fill(h, RED);
	harness_send(h, &m);
	assert_true(harness_await_pixel(h, 399, 299, RED)); /* the whole, once */
	fill(h, BLUE);
	send_damage(h, W1, -1, 0, 10, 10);
	send_damage(h, W1, 0, 0, UINT32_MAX, 10);
	send_damage(h, W1, INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX);
	settle(h, 0);
	usleep(100000);
	assert_int_equal(harness_pixel(h, 100, 100), RED);
	send_damage(h, W1, 290, 190, INT32_MAX, INT32_MAX);
	assert_true(harness_await_pixel(h, 399, 299, BLUE));
	assert_int_equal(harness_pixel(h, 389, 289), RED);
	assert_int_equal(harness_pixel(h, 400, 300), LABEL);
}

static void
test_T29_damage_of_an_unmapped_window(void **state)
{
	struct harness *h = *state;

	case_begin_with_window(h, NULL);
	harness_send_bare(h, GUI_UNMAP, W1);
	assert_true(harness_await_pixel(h, 101, 101, 0));
	send_damage(h, W1, 0, 0, 300, 200);
	settle(h, 0);
	assert_int_equal(harness_pixel(h, 101, 101), 0);
	harness_map(h, W1, false);
	assert_true(harness_await_pixel(h, 101, 101, WHITE));
}

static void
commit(struct harness *h, uint32_t buffer, uint32_t serial)
{
	struct gui_message m = {
		.type = GUI_X_COMMIT, .window = W1, .commit = {buffer, serial, 0, 0}};

	harness_send(h, &m);
}

static void
begin_with_two_buffers(struct harness *h)
{
	struct gui_message m = good_dump(W1, 1, GUI_DUMP_EXPLICIT);

	case_begin_with_window(h, NULL);
	harness_send(h, &m);
	m.dump.buffer_id = 2;
	m.dump.offset_low = 4096 + (1 << 20);
	harness_send(h, &m);
}

static void
test_T58_two_buffers(void **state)
{
	struct harness *h = *state;
	struct gui_message m;

	begin_with_two_buffers(h);
	fill(h, RED);
	commit(h, 1, 1);
	assert_true(harness_await_pixel(h, 110, 110, RED));
	assert_int_equal(settle(h, GUI_X_RELEASE), 0);
	commit(h, 2, 2);
	assert_true(harness_receive(h, GUI_X_RELEASE, SOON_MS, &m));
	assert_int_equal(m.release.buffer_id, 1);
	assert_int_equal(m.release.serial, 1);
	fill(h, GREEN);
	commit(h, 1, 3);
	assert_true(harness_receive(h, GUI_X_RELEASE, SOON_MS, &m));
	assert_int_equal(m.release.buffer_id, 2);
	assert_true(harness_await_pixel(h, 110, 110, GREEN));
	commit(h, 1, 4); /* which is the daemon's */
	expect_violation(h);
}

static void
test_commits_out_of_order(void **state)
{
	begin_with_two_buffers(*state);
	commit(*state, 1, 7);
	commit(*state, 2, 7);
	expect_violation(*state);
	begin_with_two_buffers(*state);
	commit(*state, 9, 1);
	expect_violation(*state);
}

/* T60: at most one drawing in 8 ms, by what the daemon itself says. */
static void
test_T60_draws_are_paced(void **state)
{
	static const char *const options[] = {"--stats-fd", "11", NULL};
	struct gui_message m = good_dump(W1, 1, 0);
	struct harness *h = *state;
	unsigned long long at, last = 0, draws = 0;
	char line[64];
	uint64_t began, took;
	FILE *lines;
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	h->stats_fd = ends[1];
	case_begin_with_window(h, options);
	h->stats_fd = 0;
	close(ends[1]);
	harness_send(h, &m);
	/* Another colour first: the blue that is awaited can come by no drawing from before. */
	fill(h, RED);
	send_damage(h, W1, 0, 0, 200, 100);
	assert_true(harness_await_pixel(h, 100 + 999 % 200, 100 + 999 % 100, RED));
	began = loop_now_ms();
	fill(h, BLUE);
	for (int i = 0; i < 1000; i++)
		send_damage(h, W1, i % 200, i % 100, 7, 7);
	settle(h, 0);
	assert_true(harness_await_pixel(h, 100 + 999 % 200, 100 + 999 % 100, BLUE));
	took = loop_now_ms() - began;
	case_end(h);
	lines = fdopen(ends[0], "r");
	assert_non_null(lines);
	while (fgets(line, sizeof(line), lines) != NULL) {
		assert_memory_equal(line, "draw ", 5);
		at = strtoull(line + 5, NULL, 10);
		assert_true(last == 0 || at - last >= 8);
		draws += at >= began;
		last = at;
	}
	fclose(lines);
	assert_in_range(draws, 1, took / 8 + 3);
}

/* T61: dumps of pages are acknowledged and thrown away; ones that can not be right end it. */
static void
test_T61_grants(void **state)
{
	struct gui_message m = {.type = GUI_WINDOW_DUMP,
		.window = W1,
		.following = 4,
		.dump = {GUI_DUMP_GRANTS, 32, 32, 24}};
	const uint32_t reference = 7;
	const uint32_t odd[] = {GUI_WINDOW_DUMP, W1, 17, 0, 1, 1, 24, 0};
	struct harness *h = *state;

	case_begin_with_window(h, NULL);
	harness_send(h, &m);
	harness_send_bytes(h, &reference, 4);
	assert_true(harness_receive(h, GUI_WINDOW_DUMP_ACK, SOON_MS, &m));
	harness_send_bytes(h, odd, 12 + 17);
	expect_violation(h);
	m = good_dump(W1, 1, 0);
	m.dump.type = 7;
	refused(h, &m);
}

struct scribbler {
	struct harness *h;
	atomic_bool over;
};

static void *
scribble(void *data)
{
	struct scribbler *s = data;
	uint32_t colour = 1;

	while (!atomic_load(&s->over)) {
		colour = colour * 1664525 + 1013904223;
		fill(s->h, colour);
	}
	return NULL;
}

/*
 * The qube writes to what it has committed, all the while: its own window has torn pictures, and
 * that is all. The tray's pixels are the only ones the daemon itself computes with.
 */
static void
test_memory_changes_while_drawn(void **state)
{
	struct harness *h = *state;
	struct scribbler s = {.h = h};
	struct gui_message m = good_dump(0x12, 5, 0);
	pthread_t thread;

	begin_with_two_buffers(h);
	harness_create(h, 0x12, 0, 0, 300, 200, false);
	harness_send_bare(h, GUI_DOCK, 0x12);
	harness_send(h, &m);
	assert_int_equal(pthread_create(&thread, NULL, scribble, &s), 0);
	for (uint32_t i = 1; i <= 100; i++) {
		commit(h, i % 2 + 1, i);
		send_damage(h, 0x12, 0, 0, 300, 200);
		if (i > 1)
			assert_true(harness_receive(h, GUI_X_RELEASE, SOON_MS, &m));
	}
	atomic_store(&s.over, true);
	pthread_join(thread, NULL);
	settle(h, 0);
	assert_int_equal(harness_pixel(h, 99, 200), LABEL);
	assert_int_equal(harness_pixel(h, 400, 200), LABEL);
	assert_int_equal(harness_pixel(h, 200, 300), LABEL);
	/* And what is committed last, undisturbed, is what is seen. */
	fill(h, GREEN);
	commit(h, 2, 200);
	assert_true(harness_await_pixel(h, 250, 200, GREEN));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_T50_short_rows),
		cmocka_unit_test(test_T51_the_end),
		cmocka_unit_test(test_T52_T53_offsets),
		cmocka_unit_test(test_T54_order_of_acknowledgements),
		cmocka_unit_test(test_T55_T56_damage),
		cmocka_unit_test(test_T29_damage_of_an_unmapped_window),
		cmocka_unit_test(test_T58_two_buffers),
		cmocka_unit_test(test_commits_out_of_order),
		cmocka_unit_test(test_T60_draws_are_paced),
		cmocka_unit_test(test_T61_grants),
		cmocka_unit_test(test_memory_changes_while_drawn),
	};

	if (access("/usr/bin/Xvfb", X_OK) != 0) {
		print_message("SKIP: no Xvfb\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, harness_set_up, harness_tear_down);
}
