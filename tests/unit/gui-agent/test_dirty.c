/* What has changed of a window: nothing outside of it, nothing left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdlib.h>

#include "gui/agent/dirty.h"

#define WIDTH 100
#define HEIGHT 80

static void
test_clips(void **state)
{
	struct dirty d = {0};

	dirty_add(&d, (struct gui_rectangle){-10, -10, 20, 30}, WIDTH, HEIGHT);
	assert_int_equal(d.count, 1);
	assert_int_equal(d.rectangles[0].x, 0);
	assert_int_equal(d.rectangles[0].width, 10);
	assert_int_equal(d.rectangles[0].height, 20);
	dirty_add(&d, (struct gui_rectangle){WIDTH, 0, 5, 5}, WIDTH, HEIGHT);
	dirty_add(&d, (struct gui_rectangle){INT32_MAX, INT32_MIN, UINT32_MAX, 1}, WIDTH, HEIGHT);
	dirty_add(&d, (struct gui_rectangle){2, 2, 3, 3}, WIDTH, HEIGHT);
	assert_int_equal(d.count, 1);
	dirty_add(&d, (struct gui_rectangle){INT32_MIN, INT32_MIN, UINT32_MAX, UINT32_MAX}, WIDTH,
		HEIGHT);
	assert_int_equal(d.count, 2);
	assert_int_equal(d.rectangles[1].width, WIDTH);
}

static void
test_covers_all_that_was_added(void **state)
{
	char map[HEIGHT][WIDTH] = {{0}};
	struct dirty d = {0};

	srand(2);
	for (int i = 0; i < 200; i++) {
		struct gui_rectangle r = {rand() % WIDTH, rand() % HEIGHT, 1 + (uint32_t)rand() % 4,
			1 + (uint32_t)rand() % 4};

		dirty_add(&d, r, WIDTH, HEIGHT);
		assert_in_range(d.count, 1, GUI_POOL_MAX_RECTANGLES);
		for (uint32_t y = 0; y < r.height && (uint32_t)r.y + y < HEIGHT; y++)
			for (uint32_t x = 0; x < r.width && (uint32_t)r.x + x < WIDTH; x++)
				map[(uint32_t)r.y + y][(uint32_t)r.x + x] = 1;
	}
	for (uint32_t i = 0; i < d.count; i++) {
		const struct gui_rectangle *r = &d.rectangles[i];

		assert_true(r->x >= 0 && (uint32_t)r->x + r->width <= WIDTH);
		assert_true(r->y >= 0 && (uint32_t)r->y + r->height <= HEIGHT);
		for (uint32_t y = 0; y < r->height; y++)
			memset(&map[(uint32_t)r->y + y][r->x], 0, r->width);
	}
	for (size_t y = 0; y < HEIGHT; y++)
		for (size_t x = 0; x < WIDTH; x++)
			assert_int_equal(map[y][x], 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clips),
		cmocka_unit_test(test_covers_all_that_was_added),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
