/*
 * vchan-test-peer: one end of many channels at the same time, over any transport, with every byte
 * checked. Runs on the host, in a qube and in tests.
 *
 *     vchan-test-peer serve MODE -d DOMAIN -p FIRST[-LAST] [-r ROUNDS]
 *     vchan-test-peer call MODE -d DOMAIN -p FIRST[-LAST] -b BYTES [-s STALLED] [-t SECONDS]
 *     (both: -x, do not check the bytes: to measure the channel and not the check)
 *     vchan-test-peer ping -d DOMAIN -p PORT -n COUNT          (to a server in mode echo)
 *
 * MODE echo: what is sent comes back. sink: the server counts, and answers with the count.
 * source: the server sends as many bytes as it was asked for. The caller half-closes when it has
 * sent all (but not to a source); the server closes when it has answered. A stalled port is written
 * to but not read until all others are done.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/text.h"
#include "vchan/vchan_extra.h"
#include "vchan/vchan_stream.h"

#define PATTERN_BYTES 65521 /* a prime: no offset repeats with the size of a buffer */
#define BLOCK_BYTES 65536
#define TURN_STEPS 16 /* then other channels have their turn */

enum mode {
	MODE_ECHO,
	MODE_SINK,
	MODE_SOURCE,
};

static const char *const mode_names[] = {"echo", "sink", "source"};

struct channel {
	int port;
	libvchan_t *vchan;          /* while it is set up */
	struct vchan_stream stream; /* from then on */
	struct loop_fd *source;
	uint64_t to_send, sent, to_receive, received;
	bool stalled;
	bool input_ended, output_ended;
	uint8_t head[8]; /* the number that sink and source begin or end with */
	size_t head_length;
	uint8_t *block; /* server of echo: what is to go back */
	size_t block_start, block_end;
};

static struct {
	struct loop *loop;
	bool server;
	enum mode mode;
	int domain, first_port, last_port, stalled_port;
	uint64_t bytes, rounds, count;
	int timeout_s;
	bool unchecked;
	size_t running; /* channels of the caller that are not done */
	uint64_t served, total;
	struct channel *channels;
	size_t channel_count;
} test;

static uint8_t pattern[2 * PATTERN_BYTES];

static void serve(struct channel *c);

static void
fill_pattern(void)
{
	uint32_t state = 12345;

	for (size_t i = 0; i < PATTERN_BYTES; i++) {
		state = state * 1664525 + 1013904223;
		pattern[i] = pattern[i + PATTERN_BYTES] = (uint8_t)(state >> 24);
	}
}

/* The bytes of a channel from an offset on; `*ret_size` of them in one piece. */
static const uint8_t *
pattern_at(const struct channel *c, uint64_t offset, size_t *ret_size)
{
	size_t at = (size_t)((offset + (uint64_t)c->port * 101) % PATTERN_BYTES);

	*ret_size = sizeof(pattern) - at;
	return pattern + at;
}

static void
check_pattern(const struct channel *c, const uint8_t *bytes, size_t size)
{
	size_t done = test.unchecked ? size : 0, piece;

	while (done < size) {
		const uint8_t *expected = pattern_at(c, c->received + done, &piece);

		if (piece > size - done)
			piece = size - done;
		if (memcmp(bytes + done, expected, piece) != 0)
			fatal("port %d: wrong bytes after %" PRIu64, c->port, c->received + done);
		done += piece;
	}
}

static uint64_t
get_number(const uint8_t bytes[8])
{
	uint64_t number = 0;

	for (size_t i = 0; i < 8; i++)
		number |= (uint64_t)bytes[i] << (8 * i);
	return number;
}

