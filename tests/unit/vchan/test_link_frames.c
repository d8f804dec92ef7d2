/*
 * One link machine whose peer is played by hand: every malformed frame, every frame that is out
 * of place, credit and limits that are not kept.
 */
#include "link_end.h"

#define PEER_NONCE 0x1122334455667788ULL

static void
greet(struct end *e, enum link_role role)
{
	struct link_hello theirs,
		ours = {.version_min = 1,
			.version_max = 1,
			.role = role == LINK_ROLE_HOST ? LINK_ROLE_QUBE : LINK_ROLE_HOST,
			.domain = QUBE,
			.nonce = PEER_NONCE,
			.frame_max = LINK_FRAME_MAX,
			.streams_max = LINK_STREAMS_MAX};
	struct buf *out;

	end_init(e, role);
	link_start(e->link);
	out = link_out(e->link);
	buf_consume(out, LINK_PREAMBLE_BYTES);
	assert_int_equal(link_peek_hello(out, &theirs), 0);
	buf_clear(out);
	ours.echo = theirs.nonce;
	link_put_hello(link_in(e->link), &ours);
	link_process(e->link);
	assert_events(e, "up");
	assert_int_equal(link_peek_hello(out, &theirs), 0);
	assert_int_equal(theirs.echo, PEER_NONCE);
	buf_clear(out);
	e->tag_to_it = link_session_tag(PEER_NONCE, theirs.nonce);
}

static void
put_frame(struct end *e, uint32_t type, uint32_t stream, const void *payload, size_t size)
{
	struct buf *in = link_in(e->link);

	buf_put_u32(in, type);
	buf_put_u32(in, stream);
	buf_put_u32(in, (uint32_t)size);
	buf_put(in, payload, size);
	buf_put_u32(in, e->tag_to_it);
}

static void
put_words(struct end *e, uint32_t type, uint32_t stream, size_t count, const uint32_t *words)
{
	put_frame(e, type, stream, words, count * sizeof(uint32_t));
}

#define WORDS(...)                                                                                 \
	sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), (const uint32_t[])             \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}

/* Stream 0 opened by the host under test and accepted; 1 opened by the peer, the qube. */
static void
open_both(struct end *e)
{
	assert_non_null(link_stream_open(e->link, &to_qube, 1000, NULL));
	put_words(e, LINK_FRAME_ACCEPT, 0, WORDS(500));
	put_words(e, LINK_FRAME_OPEN, 1, WORDS(0, QUBE, 514, 500));
	link_process(e->link);
	assert_events(e, "accept open");
}

struct bad_frame {
	const char *violation;
	uint32_t type, stream;
	size_t size; /* of the payload */
	uint32_t words[5];
};

