/*
 * How long the receiver waits for a sender that is never silent for long: as long as it gets
 * something for it.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "filecopy/input.h"

/* The silence that is tolerated has no part in this. */
#define PATIENCE_MS 100000
#define PAUSE_NS (5L * 1000000)
#define WAITING_NS (10 * (uint64_t)PAUSE_NS)

static void
begin(struct filecopy_input *in, const int ends[2], int patience_ms)
{
	close(ends[1]);
	assert_int_equal(filecopy_input_init(in, ends[0], patience_ms), 0);
}

static void
end(struct filecopy_input *in)
{
	close(in->fd);
	filecopy_input_finish(in);
}

/* All bytes are there. */
static void
begin_with(struct filecopy_input *in, const char *bytes)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], bytes, strlen(bytes)), strlen(bytes));
	begin(in, ends, PATIENCE_MS);
}

/* One byte after each pause, until nobody reads or all are sent. Says how the stream ended. */
static int
read_from_slow_sender(unsigned int bytes, int patience_ms)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	struct filecopy_input in;
	int ends[2], result;
	uint8_t byte;
	pid_t sender;

	assert_int_equal(pipe(ends), 0);
	sender = fork();
	assert_true(sender >= 0);
	if (sender == 0) {
		close(ends[0]);
		do
			nanosleep(&pause, NULL);
		while (bytes-- > 0 && write(ends[1], "x", 1) == 1);
		_exit(0);
	}
	begin(&in, ends, patience_ms);
	in.waiting_max_ns = WAITING_NS;
	do
		result = filecopy_input_read(&in, &byte, 1);
	while (result == 0);
	end(&in);
	assert_int_equal(waitpid(sender, NULL, 0), sender);
	return result;
}

static void
test_a_byte_now_and_then(void **state)
{
	(void)state;
	assert_int_equal(read_from_slow_sender(2000, PATIENCE_MS), -ETIMEDOUT);
}

static void
test_for_ever(void **state)
{
	(void)state;
	assert_int_equal(read_from_slow_sender(30, -1), -ENODATA);
}

/* It is given as long again. */
static void
test_enough_came(void **state)
{
	struct filecopy_input in;
	uint8_t byte;

	(void)state;
	begin_with(&in, "a");
	in.waited_ns = in.waiting_max_ns;
	in.waited_bytes = FILECOPY_WAITING_BYTES;
	assert_int_equal(filecopy_input_read(&in, &byte, 1), 0);
	assert_int_equal(in.waited_ns, 0);
	assert_int_equal(in.waited_bytes, 1);
	end(&in);
}

static void
test_a_byte_less(void **state)
{
	struct filecopy_input in;
	uint8_t byte;

	(void)state;
	begin_with(&in, "a");
	in.waited_ns = in.waiting_max_ns;
	in.waited_bytes = FILECOPY_WAITING_BYTES - 1;
	assert_int_equal(filecopy_input_read(&in, &byte, 1), -ETIMEDOUT);
	end(&in);
}

/* What is there is not waited for, however long the receiver takes. */
static void
test_own_time(void **state)
{
	const struct timespec pause = {.tv_nsec = 500000000};
	struct filecopy_input in;
	uint8_t byte;

	(void)state;
	begin_with(&in, "ab");
	in.waiting_max_ns = (uint64_t)pause.tv_nsec;
	assert_int_equal(filecopy_input_read(&in, &byte, 1), 0);
	nanosleep(&pause, NULL);
	assert_int_equal(filecopy_input_read(&in, &byte, 1), 0);
	assert_int_equal(filecopy_input_read(&in, &byte, 1), -ENODATA);
	end(&in);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_byte_now_and_then),
		cmocka_unit_test(test_enough_came),
		cmocka_unit_test(test_a_byte_less),
		cmocka_unit_test(test_for_ever),
		cmocka_unit_test(test_own_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