static void
put_number(uint8_t bytes[8], uint64_t number)
{
	for (size_t i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(number >> (8 * i));
}

/* One write; the count, 0 when there is no room now. */
static size_t
write_some(struct channel *c, const void *bytes, size_t size)
{
	ssize_t count = vchan_stream_write(&c->stream, bytes, size);

	if (count >= 0)
		return (size_t)count;
	if (count != -EAGAIN)
		fatal("port %d: cannot write after %" PRIu64 ": %s", c->port, c->sent,
			strerror((int)-count));
	return 0;
}

static void
close_channel(struct channel *c)
{
	loop_fd_destroy(c->source);
	vchan_stream_finish(&c->stream);
	free(c->block);
	c->block = NULL;
	c->source = NULL;
}

/* Waits for what the channel is to do next; for nothing, where that can be done at once. */
static void
await(struct channel *c, bool reads, bool writes)
{
	short events;

	if (!vchan_stream_sleeps(&c->stream, reads, writes, &events))
		events |= EPOLLOUT;
	loop_fd_set_events(c->source, (uint32_t)events);
}

/* The caller */

static bool
is_done(const struct channel *c)
{
	return c->input_ended && c->output_ended;
}

static void
finish_call(struct channel *c)
{
	uint64_t expected = test.mode == MODE_SINK ? 8 : c->to_receive;

	if (c->received != expected || c->sent != c->to_send)
		fatal("port %d: ended after %" PRIu64 " of %" PRIu64 " bytes", c->port, c->received,
			expected);
	if (test.mode == MODE_SINK && get_number(c->head) != c->to_send)
		fatal("port %d: %" PRIu64 " bytes arrived of %" PRIu64, c->port,
			get_number(c->head), c->to_send);
	test.total += c->sent + c->received;
	close_channel(c);
	if (--test.running == 1 && test.stalled_port != 0) {
		for (size_t i = 0; i < test.channel_count; i++) {
			if (test.channels[i].stalled) {
				test.channels[i].stalled = false;
				await(&test.channels[i], true, !test.channels[i].output_ended);
			}
		}
	}
	if (test.running == 0)
		loop_quit(test.loop, 0);
}

static void
send_call(struct channel *c)
{
	size_t piece;

	if (c->output_ended)
		return;
	if (c->sent < c->to_send) {
		const uint8_t *bytes = pattern_at(c, c->sent, &piece);

		if (test.mode == MODE_SOURCE) {
			bytes = c->head + c->sent;
			piece = 8 - (size_t)c->sent;
		}
		if (piece > c->to_send - c->sent)
			piece = (size_t)(c->to_send - c->sent);
		c->sent += write_some(c, bytes, piece);
	}
	if (c->sent == c->to_send) {
		c->output_ended = true;
		if (test.mode != MODE_SOURCE)
			vchan_stream_shutdown_write(&c->stream);
	}
}

static void
receive_call(struct channel *c)
{
	static uint8_t block[BLOCK_BYTES];
	ssize_t count = vchan_stream_read(&c->stream, block, sizeof(block));

	if (count == -EAGAIN)
		return;
	if (count < 0)
		fatal("port %d: cannot read after %" PRIu64 ": %s", c->port, c->received,
			strerror((int)-count));
	if (count == 0) {
		c->input_ended = true;
		return;
	}
	if (test.mode != MODE_SINK)
		check_pattern(c, block, (size_t)count);
	else if (c->received + (size_t)count <= 8)
		memcpy(c->head + c->received, block, (size_t)count);
	c->received += (size_t)count;
}

static void
handle_call_event(struct loop_fd *source, uint32_t events, void *data)
{
	struct channel *c = data;

	(void)source;
	vchan_stream_hear(&c->stream);
	if ((events & EPOLLOUT) != 0 || vchan_stream_has_rings(&c->stream))
		send_call(c);
	if (!c->stalled && !c->input_ended)
		receive_call(c);
	if (is_done(c))
		finish_call(c);
	else if (c->input_ended)
		fatal("port %d: closed after %" PRIu64 " bytes", c->port, c->received);
	else
		await(c, !c->stalled, !c->output_ended);
}

/* The server */

static void
finish_service(struct channel *c)
{
	close_channel(c);
	if (++test.served == test.rounds) {
		loop_quit(test.loop, 0);
		return;
	}
	serve(c);
}

/* Takes the number of the mode source; then there are bytes to send. */
static void
receive_head(struct channel *c, const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size && c->head_length < 8; i++)
		c->head[c->head_length++] = bytes[i];
	if (c->head_length == 8)
		c->to_send = get_number(c->head);
}

static void
receive_service(struct channel *c)
{
	ssize_t count;

	if (c->input_ended || c->block_end > 0)
		return;
	count = vchan_stream_read(&c->stream, c->block, BLOCK_BYTES);
	if (count == -EAGAIN)
		return;
	if (count <= 0) {
		if (count < 0)
			log_info("port %d: %s", c->port, strerror((int)-count));
		c->input_ended = true;
		if (test.mode == MODE_SINK) {
			put_number(c->head, c->received);
			c->to_send = 8;
		}
		return;
	}
	if (test.mode == MODE_SINK)
		check_pattern(c, c->block, (size_t)count);
	else if (test.mode == MODE_SOURCE)
		receive_head(c, c->block, (size_t)count);
	else
		c->block_end = (size_t)count;
	c->received += (size_t)count;
}

