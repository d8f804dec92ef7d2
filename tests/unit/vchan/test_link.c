/*
 * Two link machines that talk: sessions, credit, turns, numbers, and starting anew anywhere.
 */
#include "link_end.h"

/* Moves what is in one end's output to the other; whether there was anything. */
static bool
move(struct end *from, struct end *to, size_t piece)
{
	struct buf *out = link_out(from->link);
	bool moved = buf_len(out) > 0;

	while (buf_len(out) > 0) {
		size_t size = buf_len(out) < piece ? buf_len(out) : piece;

		assert_int_equal(buf_put(link_in(to->link), buf_data(out), size), 0);
		buf_consume(out, size);
		link_process(to->link);
	}
	return moved;
}

static void
settle_in_pieces(struct end *a, struct end *b, size_t piece)
{
	bool moved = true;

	for (int i = 0; moved; i++) {
		assert_true(i < 1000);
		moved = move(a, b, piece);
		moved |= move(b, a, piece);
	}
}

static void
settle(struct end *a, struct end *b)
{
	settle_in_pieces(a, b, 60000);
}

static void
make_ends(struct end *host, struct end *qube)
{
	end_init(host, LINK_ROLE_HOST);
	end_init(qube, LINK_ROLE_QUBE);
	link_start(host->link);
	link_start(qube->link);
	settle(host, qube);
	assert_events(host, "up");
	assert_events(qube, "up");
	assert_int_equal(link_domain(qube->link), QUBE);
}

/* Sends as much of the bytes as goes now; returns the count. */
static size_t
send_bytes(struct link_stream *s, struct link *link, const void *data, size_t size)
{
	size_t sent = 0, room;

	while (sent < size) {
		void *place;

		link_stream_set_ready(s);
		if (link_next_ready(link) != s)
			break;
		place = link_stream_reserve(s, &room);
		assert_non_null(place);
		if (room > size - sent)
			room = size - sent;
		memcpy(place, (const char *)data + sent, room);
		link_stream_commit(s, room);
		sent += room;
	}
	return sent;
}

/* Sessions */

static void
test_hello_in_any_order_and_pieces(void **state)
{
	static const size_t pieces[] = {1, 3, 64, 4096, 65536};

	for (size_t p = 0; p < sizeof(pieces) / sizeof(pieces[0]); p++) {
		for (int order = 0; order < 3; order++) {
			struct end host, qube;

			end_init(&host, LINK_ROLE_HOST);
			end_init(&qube, LINK_ROLE_QUBE);
			if (order != 1)
				link_start(host.link);
			if (order == 0)
				settle_in_pieces(&host, &qube, pieces[p]); /* nobody listens yet */
			if (order != 2)
				link_start(qube.link);
			else
				link_start(qube.link), settle_in_pieces(&qube, &host, pieces[p]);
			if (order == 1) {
				settle_in_pieces(&host, &qube, pieces[p]);
				link_start(host.link);
			}
			settle_in_pieces(&host, &qube, pieces[p]);
			assert_int_equal(link_state(host.link), LINK_UP);
			assert_int_equal(link_state(qube.link), LINK_UP);
			assert_events(&host, "up");
			assert_events(&qube, "up");
			end_finish(&host);
			end_finish(&qube);
		}
	}
}

static void
test_stream_of_each_side(void **state)
{
	struct end host, qube;
	struct link_stream *s;

	make_ends(&host, &qube);
	s = link_stream_open(host.link, &to_qube, 1000, NULL);
	assert_non_null(s);
	settle(&host, &qube);
	assert_events(&qube, "open");
	assert_int_equal(link_stream_address(qube.stream)->port, 513);
	assert_int_equal(link_stream_address(qube.stream)->client_domain, 0);
	/* Nothing may be sent before it is accepted. */
	assert_int_equal(send_bytes(s, host.link, "x", 1), 0);
	assert_int_equal(send_bytes(qube.stream, qube.link, "x", 1), 0);
	link_stream_accept(qube.stream, 2000);
	assert_int_equal(send_bytes(qube.stream, qube.link, "hello", 5), 5);
	settle(&host, &qube);
	assert_events(&host, "accept data");
	assert_int_equal(buf_len(&host.received), 5);
	assert_int_equal(send_bytes(s, host.link, "answer", 6), 6);
	link_stream_shutdown(s);
	assert_int_equal(send_bytes(s, host.link, "x", 1), 0);
	settle(&host, &qube);
	assert_events(&qube, "data shutdown");
	link_stream_shutdown(qube.stream);
	link_stream_close(qube.stream, LINK_REASON_DONE);
	settle(&host, &qube);
	assert_events(&host, "shutdown close:done");
	assert_events(&qube, "");

	assert_non_null(link_stream_open(qube.link, &to_host, 1000, NULL));
	settle(&host, &qube);
	assert_events(&host, "open");
	link_stream_close(host.stream, LINK_REASON_REFUSED);
	settle(&host, &qube);
	assert_events(&qube, "close:refused");
	end_finish(&host);
	end_finish(&qube);
}

