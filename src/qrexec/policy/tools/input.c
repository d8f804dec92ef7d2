/* See input.h. */
#include "qrexec/policy/tools/input.h"

#include <errno.h>

#define CHUNK_BYTES 65536

int
input_read_all(int fd, struct buf *ret, struct err *err)
{
	ssize_t count;

	while ((count = buf_read_fd(ret, fd, CHUNK_BYTES)) > 0 || count == -EINTR)
		;
	if (count == -ENOBUFS)
		return err_set(err, EMSGSIZE, "input is too large");
	return count < 0 ? err_set_errno(err, (int)-count, "input: cannot read") : 0;
}
