/*
 * The stream: what may come, of which length, for which window, in which order (spec gui.md 11, T07
 * to T13, T59, T105; section 2). CASES.md has the table of all cases.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cases.h"

static void
send_header(struct harness *h, uint32_t type, uint32_t window, uint32_t length)
{
	const uint32_t header[3] = {type, window, length};

	harness_send_bytes(h, header, sizeof(header));
}

/* The header, and as many bytes as it speaks of. */
static void
send_raw(struct harness *h, uint32_t type, uint32_t window, uint32_t length)
{
	char *body = calloc(1, length + 1);

	send_header(h, type, window, length);
	harness_send_bytes(h, body, length);
	free(body);
}

/* A screen whose width is no multiple of eight. */
static void
test_T07_odd_width(void **state)
{
	static const uint8_t version[4] = {8, 0, 1, 0};
	struct harness odd;
	uint32_t got[5];

	(void)state;
	harness_start(&odd, 1366, 768);
	harness_start_daemon(&odd, NULL);
	harness_accept(&odd);
	harness_send_bytes(&odd, version, sizeof(version));
	assert_true(harness_read(&odd, got, sizeof(got)));
	assert_int_equal(got[1], 1368);
	assert_int_equal(got[2], 768);
	assert_int_equal(got[3], 24);
	assert_int_equal(got[4], 1368 * 768 * 4 / 1024 + 1);
	harness_stop(&odd);
	setenv("DISPLAY", ((struct harness *)*state)->display, 1);
	setenv("BULKHEAD_ROOT", ((struct harness *)*state)->directory, 1);
}

/* T06: and while a version comes byte by byte, window managers are answered. */
static void
test_T06_version_in_parts(void **state)
{
	static const uint8_t version[4] = {8, 0, 1, 0};
	struct harness *h = *state;
	struct gui_message m;
	uint32_t got[5];

	case_end(h);
	harness_start_daemon(h, NULL);
	harness_accept(h);
	for (int i = 0; i < 4; i++) {
		harness_send_bytes(h, &version[i], 1);
		usleep(50000);
	}
	assert_true(harness_read(h, got, sizeof(got)));
	assert_true(harness_receive(h, GUI_X_CAPS, SOON_MS, &m));
}

static void
test_T08_unknown_type(void **state)
{
	case_begin_with_window(*state, NULL);
	send_header(*state, 150, W1, 0);
	expect_violation(*state);
}

static void
test_T09_unknown_window(void **state)
{
	case_begin_with_window(*state, NULL);
	harness_map(*state, 0x99, false);
	expect_violation(*state);
}

static void
test_T10_created_twice(void **state)
{
	case_begin_with_window(*state, NULL);
	harness_create(*state, W1, 0, 0, 10, 10, false);
	expect_violation(*state);
}

static void
test_T11_lengths_of_create(void **state)
{
	case_begin_with_window(*state, NULL);
	send_raw(*state, GUI_CREATE, 0x12, 23);
	expect_violation(*state);
	case_begin_with_window(*state, NULL);
	send_raw(*state, GUI_CREATE, 0x12, 25);
	expect_violation(*state);
}

static void
test_T12_old_agent(void **state)
{
	static const char *const options[] = {"--allow-old-agent", NULL};
	const uint32_t version = GUI_VERSION(1, 5);
	const uint32_t body[6] = {100, 100, 300, 200, 0, 0};
	struct harness *h = *state;
	uint32_t got[5];

	case_end(h);
	harness_start_daemon(h, options);
	harness_accept(h);
	harness_send_bytes(h, &version, 4);
	assert_true(harness_read(h, got, sizeof(got)));
	assert_int_equal(got[0], version);
	send_header(h, GUI_CREATE, W1, 99);
	harness_send_bytes(h, body, sizeof(body));
	harness_map(h, W1, false);
	assert_true(harness_await_pixel(h, 101, 101, WHITE));
}

static void
test_T13_not_for_the_daemon(void **state)
{
	case_begin_with_window(*state, NULL);
	send_raw(*state, GUI_KEYPRESS, W1, 20);
	expect_violation(*state);
}

/* The obsolete dump of memory pages of another kind: never. */
static void
test_page_dump(void **state)
{
	case_begin_with_window(*state, NULL);
	send_raw(*state, GUI_MFNDUMP, W1, 32);
	expect_violation(*state);
}

/* A body that could not be the clipboard's, nor a dump's. */
static void
test_long_bodies(void **state)
{
	case_begin_with_window(*state, NULL);
	send_header(*state, GUI_CLIPBOARD_DATA, W1, UINT32_MAX);
	expect_violation(*state);
	case_begin_with_window(*state, NULL);
	send_header(*state, GUI_WINDOW_DUMP, W1, UINT32_MAX);
	expect_violation(*state);
	case_begin_with_window(*state, NULL);
	send_header(*state, GUI_X_COMMIT, W1, UINT32_MAX);
	expect_violation(*state);
}

/* T59: before the agent has said what it can. */
static void
test_T59_before_caps(void **state)
{
	const uint32_t version = GUI_VERSION_OURS;
	struct gui_message dump = good_dump(W1, 1, 0);
	struct harness *h = *state;
	struct gui_message m;
	uint32_t got[5];

	case_end(h);
	harness_start_daemon(h, NULL);
	harness_accept(h);
	harness_send_bytes(h, &version, 4);
	assert_true(harness_read(h, got, sizeof(got)));
	assert_true(harness_receive(h, GUI_X_CAPS, SOON_MS, &m));
	harness_create(h, W1, 100, 100, 300, 200, false);
	harness_send(h, &dump);
	expect_violation(h);
}

/* 500 windows are allowed, one more ends it. */
static void
test_T105_window_count(void **state)
{
	struct harness *h = *state;

	case_begin_with_window(h, NULL);
	for (uint32_t id = 1000; id < 1000 + 498; id++)
		harness_create(h, id, 0, 0, 10, 10, false);
	settle(h, 0); /* by the 500th */
}

static void
test_T105_one_more(void **state)
{
	struct harness *h = *state;

	case_begin_with_window(h, NULL);
	for (uint32_t id = 1000; id < 1000 + 500; id++)
		harness_create(h, id, 0, 0, 10, 10, false);
	expect_violation(h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_T07_odd_width),
		cmocka_unit_test(test_T06_version_in_parts),
		cmocka_unit_test(test_T08_unknown_type),
		cmocka_unit_test(test_T09_unknown_window),
		cmocka_unit_test(test_T10_created_twice),
		cmocka_unit_test(test_T11_lengths_of_create),
		cmocka_unit_test(test_T12_old_agent),
		cmocka_unit_test(test_T13_not_for_the_daemon),
		cmocka_unit_test(test_page_dump),
		cmocka_unit_test(test_long_bodies),
		cmocka_unit_test(test_T59_before_caps),
		cmocka_unit_test(test_T105_window_count),
		cmocka_unit_test(test_T105_one_more),
	};

	if (access("/usr/bin/Xvfb", X_OK) != 0) {
		print_message("SKIP: no Xvfb\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, harness_set_up, harness_tear_down);
}