static const struct bad_frame bad_frames[] = {
	{"frame header: malformed", 7, 0, 0, {0}},
	{"frame header: malformed", 255, 0, 0, {0}},
	{"frame header: malformed", 0x100 | LINK_FRAME_SHUTDOWN, 0, 0, {0}}, /* a flag */
	{"frame header: malformed", 0x80000000 | LINK_FRAME_DATA, 0, 4, {0}},
	{"frame header: length: wrong for the type", LINK_FRAME_OPEN, 3, 12, {0, QUBE, 514}},
	{"frame header: length: wrong for the type", LINK_FRAME_OPEN, 3, 20, {0, QUBE, 514, 9, 9}},
	{"frame header: length: wrong for the type", LINK_FRAME_OPEN, 3, 0, {0}},
	{"frame header: length: wrong for the type", LINK_FRAME_ACCEPT, 0, 0, {0}},
	{"frame header: length: wrong for the type", LINK_FRAME_ACCEPT, 0, 3, {0}},
	{"frame header: length: wrong for the type", LINK_FRAME_CREDIT, 0, 8, {1, 1}},
	{"frame header: length: wrong for the type", LINK_FRAME_CREDIT, 0, 1, {1}},
	{"frame header: length: wrong for the type", LINK_FRAME_SHUTDOWN, 0, 1, {0}},
	{"frame header: length: wrong for the type", LINK_FRAME_CLOSE, 0, 0, {0}},
	{"frame header: length: wrong for the type", LINK_FRAME_CLOSE, 0, 5, {0, 0}},
	{"frame header: stream: none of this number", LINK_FRAME_DATA, 2, 4, {0}},
	{"frame header: stream: none of this number", LINK_FRAME_DATA, 3, 4, {0}},
	{"frame header: stream: none of this number", LINK_FRAME_DATA, 2 * LINK_STREAMS_MAX, 4,
		{0}},
	{"frame header: stream: none of this number", LINK_FRAME_CLOSE, 0xffffffff, 4, {0}},
	{"frame header: stream: none of this number", LINK_FRAME_ACCEPT, 0xfffffffe, 4, {5}},
	{"OPEN: stream: not the peer's to open", LINK_FRAME_OPEN, 2, 16, {0, QUBE, 514, 9}},
	{"OPEN: stream: not the peer's to open", LINK_FRAME_OPEN, 2 * LINK_STREAMS_MAX + 1, 16,
		{0, QUBE, 514, 9}},
	{"OPEN: stream: in use", LINK_FRAME_OPEN, 1, 16, {0, QUBE, 514, 9}},
	{"OPEN: address: not the peer's to name", LINK_FRAME_OPEN, 3, 16, {0, QUBE + 1, 514, 9}},
	{"OPEN: address: not the peer's to name", LINK_FRAME_OPEN, 3, 16, {QUBE, 0, 514, 9}},
	{"OPEN: address: not the peer's to name", LINK_FRAME_OPEN, 3, 16, {QUBE, QUBE, 514, 9}},
	{"OPEN: address: not the peer's to name", LINK_FRAME_OPEN, 3, 16, {0, QUBE, 511, 9}},
	{"OPEN: address: not the peer's to name", LINK_FRAME_OPEN, 3, 16, {0, QUBE, 769, 9}},
	{"OPEN: window: out of range", LINK_FRAME_OPEN, 3, 16, {0, QUBE, 514, 0}},
	{"OPEN: window: out of range", LINK_FRAME_OPEN, 3, 16, {0, QUBE, 514, LINK_WINDOW_MAX + 1}},
	{"ACCEPT: stream: is not being opened", LINK_FRAME_ACCEPT, 0, 4, {5}}, /* twice */
	{"ACCEPT: stream: is not being opened", LINK_FRAME_ACCEPT, 1, 4, {5}}, /* its own */
	{"DATA: stream: not open in this direction", LINK_FRAME_DATA, 1, 4, {0}},
	{"DATA: length: more than was granted, or nothing", LINK_FRAME_DATA, 0, 0, {0}},
	{"CREDIT: stream: not open", LINK_FRAME_CREDIT, 1, 4, {5}},
	{"CREDIT: bytes: out of range", LINK_FRAME_CREDIT, 0, 4, {0}},
	{"CREDIT: bytes: out of range", LINK_FRAME_CREDIT, 0, 4, {LINK_WINDOW_MAX - 499}},
	{"CREDIT: bytes: out of range", LINK_FRAME_CREDIT, 0, 4, {0xffffffff}},
	{"SHUTDOWN: stream: not open in this direction", LINK_FRAME_SHUTDOWN, 1, 0, {0}},
	{"CLOSE: reason: unknown", LINK_FRAME_CLOSE, 0, 4, {LINK_REASON_SESSION}},
	{"CLOSE: reason: unknown", LINK_FRAME_CLOSE, 0, 4, {0xffffffff}},
};

static void
test_bad_frames(void **state)
{
	for (size_t i = 0; i < sizeof(bad_frames) / sizeof(bad_frames[0]); i++) {
		const struct bad_frame *bad = &bad_frames[i];
		struct end e;

		greet(&e, LINK_ROLE_HOST);
		open_both(&e);
		put_frame(&e, bad->type, bad->stream, bad->words, bad->size);
		link_process(e.link);
		if (e.violation == NULL || strcmp(e.violation, bad->violation) != 0)
			fail_msg("frame %zu: '%s' instead of '%s'", i, e.violation, bad->violation);
		assert_events(&e, "close:session close:session violation");
		assert_int_equal(link_state(e.link), LINK_DOWN);
		/* Down, nothing is heard or said. */
		put_words(&e, LINK_FRAME_OPEN, 3, WORDS(0, QUBE, 514, 500));
		link_process(e.link);
		assert_int_equal(buf_len(link_in(e.link)), 0);
		assert_int_equal(buf_len(link_out(e.link)), 0);
		assert_events(&e, "");
		end_finish(&e);
	}
}

static void
test_too_long_and_wrong_tag(void **state)
{
	struct end e;

	greet(&e, LINK_ROLE_HOST);
	buf_put_u32(link_in(e.link), LINK_FRAME_DATA);
	buf_put_u32(link_in(e.link), 0);
	buf_put_u32(link_in(e.link), LINK_PAYLOAD_MAX + 1);
	link_process(e.link);
	assert_string_equal(e.violation, "frame header: malformed");
	end_finish(&e);

	greet(&e, LINK_ROLE_HOST);
	e.tag_to_it ^= 1;
	put_words(&e, LINK_FRAME_OPEN, 1, WORDS(0, QUBE, 514, 500));
	link_process(e.link);
	assert_string_equal(e.violation, "frame: not of this session");
	end_finish(&e);
}

