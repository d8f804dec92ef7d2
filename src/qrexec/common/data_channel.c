/*
 * A data channel's beginning and end: joining, HELLO, the last flush. Runs in clients and in
 * handlers of agents, one call a process. The peer is another qube: hostile.
 */
#include "qrexec/common/data_channel.h"

#include <errno.h>
#include <fcntl.h>
#include <libvchan.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "qrexec/common/data_internal.h"
#include "vchan/vchan_extra.h"

#define HELLO_READ_BYTES 4096
#define DRAIN_ROUNDS_MAX 256
#define DRAIN_BYTES 8192

static int signal_fd = -1;

struct data_channel *
data_channel_create(struct libvchan *vchan)
{
	struct data_channel *channel;

	if (vchan == NULL)
		return NULL;
	channel = calloc(1, sizeof(*channel));
	if (channel == NULL) {
		libvchan_close(vchan);
		errno = ENOMEM;
		return NULL;
	}
	channel->vchan = vchan;
	channel->stream.fd = channel->splice_fds[0] = channel->splice_fds[1] = -1;
	buf_init(&channel->in, DATA_BUFFER_BYTES);
	buf_init(&channel->out, DATA_BUFFER_BYTES);
	return channel;
}

struct data_channel *
data_channel_listen(int domain, int port, size_t ring_bytes)
{
	struct vchan_config config = VCHAN_CONFIG_INIT;

	config.server = true;
	config.domain = domain;
	config.port = port;
	config.read_min = config.write_min = ring_bytes > 0 ? ring_bytes : QREXEC_DATA_RING_BYTES;
	config.rings = true;
	return data_channel_create(vchan_create(&config));
}

struct data_channel *
data_channel_connect(int domain, int port, int timeout_ms)
{
	struct vchan_config config = VCHAN_CONFIG_INIT;
	struct libvchan *vchan;
	int e;

	config.domain = domain;
	config.port = port;
	config.rings = true;
	vchan = vchan_create(&config);
	if (vchan == NULL)
		return NULL;
	e = vchan_wait_connected(vchan, timeout_ms > 0 ? timeout_ms : -1);
	if (e == 0)
		return data_channel_create(vchan);
	libvchan_close(vchan);
	errno = -e;
	return NULL;
}

unsigned int
data_channel_version(const struct data_channel *channel)
{
	return channel->version;
}

int
data_channel_signal_fd(void)
{
	return signal_fd;
}

/* From here on SIGUSR1 waits to be read and writing to a closed pipe is an error like others. */
static int
catch_signals(void)
{
	struct signalfd_siginfo late;
	sigset_t set;

	if (signal_fd >= 0)
		return 0;
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signal_fd < 0)
		return -errno;
	/* One that came between two calls was meant for the one that is over. */
	while (read(signal_fd, &late, sizeof(late)) > 0)
		;
	return 0;
}

int
data_channel_receive(struct data_channel *channel, size_t max_bytes)
{
	size_t room = buf_room(&channel->in), size = room < max_bytes ? room : max_bytes;
	uint8_t *place;
	ssize_t n;

	if (size == 0)
		return -ENOBUFS;
	place = buf_reserve(&channel->in, size);
	if (place == NULL)
		return -ENOMEM;
	n = vchan_stream_read(&channel->stream, place, size);
	buf_trim(&channel->in, size - (n > 0 ? (size_t)n : 0));
	if (n == 0 || n == -ECONNRESET || n == -EPIPE)
		channel->in_ended = true;
	else if (n < 0)
		return (int)n;
	return 0;
}

void
data_channel_give_up(struct data_channel *channel)
{
	channel->out_dead = true;
	channel->splice_left = 0;
	buf_clear(&channel->out);
}

static int
note_send_error(struct data_channel *channel, int error)
{
	if (error == EPIPE || error == ECONNRESET || error == ENOTCONN) {
		data_channel_give_up(channel);
		return 0;
	}
	if (error == EINTR)
		return 0;
	return error == EWOULDBLOCK ? -EAGAIN : -error;
}

int
data_channel_flush(struct data_channel *channel)
{
	int e = 0;
	ssize_t n;

	while (e == 0 && buf_len(&channel->out) > 0) {
		n = vchan_stream_write(
			&channel->stream, buf_data(&channel->out), buf_len(&channel->out));
		if (n >= 0)
			buf_consume(&channel->out, (size_t)n);
		else
			e = note_send_error(channel, (int)-n);
	}
	while (e == 0 && channel->splice_left > 0) {
		n = splice(channel->splice_fds[0], NULL, channel->stream.fd, NULL,
			channel->splice_left, SPLICE_F_NONBLOCK);
		if (n >= 0)
			channel->splice_left -= (size_t)n;
		else
			e = note_send_error(channel, errno);
	}
	return e;
}

int
data_channel_flush_all(struct data_channel *channel)
{
	int e;

	while ((e = data_channel_flush(channel)) == -EAGAIN) {
		struct pollfd wait = {.fd = channel->stream.fd};

		if (!vchan_stream_sleeps(&channel->stream, false, true, &wait.events))
			continue;
		if (poll(&wait, 1, -1) < 0 && errno != EINTR)
			return -errno;
		vchan_stream_hear(&channel->stream);
	}
	return e;
}

