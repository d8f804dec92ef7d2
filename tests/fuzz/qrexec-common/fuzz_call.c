/*
 * A whole call over a socket, with a peer that says anything and then goes: the call must end,
 * with a code or without, in either role.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "qrexec/common/data_internal.h"

#define INPUT_MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct data_channel *
join(int fd, unsigned int version)
{
	struct data_channel *channel = calloc(1, sizeof(*channel));

	vchan_stream_init(&channel->stream, fd, false);
	channel->splice_fds[0] = channel->splice_fds[1] = -1;
	channel->version = version;
	buf_init(&channel->in, DATA_BUFFER_BYTES);
	buf_init(&channel->out, DATA_BUFFER_BYTES);
	return channel;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct data_channel_io io = DATA_CHANNEL_IO_INIT;
	struct data_channel *channel;
	int pair[2], local[2];
	int code, status;

	log_set_level(LOG_LEVEL_ERROR);
	if (size < 1 || size > INPUT_MAX)
		return 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) < 0 ||
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, local) < 0)
		abort();
	channel = join(pair[0], (data[0] & 2) != 0 ? 2 : 4);
	io.role = (data[0] & 1) != 0 ? DATA_ROLE_SERVICE : DATA_ROLE_CALLER;
	io.owned = true;
	io.source_fd = io.sink_fd = local[0];
	io.error_fd = io.role == DATA_ROLE_CALLER ? open("/dev/null", O_WRONLY) : -1;
	io.socket_service = io.role == DATA_ROLE_SERVICE;
	io.exit_on_client_eof = (data[0] & 4) != 0;
	io.exit_on_service_eof = (data[0] & 8) != 0;
	io.filter_output = (data[0] & 16) != 0;
	io.filter_errors = true;
	if (write(pair[1], data + 1, size - 1) < 0 && size > 1)
		abort();
	if ((data[0] & 32) != 0)
		close(local[1]);
	shutdown(pair[1], SHUT_WR);

	status = data_channel_run(channel, &io, &code, NULL);
	assert(status <= 0);
	data_channel_close(channel);
	if (io.error_fd >= 0)
		close(io.error_fd);
	if ((data[0] & 32) == 0)
		close(local[1]);
	close(pair[1]);
	return 0;
}