static void
test_credit_bounds_what_is_sent(void **state)
{
	struct end host, qube;
	static uint8_t block[300000];
	struct link_stream *s;

	make_ends(&host, &qube);
	s = link_stream_open(host.link, &to_qube, 1000, NULL);
	settle(&host, &qube);
	link_stream_accept(qube.stream, 100000);
	settle(&host, &qube);
	size_t sent = send_bytes(s, host.link, block, sizeof(block));
	assert_true(sent <= LINK_OUT_DATA_MAX + LINK_FRAME_MAX); /* then the pipe's turn */
	settle(&host, &qube);
	sent += send_bytes(s, host.link, block, sizeof(block));
	settle(&host, &qube);
	assert_int_equal(sent, 100000);
	assert_int_equal(buf_len(&qube.received), 100000);
	assert_int_equal(send_bytes(s, host.link, block, 1), 0);
	/* Little given back is kept for later, much is told. */
	link_stream_consumed(qube.stream, 100);
	settle(&host, &qube);
	assert_int_equal(send_bytes(s, host.link, block, 1), 0);
	link_stream_consumed(qube.stream, 30000);
	settle(&host, &qube);
	assert_int_equal(send_bytes(s, host.link, block, sizeof(block)), 30100);
	end_finish(&host);
	end_finish(&qube);
}

/* Sends as much as there is credit for; the receiver has it then. */
static size_t
fill_window(struct end *host, struct end *qube, struct link_stream *s)
{
	static uint8_t block[65536];
	size_t total = 0, sent;

	while ((sent = send_bytes(s, host->link, block, sizeof(block))) > 0) {
		total += sent;
		settle(host, qube);
		buf_clear(&qube->received);
		qube->events[0] = '\0';
	}
	return total;
}

/* A stream that is read gets a larger window, one that stalls does not. */
static void
test_window_grows_with_use(void **state)
{
	struct end host, qube;
	struct link_stream *s;
	size_t held, largest = 0;

	make_ends(&host, &qube);
	s = link_stream_open(host.link, &to_qube, 1000, NULL);
	settle(&host, &qube);
	link_stream_accept(qube.stream, LINK_WINDOW_DEFAULT);
	settle(&host, &qube);
	for (int i = 0; i < 20; i++) {
		held = fill_window(&host, &qube, s);
		assert_true(held <= LINK_WINDOW_GROWN);
		if (held > largest)
			largest = held;
		link_stream_consumed(qube.stream, held);
		settle(&host, &qube);
	}
	assert_int_equal(largest, LINK_WINDOW_GROWN);
	/* All of it is given back in the end, and nothing beyond. */
	fill_window(&host, &qube, s);
	assert_int_equal(fill_window(&host, &qube, s), 0);
	end_finish(&host);
	end_finish(&qube);
}

static void
test_streams_take_turns(void **state)
{
	struct end host, qube;
	struct link_stream *s[4];
	static uint8_t block[100000];
	size_t counts[4] = {0};

	make_ends(&host, &qube);
	for (size_t i = 0; i < 4; i++) {
		s[i] = link_stream_open(host.link, &to_qube, 1000, &counts[i]);
		settle(&host, &qube);
		link_stream_accept(qube.stream, LINK_WINDOW_MAX);
		settle(&host, &qube);
		if (i != 2) /* this one has nothing to say */
			link_stream_set_ready(s[i]);
	}
	for (int turn = 0; turn < 60; turn++) {
		struct link_stream *next = link_next_ready(host.link);
		size_t room;

		if (next == NULL) {
			settle(&host, &qube);
			buf_clear(&qube.received);
			qube.events[0] = '\0';
			continue;
		}
		memcpy(link_stream_reserve(next, &room), block, LINK_SEND_MAX);
		link_stream_commit(next, room);
		*(size_t *)link_stream_user(next) += 1;
		link_stream_set_ready(next);
	}
	assert_int_equal(counts[2], 0);
	assert_true(counts[0] >= 6);
	for (size_t i = 1; i < 4; i++) {
		if (i != 2)
			assert_true(counts[i] + 1 >= counts[0] && counts[i] <= counts[0] + 1);
	}
	end_finish(&host);
	end_finish(&qube);
}

