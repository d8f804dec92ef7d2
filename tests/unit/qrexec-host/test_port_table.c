/* The table of data ports: order, parity, release by the right peer only, orphans. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "qrexec/host/port_table.h"

#define OWN 42

static struct port_table table;

static int
setup(void **state)
{
	(void)state;
	port_table_init(&table, OWN);
	return 0;
}

static void
test_dom0_gets_lowest_free(void **state)
{
	void *holder;

	(void)state;
	assert_int_equal(port_table_allocate(&table, 0, NULL), 513);
	assert_int_equal(port_table_allocate(&table, 0, NULL), 514);
	assert_int_equal(port_table_allocate(&table, 0, NULL), 515);
	assert_true(port_table_release(&table, 0, 514, &holder));
	assert_int_equal(port_table_allocate(&table, 0, NULL), 514);
}

static void
test_pairs_of_daemons_differ(void **state)
{
	(void)state;
	assert_int_equal(port_table_allocate(&table, 50, NULL), 514);
	assert_int_equal(port_table_allocate(&table, 0, NULL), 513);
	assert_int_equal(port_table_allocate(&table, 7, NULL), 515);
	assert_int_equal(port_table_allocate(&table, 44, NULL), 516);
}

static void
test_release_needs_the_peer(void **state)
{
	void *holder = &table;
	int mark;

	(void)state;
	assert_int_equal(port_table_allocate(&table, 50, &mark), 514);
	assert_false(port_table_release(&table, 51, 514, &holder));
	assert_false(port_table_release(&table, 50, 513, &holder));
	assert_false(port_table_release(&table, 50, 512, &holder));
	assert_false(port_table_release(&table, 50, 769, &holder));
	assert_false(port_table_release(&table, 50, UINT32_MAX, &holder));
	assert_ptr_equal(holder, &table);
	assert_true(port_table_release(&table, 50, 514, &holder));
	assert_ptr_equal(holder, &mark);
	assert_false(port_table_release(&table, 50, 514, &holder));
}

static void
test_full(void **state)
{
	void *holder;

	(void)state;
	for (int i = 0; i < QREXEC_PORT_COUNT; i++)
		assert_int_equal(port_table_allocate(&table, 0, NULL), 513 + i);
	assert_int_equal(port_table_allocate(&table, 0, NULL), -EBUSY);
	assert_int_equal(port_table_used(&table), QREXEC_PORT_COUNT);
	assert_true(port_table_release(&table, 0, 768, &holder));
	assert_int_equal(port_table_allocate(&table, 0, NULL), 768);
}

static void
test_full_for_one_parity(void **state)
{
	(void)state;
	for (int i = 0; i < QREXEC_PORT_COUNT / 2; i++)
		assert_int_equal(port_table_allocate(&table, 50, NULL), 514 + 2 * i);
	assert_int_equal(port_table_allocate(&table, 50, NULL), -EBUSY);
	assert_int_equal(port_table_allocate(&table, 7, NULL), 513);
}

static void
test_holder_is_forgotten(void **state)
{
	void *holder = &table;
	uint32_t peer = 0;
	int mark;

	(void)state;
	assert_int_equal(port_table_allocate(&table, 0, NULL), 513);
	assert_int_equal(port_table_allocate(&table, 7, &mark), 515);
	assert_int_equal(port_table_forget_holder(&table, &mark, &peer), 515);
	assert_int_equal(peer, 7);
	assert_int_equal(port_table_forget_holder(&table, &mark, &peer), 0);
	assert_true(port_table_release(&table, 7, 515, &holder));
	assert_null(holder);
}

/* After a restart of the agent the old ports are the last choice, but they are one. */
static void
test_orphans_come_last(void **state)
{
	void *holder;

	(void)state;
	for (int i = 0; i < QREXEC_PORT_COUNT - 1; i++)
		port_table_allocate(&table, 0, NULL);
	port_table_mark_orphans(&table);
	assert_int_equal(port_table_allocate(&table, 0, NULL), 768);
	assert_int_equal(port_table_allocate(&table, 0, NULL), 513);
	assert_int_equal(port_table_allocate(&table, 0, NULL), 514);
	/* Odd numbers are for lower domains: parity holds for orphans, too. */
	assert_int_equal(port_table_allocate(&table, 50, NULL), 516);
	assert_true(port_table_release(&table, 0, 515, &holder));
	assert_int_equal(port_table_allocate(&table, 0, NULL), 515);
}

static void
test_orphans_run_out(void **state)
{
	(void)state;
	for (int i = 0; i < QREXEC_PORT_COUNT; i++)
		port_table_allocate(&table, 0, NULL);
	port_table_mark_orphans(&table);
	for (int i = 0; i < QREXEC_PORT_COUNT; i++)
		assert_int_equal(port_table_allocate(&table, 0, NULL), 513 + i);
	assert_int_equal(port_table_allocate(&table, 0, NULL), -EBUSY);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_dom0_gets_lowest_free, setup),
		cmocka_unit_test_setup(test_pairs_of_daemons_differ, setup),
		cmocka_unit_test_setup(test_release_needs_the_peer, setup),
		cmocka_unit_test_setup(test_full, setup),
		cmocka_unit_test_setup(test_full_for_one_parity, setup),
		cmocka_unit_test_setup(test_holder_is_forgotten, setup),
		cmocka_unit_test_setup(test_orphans_come_last, setup),
		cmocka_unit_test_setup(test_orphans_run_out, setup),
	};

	return cmocka_run_group_tests_name("port table", tests, NULL, NULL);
}
