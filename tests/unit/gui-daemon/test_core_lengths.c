/*
 * Every type a qube may send: one byte too short, one too long, as long as can be, for a window
 * that does not exist, before the version, after a violation. Each ends the connection, and none
 * leaves anything behind (spec gui.md 2).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "core_fixture.h"

#define W1 0x11
#define NOBODY 0x99
/* No body that a test sends is longer. */
#define BODY_MAX 1024U

struct row {
	uint32_t type;
	uint32_t length; /* the right one, or the least of those */
	bool any_window; /* the window field means nothing */
};

static const struct row rows[] = {
	{GUI_CREATE, 24, true},
	{GUI_DESTROY, 0, false},
	{GUI_MAP, 8, false},
	{GUI_UNMAP, 0, false},
	{GUI_CONFIGURE, 20, false},
	{GUI_SHMIMAGE, 16, false},
	{GUI_WMNAME, 128, false},
	{GUI_DOCK, 0, false},
	{GUI_WINDOW_HINTS, 36, false},
	{GUI_WINDOW_FLAGS, 8, false},
	{GUI_WMCLASS, 128, false},
	{GUI_WINDOW_DUMP, 16, false},
	{GUI_CURSOR, 4, false},
	{GUI_X_CAPS, 24, true},
	{GUI_X_COMMIT, 16, false},
	{GUI_X_DROP, 4, false},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static int
set_up(void **state)
{
	struct fixture *f = malloc(sizeof(*f));

	fixture_init(f);
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	fixture_finish(*state);
	free(*state);
	return 0;
}

/* A connection with one mapped window, whatever was before. */
static void
begin(struct fixture *f, unsigned int minor)
{
	fixture_connect(f, minor);
	assert_int_equal(fixture_create(f, W1, 100, 100, 300, 200, false), 0);
	assert_int_equal(fixture_map(f, W1), 0);
	fixture_forget_output(f);
}

/* Header and body of the length said; the body is zeroes. */
static int
send_raw(struct fixture *f, uint32_t type, uint32_t window, uint32_t said, uint32_t sent)
{
	uint8_t bytes[12 + BODY_MAX] = {0};
	const uint32_t header[3] = {type, window, said};

	assert_true(sent <= BODY_MAX);
	memcpy(bytes, header, sizeof(header));
	return fixture_send_bytes(f, bytes, sizeof(header) + sent);
}

static void
expect_refused(struct fixture *f, const struct row *row, uint32_t window, uint32_t said)
{
	uint32_t sent = said < BODY_MAX ? said : 0;

	begin(f, 8);
	if (send_raw(f, row->type, window, said, sent) != -1)
		fail_msg("%s of %u bytes was taken", gui_type_name(row->type), said);
	/* Nothing more is heard, and what was there is as it was. */
	assert_int_equal(fixture_map(f, W1), -1);
	assert_int_equal(f->display.windows, 1);
}

static uint32_t
window_for(const struct row *row)
{
	return row->type == GUI_CREATE ? 0x12 : W1;
}

static void
test_too_short(void **state)
{
	for (size_t i = 0; i < ROWS; i++) {
		for (uint32_t length = 0; length < rows[i].length; length++)
			expect_refused(*state, &rows[i], window_for(&rows[i]), length);
	}
}

static void
test_too_long(void **state)
{
	static const uint32_t lengths[] = {0x7fffffff, 0x80000000, UINT32_MAX - 11, UINT32_MAX};

	for (size_t i = 0; i < ROWS; i++) {
		/* Of a commit and of a dump one more byte is no more right than one less. */
		expect_refused(*state, &rows[i], window_for(&rows[i]), rows[i].length + 1);
		for (size_t j = 0; j < sizeof(lengths) / sizeof(lengths[0]); j++)
			expect_refused(*state, &rows[i], window_for(&rows[i]), lengths[j]);
	}
}

static void
test_unknown_window(void **state)
{
	for (size_t i = 0; i < ROWS; i++) {
		if (!rows[i].any_window)
			expect_refused(*state, &rows[i], NOBODY, rows[i].length);
	}
}

/* What the daemon sends, and numbers that are nobody's. */
static void
test_other_types(void **state)
{
	static const uint32_t some[] = {0, 1, 0x51470000, 0x51470002, 0x51470004, 0x51470005,
		0x51470007, 0x51470010, 0x7fffffff, 0x80000000, UINT32_MAX};
	struct row row = {0};

	for (uint32_t type = 100; type < 160; type++) {
		row.type = type;
		if (!gui_type_allowed(type, GUI_TO_DAEMON))
			expect_refused(*state, &row, W1, 0);
	}
	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		row.type = some[i];
		expect_refused(*state, &row, W1, 0);
	}
}