static void
test_numbers_are_reused_and_limited(void **state)
{
	struct end host, qube;
	struct link_stream *s[LINK_STREAMS_MAX];

	make_ends(&host, &qube);
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < LINK_STREAMS_MAX; i++) {
			s[i] = link_stream_open(host.link, &to_qube, 1000, NULL);
			assert_non_null(s[i]);
		}
		assert_null(link_stream_open(host.link, &to_qube, 1000, NULL));
		/* Closed, but the other end has not said so yet: the number is still taken. */
		link_stream_close(s[7], LINK_REASON_DONE);
		assert_null(link_stream_open(host.link, &to_qube, 1000, NULL));
		qube.events[0] = '\0';
		settle(&host, &qube);
		s[7] = link_stream_open(host.link, &to_qube, 1000, NULL);
		assert_non_null(s[7]);
		for (size_t i = 0; i < LINK_STREAMS_MAX; i++)
			link_stream_close(s[i], LINK_REASON_DONE);
		settle(&host, &qube);
		assert_int_equal(link_state(host.link), LINK_UP);
		assert_int_equal(link_state(qube.link), LINK_UP);
	}
	end_finish(&host);
	end_finish(&qube);
}

/* Each side closes while the other's frames of the same stream are under way. */
static void
test_crossing_frames(void **state)
{
	struct end host, qube;
	struct link_stream *s;

	make_ends(&host, &qube);
	/* Withdrawn while it is accepted and written to. */
	s = link_stream_open(host.link, &to_qube, 1000, NULL);
	move(&host, &qube, 60000);
	link_stream_accept(qube.stream, 1000);
	assert_int_equal(send_bytes(qube.stream, qube.link, "abc", 3), 3);
	link_stream_shutdown(qube.stream);
	link_stream_close(s, LINK_REASON_DONE);
	settle(&host, &qube);
	assert_events(&host, "");
	assert_events(&qube, "open close:done");

	/* Both close at once. */
	s = link_stream_open(host.link, &to_qube, 1000, NULL);
	settle(&host, &qube);
	link_stream_accept(qube.stream, 1000);
	settle(&host, &qube);
	link_stream_close(qube.stream, LINK_REASON_DONE);
	link_stream_close(s, LINK_REASON_ABORTED);
	settle(&host, &qube);
	assert_events(&host, "accept");
	assert_events(&qube, "open");

	/* Credit crosses a close. */
	s = link_stream_open(host.link, &to_qube, 1000, NULL);
	settle(&host, &qube);
	link_stream_accept(qube.stream, 1000);
	settle(&host, &qube);
	assert_int_equal(send_bytes(s, host.link, "abcd", 4), 4);
	move(&host, &qube, 60000);
	link_stream_consumed(qube.stream, 300);
	link_stream_close(s, LINK_REASON_DONE);
	settle(&host, &qube);
	assert_int_equal(link_state(host.link), LINK_UP);
	assert_int_equal(link_state(qube.link), LINK_UP);
	end_finish(&host);
	end_finish(&qube);
}

/*
 * One end is replaced when a given number of bytes of the other direction has passed: whatever
 * the other was in the middle of, both come up again, and nothing is delivered that was cut.
 */
