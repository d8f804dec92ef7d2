/* Requests to the fork server, in pieces: a command with one NUL at its end, or an error. */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "qrexec/qube/fork_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t piece = size > 0 ? data[0] + 1u : 1;
	uint32_t type, domain, port;
	char *command = NULL;
	struct buf in, out;
	int e = -EAGAIN;

	buf_init(&in, FORK_HEADER_BYTES + FORK_COMMAND_MAX);
	buf_init(&out, FORK_HEADER_BYTES + FORK_COMMAND_MAX);
	for (size_t at = 1; at < size && e == -EAGAIN; at += piece) {
		if (buf_put(&in, data + at, size - at < piece ? size - at : piece) < 0)
			break;
		e = fork_request_get(&in, &type, &domain, &port, &command);
	}
	if (e == 0) {
		assert(fork_request_put(&out, type, domain, port, command) == 0);
		assert(memcmp(buf_data(&out), data + 1, buf_len(&out)) == 0);
		free(command);
	}
	buf_finish(&in);
	buf_finish(&out);
	return 0;
}