/* Every frame cut at every byte: nothing happens before it is whole. */
static void
test_short_frames_wait(void **state)
{
	struct end whole, e;
	struct buf *in;
	size_t length;

	greet(&whole, LINK_ROLE_HOST);
	put_words(&whole, LINK_FRAME_OPEN, 1, WORDS(0, QUBE, 514, 500));
	in = link_in(whole.link);
	length = buf_len(in);
	for (size_t cut = 1; cut < length; cut++) {
		greet(&e, LINK_ROLE_HOST);
		buf_put(link_in(e.link), buf_data(in), cut);
		link_process(e.link);
		assert_events(&e, "");
		assert_int_equal(buf_len(link_in(e.link)), cut);
		buf_put(link_in(e.link), buf_data(in) + cut, length - cut);
		link_process(e.link);
		assert_events(&e, "open");
		end_finish(&e);
	}
	end_finish(&whole);
}

static void
test_credit_violation_of_the_peer(void **state)
{
	uint8_t block[1001] = {0};
	struct end e;

	greet(&e, LINK_ROLE_HOST);
	open_both(&e);
	put_frame(&e, LINK_FRAME_DATA, 0, block, 1000);
	link_process(e.link);
	assert_events(&e, "data");
	put_frame(&e, LINK_FRAME_DATA, 0, block, 1);
	link_process(e.link);
	assert_string_equal(e.violation, "DATA: length: more than was granted, or nothing");
	end_finish(&e);

	/* Also on a stream that we have closed already. */
	greet(&e, LINK_ROLE_HOST);
	open_both(&e);
	link_stream_accept(e.stream, 10);
	link_stream_close(e.stream, LINK_REASON_DONE);
	put_frame(&e, LINK_FRAME_DATA, 1, block, 10);
	link_process(e.link);
	assert_events(&e, "");
	put_frame(&e, LINK_FRAME_DATA, 1, block, 1);
	link_process(e.link);
	assert_events(&e, "close:session violation");
	end_finish(&e);

	/* After a shutdown. */
	greet(&e, LINK_ROLE_HOST);
	open_both(&e);
	put_words(&e, LINK_FRAME_SHUTDOWN, 0, 0, NULL);
	put_frame(&e, LINK_FRAME_DATA, 0, block, 1);
	link_process(e.link);
	assert_string_equal(e.violation, "DATA: stream: not open in this direction");
	end_finish(&e);

	greet(&e, LINK_ROLE_HOST);
	open_both(&e);
	put_words(&e, LINK_FRAME_SHUTDOWN, 0, 0, NULL);
	put_words(&e, LINK_FRAME_SHUTDOWN, 0, 0, NULL);
	link_process(e.link);
	assert_string_equal(e.violation, "SHUTDOWN: stream: not open in this direction");
	end_finish(&e);

	/* The number of a stream that is closed at both ends is free. */
	greet(&e, LINK_ROLE_HOST);
	open_both(&e);
	put_words(&e, LINK_FRAME_CLOSE, 1, WORDS(0));
	put_words(&e, LINK_FRAME_OPEN, 1, WORDS(0, QUBE, 514, 500));
	put_words(&e, LINK_FRAME_CLOSE, 1, WORDS(0));
	put_words(&e, LINK_FRAME_CLOSE, 1, WORDS(0));
	link_process(e.link);
	assert_string_equal(e.violation, "frame header: stream: none of this number");
	assert_events(&e, "close:done open close:done close:session violation");
	end_finish(&e);
}

/* In a qube: the host must mean this qube. */
static void
test_address_seen_from_the_qube(void **state)
{
	struct end e;

	greet(&e, LINK_ROLE_QUBE);
	put_words(&e, LINK_FRAME_OPEN, 0, WORDS(QUBE, 0, 512, 500));
	put_words(&e, LINK_FRAME_OPEN, 2, WORDS(QUBE, 9, 768, 500)); /* for another qube */
	link_process(e.link);
	assert_events(&e, "open open");
	put_words(&e, LINK_FRAME_OPEN, 4, WORDS(0, QUBE, 513, 500));
	link_process(e.link);
	assert_string_equal(e.violation, "OPEN: address: not the peer's to name");
	end_finish(&e);
}

