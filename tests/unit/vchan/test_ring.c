/*
 * Rings in shared memory: bytes through them, the bells that are asked for, going over from a
 * socket, and every lie that the other side can write into what is shared.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/socket.h"
#include "vchan/vchan_stream.h"

static struct ring_pair *linkd_side, *program_side;

static int
set_up(void **state)
{
	AUTO_FD int fd = -1;

	linkd_side = ring_pair_create(&fd);
	assert_non_null(linkd_side);
	program_side = ring_pair_attach(fd);
	assert_non_null(program_side);
	return 0;
}

static int
tear_down(void **state)
{
	ring_pair_destroy(linkd_side);
	ring_pair_destroy(program_side);
	return 0;
}

/* Every byte comes, in order, wherever the ends of the memory are. */
static void
test_bytes_go_round(void **state)
{
	static uint8_t sent[100003], got[sizeof(sent)];
	bool wake;

	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (uint8_t)(i * 7 + i / 251);
	for (int round = 0; round < 40; round++) {
		assert_int_equal(ring_write(&linkd_side->to_program, sent, sizeof(sent), &wake),
			sizeof(sent));
		assert_int_equal(
			ring_read(&program_side->to_program, got, sizeof(got), &wake), sizeof(got));
		assert_memory_equal(sent, got, sizeof(sent));
		assert_int_equal(ring_read(&program_side->to_program, got, 1, &wake), 0);
	}
}

static void
test_full_and_empty(void **state)
{
	static uint8_t bytes[RING_BYTES + 1];
	struct ring *writer = &program_side->from_program, *reader = &linkd_side->from_program;
	bool wake;

	assert_int_equal(ring_write(writer, bytes, sizeof(bytes), &wake), RING_BYTES);
	assert_int_equal(ring_write(writer, bytes, 1, &wake), 0);
	assert_true(ring_await_room(writer));
	/* Woken when half of it is free, not for each byte; and once. */
	assert_int_equal(ring_read(reader, bytes, 100, &wake), 100);
	assert_false(wake);
	assert_int_equal(ring_read(reader, bytes, RING_BYTES / 2, &wake), RING_BYTES / 2);
	assert_true(wake);
	assert_false(ring_await_room(writer));
	assert_int_equal(ring_read(reader, bytes, sizeof(bytes), &wake), RING_BYTES / 2 - 100);
	assert_true(ring_await_bytes(reader));
	assert_int_equal(ring_write(writer, bytes, 1, &wake), 1);
	assert_true(wake);
	assert_int_equal(ring_write(writer, bytes, 1, &wake), 1);
	assert_false(wake);
	assert_false(ring_await_bytes(reader));
	assert_true(ring_end(writer));
	assert_true(ring_has_ended(reader));
}

/* No position of the other side makes us touch a byte that is not the ring's. */
static void
test_lies(void **state)
{
	const uint32_t lies[] = {1, RING_BYTES, RING_BYTES + 1, 0x7fffffff, 0x80000000, 0xffffffff};
	struct ring *writer = &linkd_side->to_program, *reader = &linkd_side->from_program;
	static uint8_t bytes[2 * RING_BYTES];
	bool wake;

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		bool possible = lies[i] <= RING_BYTES;

		atomic_store(&writer->control->taken, 0U - lies[i]);
		assert_int_equal(ring_write(writer, bytes, 0, &wake) == -EPROTO, !possible);
		atomic_store(&reader->control->written, lies[i]);
		assert_int_equal(ring_held(reader, &(const uint8_t *){NULL}) == -EPROTO, !possible);
		assert_int_equal(ring_read(reader, bytes, 0, &wake) == -EPROTO, !possible);
	}
	/* Our own position is ours alone. */
	atomic_store(&writer->control->taken, 0);
	atomic_store(&writer->control->written, 12345);
	assert_int_equal(ring_write(writer, bytes, sizeof(bytes), &wake), RING_BYTES);
}

