/* The speed of the host's counter, from readings and from the real one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "admin/hypervisor/host_counter.h"

#define SECOND_NS UINT64_C(1000000000)

static void
test_speed(void **state)
{
	struct counter_reading first = {5000, 77}, second = {5000 + 2300014000, 77 + SECOND_NS};

	(void)state;
	assert_int_equal(host_counter_khz(first, second), 2300014);
	second.time_ns = 77 + 2 * SECOND_NS;
	assert_int_equal(host_counter_khz(first, second), 1150007);
}

/* Nothing is better than something wrong. */
static void
test_not_known(void **state)
{
	struct counter_reading first = {5000, SECOND_NS};

	(void)state;
	assert_int_equal(host_counter_khz(first, first), 0);
	assert_int_equal(
		host_counter_khz(first, (struct counter_reading){6000, SECOND_NS + 1000}), 0);
	assert_int_equal(host_counter_khz(first, (struct counter_reading){5000, 2 * SECOND_NS}), 0);
	assert_int_equal(host_counter_khz(first, (struct counter_reading){4000, 2 * SECOND_NS}), 0);
	assert_int_equal(host_counter_khz(first, (struct counter_reading){9000, 0}), 0);
	assert_int_equal(
		host_counter_khz(first, (struct counter_reading){UINT64_MAX, 2 * SECOND_NS}), 0);
}

static void
test_host(void **state)
{
	struct counter_reading first = host_counter_read(), second, third;
	double early, late;

	(void)state;
	usleep(60000);
	second = host_counter_read();
	if (second.ticks == 0)
		skip(); /* a processor without one */
	usleep(120000);
	third = host_counter_read();
	early = host_counter_khz(first, second);
	late = host_counter_khz(second, third);
	assert_true(early > 0 && late > 0);
	assert_true(early / late > 0.999 && early / late < 1.001);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_speed),
		cmocka_unit_test(test_not_known),
		cmocka_unit_test(test_host),
	};

	return cmocka_run_group_tests_name("host-counter", tests, NULL, NULL);
}
