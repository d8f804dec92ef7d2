/* Places in the window memory: none is given out twice, none is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdlib.h>

#include "gui/agent/pool.h"

#define SIZE ((uint64_t)64 * GUI_PAGE_BYTES)

static void
test_first_page_is_never_used(void **state)
{
	struct pool p;

	pool_init(&p, SIZE);
	assert_int_equal(pool_allocate(&p, 1), GUI_PAGE_BYTES);
	assert_int_equal(pool_allocate(&p, GUI_PAGE_BYTES + 1), 2 * GUI_PAGE_BYTES);
	assert_int_equal(pool_allocate(&p, 1), 4 * GUI_PAGE_BYTES);
}

static void
test_refuses_what_does_not_fit(void **state)
{
	struct pool p;

	pool_init(&p, SIZE);
	assert_int_equal(pool_allocate(&p, 0), 0);
	assert_int_equal(pool_allocate(&p, SIZE), 0);
	assert_int_equal(pool_allocate(&p, UINT64_MAX), 0);
	assert_int_equal(pool_allocate(&p, SIZE - GUI_PAGE_BYTES), GUI_PAGE_BYTES);
	assert_int_equal(pool_allocate(&p, 1), 0);
	pool_free(&p, GUI_PAGE_BYTES);
	assert_int_equal(pool_allocate(&p, 1), GUI_PAGE_BYTES);
}

static void
test_no_more_than_the_protocol_allows(void **state)
{
	struct pool p;

	pool_init(&p, (uint64_t)GUI_PAGE_BYTES * (GUI_POOL_MAX_BUFFERS + 100));
	for (int i = 0; i < GUI_POOL_MAX_BUFFERS; i++)
		assert_int_not_equal(pool_allocate(&p, 1), 0);
	assert_int_equal(pool_allocate(&p, 1), 0);
}

/* Against a map of which page belongs to whom. */
static void
test_random_use(void **state)
{
	enum { PAGES = 64, BUFFERS = 16 };
	struct pool p;
	uint64_t offsets[BUFFERS] = {0};
	uint64_t pages[BUFFERS] = {0};
	int owner[PAGES];

	srand(1);
	memset(owner, -1, sizeof(owner));
	pool_init(&p, SIZE);
	for (int step = 0; step < 20000; step++) {
		int i = rand() % BUFFERS;
		uint64_t first;

		if (offsets[i] != 0) {
			first = offsets[i] / GUI_PAGE_BYTES;
			for (uint64_t n = 0; n < pages[i]; n++)
				owner[first + n] = -1;
			pool_free(&p, offsets[i]);
			offsets[i] = 0;
			continue;
		}
		pages[i] = 1 + (uint64_t)rand() % 12;
		offsets[i] =
			pool_allocate(&p, pages[i] * GUI_PAGE_BYTES - (uint64_t)(rand() % 4096));
		first = offsets[i] / GUI_PAGE_BYTES;
		for (uint64_t n = 0; offsets[i] != 0 && n < pages[i]; n++) {
			assert_in_range(first + n, 1, PAGES - 1);
			assert_int_equal(owner[first + n], -1);
			owner[first + n] = i;
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_page_is_never_used),
		cmocka_unit_test(test_refuses_what_does_not_fit),
		cmocka_unit_test(test_no_more_than_the_protocol_allows),
		cmocka_unit_test(test_random_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
