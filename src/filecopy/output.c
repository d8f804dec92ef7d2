/* Writing the sender's stream (output.h). */
#include "filecopy/output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "filecopy/wire.h"

int
filecopy_output_init(struct filecopy_output *out, int fd, int answer_fd)
{
	*out = (struct filecopy_output){.fd = fd, .answer_fd = answer_fd};
	out->bytes = malloc(FILECOPY_OUTPUT_BYTES);
	/* A pipe that holds more makes both ends take turns less often; others stay as they are. */
	fcntl(fd, F_SETPIPE_SZ, (int)(2 * FILECOPY_OUTPUT_BYTES));
	return out->bytes != NULL ? 0 : -ENOMEM;
}

void
filecopy_output_finish(struct filecopy_output *out)
{
	free(out->bytes);
	*out = (struct filecopy_output){.fd = -1, .answer_fd = -1};
}

int
filecopy_output_flush(struct filecopy_output *out)
{
	struct pollfd answer = {.fd = out->answer_fd, .events = POLLIN};
	int e;

	if (out->length == 0)
		return 0;
	if (poll(&answer, 1, 0) > 0)
		return -ECANCELED;
	if ((e = write_all(out->fd, out->bytes, out->length)) < 0)
		return e == -ECONNRESET ? -EPIPE : e;
	out->written += out->length;
	out->length = 0;
	return 0;
}

int
filecopy_output_reserve(
	struct filecopy_output *out, size_t max, uint8_t **ret_bytes, size_t *ret_size)
{
	size_t room;
	int e;

	if (out->length == FILECOPY_OUTPUT_BYTES && (e = filecopy_output_flush(out)) < 0)
		return e;
	room = FILECOPY_OUTPUT_BYTES - out->length;
	*ret_bytes = out->bytes + out->length;
	*ret_size = room < max ? room : max;
	return 0;
}

void
filecopy_output_commit(struct filecopy_output *out, size_t size)
{
	out->checksum = filecopy_checksum(out->checksum, out->bytes + out->length, size);
	out->length += size;
}

int
filecopy_output_put(struct filecopy_output *out, const void *data, size_t size)
{
	const uint8_t *from = data;

	while (size > 0) {
		uint8_t *to;
		size_t room;
		int e = filecopy_output_reserve(out, size, &to, &room);

		if (e < 0)
			return e;
		memcpy(to, from, room);
		filecopy_output_commit(out, room);
		from += room;
		size -= room;
	}
	return 0;
}