/* One write of what the mode has to send; false when the caller is gone. */
static bool
send_service(struct channel *c)
{
	const uint8_t *bytes = NULL;
	size_t size = 0;
	ssize_t count;

	if (test.mode == MODE_ECHO) {
		bytes = c->block + c->block_start;
		size = c->block_end - c->block_start;
	} else if (c->sent < c->to_send) {
		bytes = test.mode == MODE_SINK ? c->head + c->sent : pattern_at(c, c->sent, &size);
		if (test.mode == MODE_SINK || size > c->to_send - c->sent)
			size = (size_t)(c->to_send - c->sent);
	}
	if (size == 0)
		return true;
	count = vchan_stream_write(&c->stream, bytes, size);
	if (count < 0)
		return count == -EAGAIN;
	c->sent += (size_t)count;
	if (test.mode == MODE_ECHO) {
		c->block_start += (size_t)count;
		if (c->block_start == c->block_end)
			c->block_start = c->block_end = 0;
	}
	return true;
}

static bool
has_to_send(const struct channel *c)
{
	return c->block_end > 0 || (test.mode != MODE_ECHO && c->sent < c->to_send);
}

/* False when the service is over. */
static bool
step_service(struct channel *c)
{
	receive_service(c);
	if (!send_service(c))
		return false;
	if (test.mode == MODE_SOURCE && c->head_length == 8 && !has_to_send(c))
		return false;
	return !c->input_ended || has_to_send(c);
}

static void
handle_service_event(struct loop_fd *source, uint32_t events, void *data)
{
	struct channel *c = data;
	bool sends;

	(void)source;
	(void)events;
	vchan_stream_hear(&c->stream);
	for (int i = 0; i < TURN_STEPS; i++) {
		if (!step_service(c)) {
			finish_service(c);
			return;
		}
		if (!vchan_stream_has_rings(&c->stream))
			break;
	}
	sends = has_to_send(c);
	await(c, !c->input_ended && (!sends || test.mode == MODE_SOURCE), sends);
}

/* Both */

static void
start(struct channel *c)
{
	bool may_ring = vchan_may_ring(c->vchan);

	vchan_stream_init(&c->stream, vchan_detach(c->vchan), may_ring);
	c->vchan = NULL;
	if (test.server) {
		c->block = malloc(BLOCK_BYTES);
		if (c->block == NULL)
			fatal("out of memory");
	}
	c->source = loop_fd_create(test.loop, c->stream.fd,
		(test.server ? 0 : EPOLLOUT) | (c->stalled ? 0 : EPOLLIN),
		test.server ? handle_service_event : handle_call_event, c);
	if (c->source == NULL)
		fatal("port %d: %s", c->port, strerror(errno));
}

static void
handle_set_up(struct loop_fd *source, uint32_t events, void *data)
{
	struct channel *c = data;
	int state = vchan_advance(c->vchan);

	if (state == VCHAN_WAITING)
		return;
	if (state < 0)
		fatal("port %d: %s", c->port, strerror(-state));
	loop_fd_destroy(source);
	start(c);
}

static void
begin(struct channel *c)
{
	struct vchan_config config = VCHAN_CONFIG_INIT;

	config.server = test.server;
	config.domain = test.domain;
	config.port = c->port;
	config.rings = true;
	c->vchan = vchan_create(&config);
	if (c->vchan == NULL)
		fatal("port %d: %s", c->port, strerror(errno));
	c->source = loop_fd_create(
		test.loop, libvchan_fd_for_select(c->vchan), EPOLLIN | EPOLLET, handle_set_up, c);
	if (c->source == NULL)
		fatal("port %d: %s", c->port, strerror(errno));
	if (vchan_advance(c->vchan) == VCHAN_CONNECTED)
		handle_set_up(c->source, 0, c);
}

static void
serve(struct channel *c)
{
	*c = (struct channel){.port = c->port, .stream.fd = -1};
	begin(c);
}

static void
call(struct channel *c)
{
	c->stalled = c->port == test.stalled_port;
	/* Each one of another length, about what was asked for. */
	uint64_t bytes = test.bytes - test.bytes * (uint64_t)(c->port % 7) / 14;

	c->to_send = test.mode == MODE_SOURCE ? 8 : bytes;
	c->to_receive = test.mode == MODE_SINK ? 0 : bytes;
	if (test.mode == MODE_SOURCE)
		put_number(c->head, bytes);
	test.running++;
	begin(c);
}

static void
handle_timeout(struct loop_timer *timer, void *data)
{
	fatal("%zu channels not done in time", test.running);
}

