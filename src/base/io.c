/* Blocking input and output, and randomness; see io.h. */
#include "base/io.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"

/* A non-blocking descriptor is waited for, so that callers need not care which kind they hold. */
static int
wait_for(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};

	if (poll(&p, 1, -1) < 0 && errno != EINTR)
		return -errno;
	return 0;
}

static ssize_t
write_without_signal(int fd, const void *data, size_t size)
{
	ssize_t count = send(fd, data, size, MSG_NOSIGNAL);

	if (count < 0 && errno == ENOTSOCK)
		count = write(fd, data, size);
	return count;
}

int
write_all(int fd, const void *data, size_t size)
{
	const uint8_t *bytes = data;

	while (size > 0) {
		ssize_t count = write_without_signal(fd, bytes, size);

		if (count >= 0) {
			bytes += count;
			size -= (size_t)count;
		} else if (errno == EAGAIN) {
			int result = wait_for(fd, POLLOUT);

			if (result < 0)
				return result;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

int
read_exactly(int fd, void *data, size_t size)
{
	uint8_t *bytes = data;

	while (size > 0) {
		ssize_t count = read(fd, bytes, size);

		if (count > 0) {
			bytes += count;
			size -= (size_t)count;
		} else if (count == 0) {
			return -ENODATA;
		} else if (errno == EAGAIN) {
			int result = wait_for(fd, POLLIN);

			if (result < 0)
				return result;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

void
random_bytes(void *data, size_t size)
{
	uint8_t *bytes = data;

	while (size > 0) {
		ssize_t count = getrandom(bytes, size, 0);

		if (count < 0 && errno != EINTR)
			fatal("random bytes: the kernel gives none");
		if (count > 0) {
			bytes += count;
			size -= (size_t)count;
		}
	}
}
