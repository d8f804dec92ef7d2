/* Streams hold their limits, keep order, press back, and report the end once. */
#include "cmocka_all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/socket.h"
#include "base/stream.h"

#define LIMIT 1000

struct side {
	struct stream *stream;
	size_t received;
	int ends, end_error, flushes;
	int consume; /* take what arrives */
	int destroy_on_data;
};

static void
handle_data(struct stream *s, struct buf *in, void *data)
{
	struct side *side = data;

	side->received += buf_len(in);
	if (side->consume)
		buf_clear(in);
	if (side->destroy_on_data) {
		stream_destroy(s);
		side->stream = NULL;
	}
}

static void
handle_end(struct stream *s, int error, void *data)
{
	struct side *side = data;

	side->ends++;
	side->end_error = error;
}

static void
handle_flushed(struct stream *s, void *data)
{
	((struct side *)data)->flushes++;
}

static const struct stream_handler handler = {
	.handle_data = handle_data, .handle_end = handle_end, .handle_flushed = handle_flushed};

static void
run(struct loop *loop)
{
	for (int idle = 0; idle < 2;)
		idle = loop_step(loop, 10) == 0 ? idle + 1 : 0;
}

static void
what_does_not_fit_waits(void **state)
{
	struct loop *loop = loop_create();
	struct side a = {0}, b = {.consume = 1};
	static char bytes[4 << 20];
	int fds[2];

	assert_int_equal(socket_pair(fds), 0);
	a.stream = stream_create(loop, fds[0], LIMIT, sizeof(bytes), &handler, &a);
	assert_int_equal(stream_send(a.stream, bytes, sizeof(bytes)), 0);
	assert_true(stream_pending(a.stream) > 0);
	assert_int_equal(stream_send(a.stream, bytes, sizeof(bytes)), -ENOBUFS);
	b.stream = stream_create(loop, fds[1], 100000, LIMIT, &handler, &b);
	run(loop);
	assert_int_equal(b.received, sizeof(bytes));
	assert_int_equal(a.flushes, 1);
	stream_shutdown_write(a.stream);
	run(loop);
	assert_int_equal(b.ends, 1);
	assert_int_equal(b.end_error, 0);
	assert_int_equal(stream_send(b.stream, "late", 4), 0);
	run(loop);
	assert_int_equal(a.received, 4);
	stream_destroy(b.stream);
	run(loop);
	assert_int_equal(a.ends, 1);
	stream_destroy(a.stream);
	loop_destroy(loop);
}

static void
too_much_input_ends_the_stream(void **state)
{
	struct loop *loop = loop_create();
	struct side side = {0};
	char bytes[LIMIT + 1] = {0};
	int fds[2];

	assert_int_equal(socket_pair(fds), 0);
	side.stream = stream_create(loop, fds[0], LIMIT, LIMIT, &handler, &side);
	assert_int_equal(write(fds[1], bytes, sizeof(bytes)), sizeof(bytes));
	run(loop);
	assert_int_equal(side.ends, 1);
	assert_int_equal(side.end_error, -ENOBUFS);
	stream_destroy(side.stream);
	close(fds[1]);
	loop_destroy(loop);
}

static void
a_paused_stream_reads_nothing(void **state)
{
	struct loop *loop = loop_create();
	struct side side = {.consume = 1};
	int fds[2];

	assert_int_equal(socket_pair(fds), 0);
	side.stream = stream_create(loop, fds[0], LIMIT, LIMIT, &handler, &side);
	stream_pause(side.stream);
	assert_int_equal(write(fds[1], "bytes", 5), 5);
	close(fds[1]);
	run(loop);
	assert_int_equal(side.received, 0);
	assert_int_equal(side.ends, 0);
	stream_resume(side.stream);
	run(loop);
	assert_int_equal(side.received, 5);
	assert_int_equal(side.ends, 1);
	stream_destroy(side.stream);
	loop_destroy(loop);
}

static void
a_stream_may_be_destroyed_in_its_callback(void **state)
{
	struct loop *loop = loop_create();
	struct side side = {.destroy_on_data = 1};
	int fds[2];

	assert_int_equal(socket_pair(fds), 0);
	side.stream = stream_create(loop, fds[0], LIMIT, LIMIT, &handler, &side);
	assert_int_equal(write(fds[1], "bytes", 5), 5);
	run(loop);
	assert_null(side.stream);
	close(fds[1]);
	loop_destroy(loop);
}

static void
closing_waits_for_the_output(void **state)
{
	struct loop *loop = loop_create();
	struct side a = {0};
	static char bytes[1 << 20], got[1 << 20];
	size_t received = 0;
	ssize_t count;
	int fds[2];

	assert_int_equal(socket_pair(fds), 0);
	a.stream = stream_create(loop, fds[0], LIMIT, sizeof(bytes), &handler, &a);
	assert_int_equal(stream_send(a.stream, bytes, sizeof(bytes)), 0);
	stream_close_after_flush(a.stream);
	fd_set_nonblocking(fds[1], 1);
	for (;;) {
		count = read(fds[1], got, sizeof(got));
		if (count == 0)
			break;
		if (count > 0)
			received += (size_t)count;
		loop_step(loop, 0);
	}
	assert_int_equal(received, sizeof(bytes));
	assert_int_equal(a.ends, 0);
	close(fds[1]);
	loop_destroy(loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_does_not_fit_waits),
		cmocka_unit_test(too_much_input_ends_the_stream),
		cmocka_unit_test(a_paused_stream_reads_nothing),
		cmocka_unit_test(a_stream_may_be_destroyed_in_its_callback),
		cmocka_unit_test(closing_waits_for_the_output),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