static void
replace_after(size_t cut, bool replace_qube)
{
	struct end host, qube, *gone, *stays;
	struct link_stream *s;
	uint8_t block[500];
	struct buf *out;

	make_ends(&host, &qube);
	gone = replace_qube ? &qube : &host;
	stays = replace_qube ? &host : &qube;
	s = link_stream_open(stays->link, replace_qube ? &to_qube : &to_host, 100000, NULL);
	settle(&host, &qube);
	link_stream_accept(gone->stream, 100000);
	settle(&host, &qube);
	gone->events[0] = stays->events[0] = '\0';
	(void)s;

	memset(block, 'B', sizeof(block)); /* the first byte of the magic, too */
	assert_int_equal(send_bytes(gone->stream, gone->link, block, sizeof(block)), 500);
	assert_int_equal(send_bytes(gone->stream, gone->link, block, sizeof(block)), 500);
	out = link_out(gone->link);
	assert_true(cut <= buf_len(out));
	buf_trim(out, buf_len(out) - cut);
	move(gone, stays, 60000);
	size_t whole = cut / (500 + LINK_OVERHEAD_BYTES) * 500;
	assert_int_equal(buf_len(&stays->received), whole);

	/* The new one has nonces of its own. */
	uint64_t nonce = gone->next_nonce + 77;
	end_finish(gone);
	end_init(gone, replace_qube ? LINK_ROLE_QUBE : LINK_ROLE_HOST);
	gone->next_nonce = nonce;
	link_start(gone->link);
	settle(&host, &qube);
	if (link_state(stays->link) == LINK_DOWN) {
		/* Cut within the tag, which looks like a violation: it starts again, too. */
		link_start(stays->link);
		settle(&host, &qube);
	}
	assert_int_equal(link_state(host.link), LINK_UP);
	assert_int_equal(link_state(qube.link), LINK_UP);
	assert_true(buf_len(&stays->received) == whole);
	assert_non_null(strstr(stays->events, "close:session"));
	end_finish(&host);
	end_finish(&qube);
}

static void
test_replaced_in_the_middle_of_a_frame(void **state)
{
	const size_t frame = 500 + LINK_OVERHEAD_BYTES;

	/* Each byte near the borders of a frame, some in its middle. */
	for (size_t cut = 0; cut <= 2 * frame;
		cut += cut % frame > 20 && cut % frame < 480 ? 37 : 1) {
		replace_after(cut, true);
		if (cut % 7 == 0)
			replace_after(cut, false);
	}
}

/* Old data in the pipe that looks like a HELLO can not bring a session about. */
static void
test_forged_hello_in_old_bytes(void **state)
{
	struct end host, qube;
	struct link_hello forged = {.version_min = 1,
		.version_max = 1,
		.role = LINK_ROLE_QUBE,
		.nonce = 99,
		.echo = 1000, /* the nonce of an earlier session of the host */
		.frame_max = LINK_FRAME_MAX,
		.streams_max = 1};

	end_init(&host, LINK_ROLE_HOST);
	end_init(&qube, LINK_ROLE_QUBE);
	host.next_nonce = 4000;
	link_start(host.link);
	for (int i = 0; i < 20; i++) {
		forged.nonce++;
		buf_put_string(link_in(host.link), "old bytes ");
		link_put_hello(link_in(host.link), &forged);
	}
	link_process(host.link);
	assert_int_equal(link_state(host.link), LINK_GREETING);
	assert_events(&host, "");
	link_start(qube.link);
	settle(&host, &qube);
	assert_events(&host, "up");
	assert_events(&qube, "up");
	end_finish(&host);
	end_finish(&qube);
}

static void
test_restart_resets_streams(void **state)
{
	struct end host, qube;

	make_ends(&host, &qube);
	assert_non_null(link_stream_open(host.link, &to_qube, 1000, NULL));
	assert_non_null(link_stream_open(qube.link, &to_host, 1000, NULL));
	settle(&host, &qube);
	link_start(host.link);
	assert_events(&host, "open close:session close:session down");
	settle(&host, &qube);
	assert_events(&host, "up");
	assert_events(&qube, "open close:session close:session down up");
	/* As a clone of a saved qube: it believes in a session that the new host knows not. */
	end_finish(&host);
	end_init(&host, LINK_ROLE_HOST);
	host.next_nonce = 7000;
	link_start(host.link);
	settle(&host, &qube);
	assert_events(&host, "up");
	assert_events(&qube, "down up");
	end_finish(&host);
	end_finish(&qube);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hello_in_any_order_and_pieces),
		cmocka_unit_test(test_stream_of_each_side),
		cmocka_unit_test(test_credit_bounds_what_is_sent),
		cmocka_unit_test(test_window_grows_with_use),
		cmocka_unit_test(test_streams_take_turns),
		cmocka_unit_test(test_numbers_are_reused_and_limited),
		cmocka_unit_test(test_crossing_frames),
		cmocka_unit_test(test_replaced_in_the_middle_of_a_frame),
		cmocka_unit_test(test_forged_hello_in_old_bytes),
		cmocka_unit_test(test_restart_resets_streams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