static void
test_bad_hello(void **state)
{
	static const struct link_hello good = {.version_min = 1,
		.version_max = 1,
		.role = LINK_ROLE_QUBE,
		.nonce = PEER_NONCE,
		.frame_max = LINK_FRAME_MAX,
		.streams_max = 1};
	struct link_hello h;
	struct end e;

	for (int i = 0; i < 9; i++) {
		end_init(&e, LINK_ROLE_HOST);
		link_start(e.link);
		h = good;
		h.echo = 1000;
		switch (i) {
		case 0:
			h.role = LINK_ROLE_HOST; /* our own words come back */
			break;
		case 1:
			h.version_min = h.version_max = 2;
			break;
		case 2:
			h.version_min = h.version_max = 0;
			break;
		case 3:
			h.version_min = 2; /* above the maximum */
			break;
		case 4:
			h.nonce = 0;
			break;
		case 5:
			h.role = 2;
			break;
		case 6:
			h.frame_max = LINK_FRAME_MIN - 1;
			break;
		case 7:
			h.streams_max = 0;
			break;
		default:
			break;
		}
		link_put_hello(link_in(e.link), &h);
		if (i == 8)
			((uint8_t *)(uintptr_t)buf_data(link_in(e.link)))[40] ^= 1; /* checksum */
		link_process(e.link);
		if (i < 3)
			assert_events(&e, "violation");
		else
			assert_events(&e, "");
		assert_int_not_equal(link_state(e.link), LINK_UP);
		/* A good one behind it counts. */
		if (i >= 3) {
			h = good;
			h.echo = 1000;
			link_put_hello(link_in(e.link), &h);
			link_process(e.link);
			assert_events(&e, "up");
		}
		end_finish(&e);
	}

	/* A range that includes ours, features and larger limits of a later version are fine. */
	end_init(&e, LINK_ROLE_HOST);
	link_start(e.link);
	h = good;
	h.echo = 1000;
	h.version_max = 7;
	h.features = 0xffffffff;
	h.frame_max = 0xffffffff;
	h.streams_max = 0xffffffff;
	link_put_hello(link_in(e.link), &h);
	link_process(e.link);
	assert_events(&e, "up");
	end_finish(&e);
}

static void
test_limits_of_the_peer_are_kept(void **state)
{
	static const struct link_hello small = {.version_min = 1,
		.version_max = 1,
		.role = LINK_ROLE_QUBE,
		.nonce = PEER_NONCE,
		.echo = 1000,
		.frame_max = LINK_FRAME_MIN,
		.streams_max = 2};
	struct link_stream *s;
	struct end e;
	size_t room;

	end_init(&e, LINK_ROLE_HOST);
	link_start(e.link);
	link_put_hello(link_in(e.link), &small);
	link_process(e.link);
	e.tag_to_it = link_session_tag(PEER_NONCE, 1000);
	buf_clear(link_out(e.link));
	s = link_stream_open(e.link, &to_qube, 1000, NULL);
	assert_non_null(s);
	assert_non_null(link_stream_open(e.link, &to_qube, 1000, NULL));
	assert_null(link_stream_open(e.link, &to_qube, 1000, NULL));
	put_words(&e, LINK_FRAME_ACCEPT, 0, WORDS(1000000));
	link_process(e.link);
	link_stream_set_ready(s);
	assert_ptr_equal(link_next_ready(e.link), s);
	assert_non_null(link_stream_reserve(s, &room));
	assert_int_equal(room, LINK_FRAME_MIN - LINK_OVERHEAD_BYTES);
	link_stream_commit(s, 0);
	end_finish(&e);
}

/* A peer that makes us answer for ever and never reads is found out. */
static void
test_answers_that_are_not_read(void **state)
{
	struct end e;

	greet(&e, LINK_ROLE_HOST);
	for (int i = 0; i < 100000 && e.violation == NULL; i++) {
		put_words(&e, LINK_FRAME_OPEN, 1, WORDS(0, QUBE, 514, 500));
		put_words(&e, LINK_FRAME_CLOSE, 1, WORDS(0));
		link_process(e.link);
		e.events[0] = '\0';
	}
	assert_string_equal(e.violation, "answers: not read");
	assert_int_equal(link_state(e.link), LINK_DOWN);
	end_finish(&e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_frames),
		cmocka_unit_test(test_too_long_and_wrong_tag),
		cmocka_unit_test(test_short_frames_wait),
		cmocka_unit_test(test_credit_violation_of_the_peer),
		cmocka_unit_test(test_address_seen_from_the_qube),
		cmocka_unit_test(test_bad_hello),
		cmocka_unit_test(test_limits_of_the_peer_are_kept),
		cmocka_unit_test(test_answers_that_are_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