static void
test_lies_about_the_socket(void **state)
{
	struct ring_socket socket = {.taken = 100};

	assert_int_equal(ring_count_socket(&linkd_side->from_program, &socket, 50), 50);
	assert_false(ring_is_next(&socket));
	/* Fewer than there were already. */
	ring_begin(&program_side->from_program, 149);
	assert_int_equal(ring_count_socket(&linkd_side->from_program, &socket, 0), -EPROTO);
	assert_false(ring_is_next(&socket));
	ring_begin(&program_side->from_program, 160);
	/* Ten are of the stream, the others bells; and it does not change any more. */
	assert_int_equal(ring_count_socket(&linkd_side->from_program, &socket, 13), 10);
	assert_true(ring_is_next(&socket));
	ring_begin(&program_side->from_program, 170);
	assert_int_equal(ring_count_socket(&linkd_side->from_program, &socket, 13), 0);
}

/* Only memory that can not shrink under us is taken. */
static void
test_memory_that_is_not_it(void **state)
{
	AUTO_FD int unsealed = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	AUTO_FD int file = open("/dev/null", O_RDWR | O_CLOEXEC);

	assert_int_equal(ftruncate(unsealed, 8192 + 2 * (off_t)RING_BYTES), 0);
	assert_null(ring_pair_attach(unsealed));
	assert_null(ring_pair_attach(file));
	assert_int_equal(ftruncate(unsealed, 4096), 0);
	assert_int_equal(
		fcntl(unsealed, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), 0);
	assert_null(ring_pair_attach(unsealed));
}

struct offer {
	struct vchan_stream stream;
	int fd; /* linkd's end */
	struct ring_pair *rings;
};

static void
make_offer(struct offer *o, bool may_ring)
{
	AUTO_FD int memory = -1;
	int fds[2];

	*o = (struct offer){0};
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	vchan_stream_init(&o->stream, fds[0], may_ring);
	o->fd = fds[1];
	o->rings = ring_pair_create(&memory);
	assert_non_null(o->rings);
	assert_int_equal(write(o->fd, "before", 6), 6);
	assert_int_equal(socket_send_fd(o->fd, "", 1, memory), 1);
}

static void
end_offer(struct offer *o)
{
	vchan_stream_finish(&o->stream);
	ring_pair_destroy(o->rings);
	if (o->fd >= 0)
		close(o->fd);
}

/* What came before, what still comes by the socket, and what comes by the ring: in this order. */
static void
test_stream_goes_over(void **state)
{
	struct ring_socket socket = {0};
	struct offer o;
	char bytes[64];
	bool wake;
	short events;

	make_offer(&o, true);
	assert_int_equal(vchan_stream_write(&o.stream, "hello", 5), 5);
	assert_int_equal(vchan_stream_read(&o.stream, bytes, sizeof(bytes)), 6);
	assert_memory_equal(bytes, "before", 6);
	assert_false(vchan_stream_has_rings(&o.stream));
	assert_int_equal(vchan_stream_read(&o.stream, bytes, sizeof(bytes)), -EAGAIN);
	/* linkd: five bytes by the socket and a bell; then the ring. */
	assert_int_equal(vchan_stream_write(&o.stream, "world", 5), 5);
	assert_int_equal(read(o.fd, bytes, sizeof(bytes)), 6);
	assert_int_equal(ring_count_socket(&o.rings->from_program, &socket, 6), 5);
	assert_true(ring_is_next(&socket));
	assert_int_equal(ring_read(&o.rings->from_program, bytes, sizeof(bytes), &wake), 5);
	assert_memory_equal(bytes, "world", 5);
	/* linkd goes over in its turn. */
	assert_int_equal(write(o.fd, "late", 4), 4);
	ring_begin(&o.rings->to_program, 10);
	assert_int_equal(write(o.fd, "b", 1), 1);
	assert_int_equal(ring_write(&o.rings->to_program, "ring", 4, &wake), 4);
	vchan_stream_hear(&o.stream);
	assert_false(vchan_stream_sleeps(&o.stream, true, false, &events));
	assert_int_equal(vchan_stream_read(&o.stream, bytes, sizeof(bytes)), 4);
	assert_memory_equal(bytes, "late", 4);
	assert_true(vchan_stream_has_rings(&o.stream));
	assert_int_equal(vchan_stream_read(&o.stream, bytes, sizeof(bytes)), 4);
	assert_memory_equal(bytes, "ring", 4);
	assert_int_equal(vchan_stream_read(&o.stream, bytes, sizeof(bytes)), -EAGAIN);
	assert_true(vchan_stream_sleeps(&o.stream, true, false, &events));
	assert_int_equal(events, POLLIN);
	/* The end comes after what was written before it. */
	assert_int_equal(ring_write(&o.rings->to_program, "end", 3, &wake), 3);
	assert_true(wake);
	shutdown(o.fd, SHUT_RDWR);
	vchan_stream_hear(&o.stream);
	assert_int_equal(vchan_stream_read(&o.stream, bytes, sizeof(bytes)), 3);
	assert_int_equal(vchan_stream_read(&o.stream, bytes, sizeof(bytes)), 0);
	assert_int_equal(vchan_stream_write(&o.stream, "x", 1), -EPIPE);
	end_offer(&o);
}

