/* Calling the administration daemon; see qubesd_call.h. */
#include "qrexec/policy/qubesd_call.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/local_connect.h"
#include "base/text.h"

#define REQUEST_MAX 256

struct stream *
qubesd_call(struct loop *loop, const char *socket_path, const char *method, size_t in_max,
	const struct stream_handler *handler, void *data)
{
	AUTO_FREE char *request = text_format("%s dom0 name dom0", method);
	int fd = local_connect_now(socket_path);
	struct stream *s;

	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	s = stream_create(loop, fd, in_max, REQUEST_MAX, handler, data);
	if (s == NULL)
		return NULL;
	/* With the closing NUL, which ends the header; the payload is empty. */
	if (stream_send(s, request, strlen(request) + 1) < 0) {
		stream_destroy(s);
		errno = EPIPE;
		return NULL;
	}
	stream_shutdown_write(s);
	return s;
}