/* What is left of a time limit, for poll(); -1 without one. */
static int
time_left(uint64_t deadline)
{
	uint64_t now;

	if (deadline == 0)
		return -1;
	now = loop_now_ms();
	return now < deadline ? (int)(deadline - now) : 0;
}

static int
join(struct data_channel *channel, uint64_t deadline)
{
	bool may_ring;
	int e, fd;

	if (channel->vchan == NULL)
		return 0;
	e = vchan_wait_connected(channel->vchan, time_left(deadline));
	if (e < 0)
		return e;
	may_ring = vchan_may_ring(channel->vchan);
	fd = vchan_detach(channel->vchan);
	if (fd < 0)
		return -ECONNRESET;
	vchan_stream_init(&channel->stream, fd, may_ring);
	channel->vchan = NULL;
	return 0;
}

static int
read_hello(struct data_channel *channel, uint64_t deadline)
{
	uint32_t version = 0;
	int e;

	while ((e = qrexec_get_hello(&channel->in, &version)) == -EAGAIN) {
		struct pollfd wait = {.fd = channel->stream.fd, .events = POLLIN};
		int n;

		if (channel->in_ended)
			return -ECONNRESET;
		e = data_channel_receive(channel, HELLO_READ_BYTES);
		if (e == 0)
			continue;
		if (e != -EAGAIN && e != -EINTR)
			return e;
		n = poll(&wait, 1, time_left(deadline));
		if (n == 0)
			return -ETIMEDOUT;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
	if (e < 0) {
		log_error("data channel: the peer did not begin with a HELLO");
		return -EPROTO;
	}
	e = qrexec_negotiate(QREXEC_VERSION, version, QREXEC_VERSION_MIN);
	if (e < 0)
		log_error("data channel: version %u of the peer is too old", version);
	else
		channel->version = (unsigned int)e;
	return e < 0 ? e : 0;
}

static int
send_hello(struct data_channel *channel)
{
	int e = qrexec_put_hello(&channel->out, QREXEC_VERSION);

	/* Twelve bytes fit into a fresh stream; if not, they wait in `out`. */
	if (e == 0 && (e = data_channel_flush(channel)) == -EAGAIN)
		e = 0;
	return e;
}

int
data_channel_open(struct data_channel *channel, bool peer_first, int timeout_ms)
{
	uint64_t deadline = timeout_ms > 0 ? loop_now_ms() + (uint64_t)timeout_ms : 0;
	int e;

	if ((e = catch_signals()) < 0 || (e = join(channel, deadline)) < 0)
		return e;
	if (!peer_first && (e = send_hello(channel)) < 0)
		return e;
	if ((e = read_hello(channel, deadline)) < 0)
		return e;
	return peer_first ? send_hello(channel) : 0;
}

int
data_channel_put_exit(struct data_channel *channel, int code)
{
	int e = qrexec_put_header(&channel->out, QREXEC_DATA_EXIT_CODE, 4);

	return e < 0 ? e : buf_put_u32(&channel->out, (uint32_t)code);
}

int
data_channel_send_exit(struct data_channel *channel, bool streams, int code)
{
	int e = 0;

	if (streams) {
		e = qrexec_put_header(&channel->out, QREXEC_DATA_STDOUT, 0);
		if (e == 0)
			e = qrexec_put_header(&channel->out, QREXEC_DATA_STDERR, 0);
	}
	if (e == 0)
		e = data_channel_put_exit(channel, code);
	if (e == 0)
		e = data_channel_flush_all(channel);
	return e == 0 && channel->out_dead ? -ECONNRESET : e;
}

/*
 * A socket closed with unread bytes in it makes the peer's kernel report a reset, and a peer that
 * takes this for an error could miss our last frames. So what came too late is read first.
 */
static void
drain(struct data_channel *channel)
{
	char late[DRAIN_BYTES];

	for (int i = 0; i < DRAIN_ROUNDS_MAX && !channel->in_ended; i++)
		if (recv(channel->stream.fd, late, sizeof(late), MSG_DONTWAIT) <= 0)
			break;
}

void
data_channel_close(struct data_channel *channel)
{
	if (channel == NULL)
		return;
	if (channel->vchan != NULL)
		libvchan_close(channel->vchan);
	if (channel->stream.fd >= 0) {
		data_channel_flush(channel);
		drain(channel);
		vchan_stream_finish(&channel->stream);
	}
	if (signal_fd >= 0) {
		close(signal_fd);
		signal_fd = -1;
	}
	for (int i = 0; i < 2; i++)
		if (channel->splice_fds[i] >= 0)
			close(channel->splice_fds[i]);
	buf_finish(&channel->in);
	buf_finish(&channel->out);
	free(channel);
}

int
data_channel_exit_code(int wait_status)
{
	if (WIFSIGNALED(wait_status))
		return 128 + WTERMSIG(wait_status);
	return WEXITSTATUS(wait_status);
}