/* Every message, cut off at every byte: it waits, and the rest makes it whole. */
static void
test_in_parts(void **state)
{
	struct fixture *f = *state;
	struct gui_message m = {
		.type = GUI_CONFIGURE, .window = W1, .configure = {120, 130, 140, 150, 0}};
	uint8_t bytes[64];
	struct buf b;
	size_t size;

	buf_init(&b, sizeof(bytes));
	assert_int_equal(gui_put_message(&b, &m), 0);
	size = buf_len(&b);
	memcpy(bytes, buf_data(&b), size);
	buf_finish(&b);
	for (size_t cut = 1; cut < size; cut++) {
		begin(f, 8);
		assert_int_equal(fixture_send_bytes(f, bytes, cut), 0);
		assert_int_equal(fixture_view(f, W1)->content.x, 100);
		assert_int_equal(fixture_send_bytes(f, bytes + cut, size - cut), 0);
		assert_int_equal(fixture_view(f, W1)->content.x, 120);
		assert_int_equal(fixture_view(f, W1)->content.height, 150);
	}
}

/* Before the version there is nothing else: the first bytes are one, whatever they were to be. */
static void
test_before_the_version(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ROWS; i++) {
		core_begin(f->core, FIXTURE_POOL_BYTES);
		assert_int_equal(send_raw(f, rows[i].type, W1, rows[i].length, rows[i].length), -1);
		assert_int_equal(f->display.windows, 0);
	}
}

/* What was not agreed upon: our own messages to a daemon whose agent has not announced them. */
static void
test_without_announcement(void **state)
{
	static const uint32_t types[] = {GUI_X_COMMIT, GUI_X_DROP};
	struct fixture *f = *state;
	uint32_t version = GUI_VERSION(1, 8);

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		core_begin(f->core, FIXTURE_POOL_BYTES);
		assert_int_equal(fixture_send_bytes(f, &version, 4), 0);
		assert_int_equal(fixture_create(f, W1, 0, 0, 10, 10, false), 0);
		assert_int_equal(
			send_raw(f, types[i], W1, types[i] == GUI_X_DROP ? 4 : 16, 16), -1);
	}
}

static void
test_announced_twice(void **state)
{
	struct gui_message caps = {
		.type = GUI_X_CAPS,
		.caps = {GUI_EXTENSION_VERSION, 7, 4, 1024, (uint32_t)FIXTURE_POOL_BYTES, 0},
	};

	begin(*state, 8);
	assert_int_equal(fixture_send(*state, &caps), -1);
}

/* A number of rectangles that the length does not have room for. */
static void
test_count_and_length_differ(void **state)
{
	static const uint32_t counts[] = {0, 2, 33, 0x10000001, UINT32_MAX};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		const uint32_t message[3 + 8] = {
			GUI_X_COMMIT, W1, 32, 1, 1, counts[i], 0, 0, 0, 1, 1};

		begin(f, 8);
		assert_int_equal(fixture_send_bytes(f, message, sizeof(message)), -1);
	}
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_too_short),
		TEST(test_too_long),
		TEST(test_unknown_window),
		TEST(test_other_types),
		TEST(test_in_parts),
		TEST(test_before_the_version),
		TEST(test_without_announcement),
		TEST(test_announced_twice),
		TEST(test_count_and_length_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