/* Who has half-closed could ring no bell, and declines; who did not ask gets no memory. */
static void
test_offer_declined(void **state)
{
	struct offer o;
	char bytes[64];

	make_offer(&o, true);
	assert_int_equal(vchan_stream_shutdown_write(&o.stream), 0);
	assert_int_equal(vchan_stream_read(&o.stream, bytes, sizeof(bytes)), 6);
	assert_null(o.stream.rings);
	assert_int_equal(write(o.fd, "more", 4), 4);
	assert_int_equal(vchan_stream_read(&o.stream, bytes, sizeof(bytes)), 4);
	end_offer(&o);
	make_offer(&o, false);
	assert_int_equal(vchan_stream_read(&o.stream, bytes, sizeof(bytes)), 7);
	assert_null(o.stream.rings);
	end_offer(&o);
}

/* A short channel: linkd offered, sent the rest by the socket, and left before we looked. */
static void
test_linkd_leaves_after_its_offer(void **state)
{
	struct offer o;
	char bytes[64];

	make_offer(&o, true);
	assert_int_equal(write(o.fd, "the rest", 8), 8);
	shutdown(o.fd, SHUT_RDWR);
	close(o.fd);
	o.fd = -1;
	assert_int_equal(vchan_stream_read(&o.stream, bytes, sizeof(bytes)), 6);
	assert_int_equal(vchan_stream_read(&o.stream, bytes, 3), 3);
	assert_int_equal(vchan_stream_read(&o.stream, bytes + 3, sizeof(bytes) - 3), 5);
	assert_memory_equal(bytes, "the rest", 8);
	assert_int_equal(vchan_stream_read(&o.stream, bytes, sizeof(bytes)), 0);
	assert_int_equal(vchan_stream_write(&o.stream, "x", 1), -EPIPE);
	end_offer(&o);
}

static void
test_same_processor(void **state)
{
	struct same_processor s = {0};
	cpu_set_t before, now;

	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	same_processor_stay(&s, -1);
	same_processor_stay(&s, CPU_SETSIZE);
	assert_false(s.kept);
	same_processor_stay(&s, same_processor_here());
	assert_true(s.kept);
	assert_int_equal(sched_getaffinity(0, sizeof(now), &now), 0);
	assert_int_equal(CPU_COUNT(&now), 1);
	same_processor_leave(&s);
	assert_int_equal(sched_getaffinity(0, sizeof(now), &now), 0);
	assert_true(CPU_EQUAL(&now, &before));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_bytes_go_round, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_full_and_empty, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_lies, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_lies_about_the_socket, set_up, tear_down),
		cmocka_unit_test(test_memory_that_is_not_it),
		cmocka_unit_test(test_stream_goes_over),
		cmocka_unit_test(test_offer_declined),
		cmocka_unit_test(test_linkd_leaves_after_its_offer),
		cmocka_unit_test(test_same_processor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
