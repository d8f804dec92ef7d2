/* Calling the administration daemon; see qubesd_call.h. */
#include "qrexec/policy/qubesd_call.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/socket_address.h"
#include "base/text.h"

#define REQUEST_MAX 256

/* On a unix socket a connection is there at once or not at all. The descriptor, or -1. */
static int
connect_now(const char *path)
{
	AUTO_FD int directory = -1;
	AUTO_FD int fd = -1;
	struct sockaddr_un address;
	int result = socket_address_init(&address, path, &directory);

	if (result < 0) {
		errno = -result;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -1;
	return steal_fd(&fd);
}

struct stream *
qubesd_call(struct loop *loop, const char *socket_path, const char *method, size_t in_max,
	const struct stream_handler *handler, void *data)
{
	AUTO_FREE char *request = text_format("%s dom0 name dom0", method);
	int fd = connect_now(socket_path);
	struct stream *s;

	if (fd < 0)
		return NULL;
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