static double
now_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int
run_channels(void)
{
	struct loop_timer *timeout;
	double began = now_seconds();
	int status;

	test.loop = loop_create();
	test.channel_count = (size_t)test.last_port - (size_t)test.first_port + 1;
	test.channels = xcalloc(test.channel_count, sizeof(*test.channels));
	timeout = loop_timer_create(test.loop, handle_timeout, NULL);
	if (test.timeout_s > 0)
		loop_timer_start(timeout, (uint64_t)test.timeout_s * 1000);
	for (size_t i = 0; i < test.channel_count; i++) {
		test.channels[i].port = test.first_port + (int)i;
		test.channels[i].stream.fd = -1;
		if (test.server)
			serve(&test.channels[i]);
		else
			call(&test.channels[i]);
	}
	status = loop_run(test.loop);
	if (!test.server) {
		double seconds = now_seconds() - began;

		printf("%zu channels, %" PRIu64 " bytes, %.3f s, %.1f MB/s\n", test.channel_count,
			test.total, seconds, (double)test.total / seconds / 1e6);
	}
	for (size_t i = 0; i < test.channel_count; i++) {
		if (test.channels[i].vchan != NULL)
			loop_fd_destroy(test.channels[i].source);
		libvchan_close(test.channels[i].vchan);
		if (test.channels[i].stream.fd >= 0)
			close_channel(&test.channels[i]);
	}
	free(test.channels);
	loop_timer_destroy(timeout);
	loop_destroy(test.loop);
	return status;
}

static int
compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int
run_ping(void)
{
	libvchan_t *c = vchan_client_connect(
		test.domain, test.first_port, test.timeout_s > 0 ? test.timeout_s * 1000 : -1);
	AUTO_FREE double *times = xcalloc((size_t)test.count, sizeof(*times));
	size_t count = (size_t)test.count;
	char byte = 'p';

	if (c == NULL)
		fatal("port %d: %s", test.first_port, strerror(errno));
	for (size_t i = 0; i < count; i++) {
		double began = now_seconds();

		if (libvchan_send(c, &byte, 1) != 1 || libvchan_recv(c, &byte, 1) != 1)
			fatal("port %d: lost", test.first_port);
		times[i] = (now_seconds() - began) * 1e6;
	}
	libvchan_close(c);
	qsort(times, count, sizeof(*times), compare_doubles);
	printf("%zu round trips, us: min %.0f median %.0f p99 %.0f max %.0f\n", count, times[0],
		times[count / 2], times[count * 99 / 100], times[count - 1]);
	return 0;
}

static uint64_t
parse_number(const char *text)
{
	uint64_t number;

	if (text_parse_u64(text, UINT64_MAX / 2, &number) < 0)
		fatal("'%s' is not a number", text);
	return number;
}

static void
parse_ports(char *text)
{
	char *dash = strchr(text, '-');

	if (dash != NULL)
		*dash = '\0';
	test.first_port = (int)parse_number(text);
	test.last_port = dash != NULL ? (int)parse_number(dash + 1) : test.first_port;
	if (test.last_port < test.first_port || test.last_port > VCHAN_PORT_MAX)
		fatal("no such ports");
}

static void
parse_options(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "d:p:r:b:s:t:n:x")) != -1) {
		if (option == 'd')
			test.domain = (int)parse_number(optarg);
		else if (option == 'p')
			parse_ports(optarg);
		else if (option == 'r')
			test.rounds = parse_number(optarg);
		else if (option == 'b')
			test.bytes = parse_number(optarg);
		else if (option == 's')
			test.stalled_port = (int)parse_number(optarg);
		else if (option == 't')
			test.timeout_s = (int)parse_number(optarg);
		else if (option == 'n')
			test.count = parse_number(optarg);
		else if (option == 'x')
			test.unchecked = true;
		else
			exit(2);
	}
	if (test.first_port == 0)
		fatal("no ports given");
}

static void
parse_mode(const char *name)
{
	for (size_t i = 0; i < 3; i++) {
		if (name != NULL && text_equal(name, mode_names[i])) {
			test.mode = (enum mode)i;
			return;
		}
	}
	fatal("usage: vchan-test-peer serve|call echo|sink|source OPTION...");
}

int
main(int argc, char **argv)
{
	struct rlimit limit;
	bool ping = argc > 1 && text_equal(argv[1], "ping");

	log_init("vchan-test-peer");
	signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	fill_pattern();
	if (ping) {
		test.count = 1000;
		parse_options(argc - 1, argv + 1);
		return run_ping();
	}
	if (argc < 3 || (!text_equal(argv[1], "serve") && !text_equal(argv[1], "call")))
		parse_mode(NULL);
	test.server = text_equal(argv[1], "serve");
	parse_mode(argv[2]);
	parse_options(argc - 2, argv + 2);
	return run_channels();
}
