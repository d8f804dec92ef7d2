/* Reading the sender's stream (input.h), in the confined receiver. */
#include "filecopy/input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "filecopy/wire.h"

int
filecopy_input_init(struct filecopy_input *in, int fd, int patience_ms)
{
	*in = (struct filecopy_input){.fd = fd,
		.patience_ms = patience_ms,
		.waiting_max_ns = (uint64_t)patience_ms * FILECOPY_WAITING_PATIENCES * 1000000};
	in->bytes = malloc(FILECOPY_INPUT_BYTES);
	/* A pipe that holds more makes both ends take turns less often; others stay as they are. */
	fcntl(fd, F_SETPIPE_SZ, (int)(2 * FILECOPY_INPUT_BYTES));
	return in->bytes != NULL ? 0 : -ENOMEM;
}

void
filecopy_input_finish(struct filecopy_input *in)
{
	free(in->bytes);
	*in = (struct filecopy_input){.fd = -1};
}

/* It stands still while the machine sleeps. */
static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* What came was worth the waiting, so far. 0 or -ETIMEDOUT. */
static int
weigh_waiting(struct filecopy_input *in, uint64_t ns)
{
	in->waited_ns += ns;
	if (in->waited_ns < in->waiting_max_ns)
		return 0;
	if (in->waited_bytes < FILECOPY_WAITING_BYTES)
		return -ETIMEDOUT;
	in->waited_ns = in->waited_bytes = 0;
	return 0;
}

/* A file, as tests have it, is always readable. 0 or a negative errno. */
static int
wait_for_sender(struct filecopy_input *in)
{
	struct pollfd stream = {.fd = in->fd, .events = POLLIN};
	uint64_t begun_ns;
	int count;

	if (in->patience_ms < 0)
		return 0;
	begun_ns = now_ns();
	do
		count = poll(&stream, 1, in->patience_ms);
	while (count < 0 && errno == EINTR);
	if (count < 0)
		return -errno;
	return count > 0 ? weigh_waiting(in, now_ns() - begun_ns) : -ETIMEDOUT;
}

static int
fill(struct filecopy_input *in)
{
	ssize_t count = wait_for_sender(in);

	if (count < 0)
		return (int)count;
	do
		count = read(in->fd, in->bytes, FILECOPY_INPUT_BYTES);
	while (count < 0 && errno == EINTR);
	if (count < 0)
		return -errno;
	if (count == 0)
		return -ENODATA;
	in->start = 0;
	in->end = (size_t)count;
	in->waited_bytes += (uint64_t)count;
	return 0;
}

ssize_t
filecopy_input_take(struct filecopy_input *in, size_t max, const uint8_t **ret_data)
{
	size_t size;
	int e;

	if (in->start == in->end && (e = fill(in)) < 0)
		return e;
	size = in->end - in->start;
	if (size > max)
		size = max;
	*ret_data = in->bytes + in->start;
	in->checksum = filecopy_checksum(in->checksum, *ret_data, size);
	in->start += size;
	return (ssize_t)size;
}

int
filecopy_input_read(struct filecopy_input *in, void *data, size_t size)
{
	uint8_t *to = data;

	while (size > 0) {
		const uint8_t *bytes;
		ssize_t count = filecopy_input_take(in, size, &bytes);

		if (count < 0)
			return (int)count;
		memcpy(to, bytes, (size_t)count);
		to += count;
		size -= (size_t)count;
	}
	return 0;
}
