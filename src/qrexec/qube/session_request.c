/* Requests to a session; see session_request.h. Written by the agent's handlers, which are root;
 * read by a process of the user. */
#include "qrexec/qube/session_request.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"

#define FLAG_DETACHED 1u
#define FLAG_SHELL 2u
#define FLAG_ARGUMENT 4u
#define FLAGS_ALL 7u

union control {
	struct cmsghdr header; /* for its alignment */
	char bytes[CMSG_SPACE(sizeof(int) * SESSION_REQUEST_FDS)];
};

static int
encode(struct buf *out, const struct session_request *r)
{
	uint32_t flags = (r->detached ? FLAG_DETACHED : 0) | (r->shell ? FLAG_SHELL : 0) |
			 (r->argument != NULL ? FLAG_ARGUMENT : 0);
	int e = buf_put_u32(out, flags);

	if (e == 0)
		e = buf_put_text(out, r->program);
	if (e == 0 && r->argument != NULL)
		e = buf_put_text(out, r->argument);
	for (int i = 0; e == 0 && r->environment[i] != NULL; i++)
		e = buf_put_text(out, r->environment[i]);
	return e;
}

int
session_request_send(int socket_fd, const struct session_request *request)
{
	AUTO_BUF struct buf message;
	union control control = {0};
	struct iovec vector;
	struct msghdr header = {
		.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
	int e;

	buf_init(&message, SESSION_REQUEST_MAX);
	if ((e = encode(&message, request)) < 0)
		return e == -ENOBUFS ? -E2BIG : e;
	vector.iov_base = message.data + message.start;
	vector.iov_len = buf_len(&message);
	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(sizeof(request->fds));
	memcpy(CMSG_DATA(rights), request->fds, sizeof(request->fds));
	return sendmsg(socket_fd, &header, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int
decode(struct buf *in, struct session_request *r)
{
	uint32_t flags = 0;

	if (buf_get_u32(in, &flags) < 0 || (flags & ~FLAGS_ALL) != 0 ||
		buf_get_text(in, SESSION_REQUEST_MAX, &r->program) < 0)
		return -EBADMSG;
	r->detached = (flags & FLAG_DETACHED) != 0;
	r->shell = (flags & FLAG_SHELL) != 0;
	if ((flags & FLAG_ARGUMENT) != 0 && buf_get_text(in, SESSION_REQUEST_MAX, &r->argument) < 0)
		return -EBADMSG;
	for (int i = 0; buf_len(in) > 0; i++)
		if (i == SESSION_VARIABLES_MAX ||
			buf_get_text(in, SESSION_REQUEST_MAX, &r->environment[i]) < 0)
			return -EBADMSG;
	return 0;
}

/* Takes the descriptors of a message; unless there are exactly four, closes them all. */
static int
take_fds(struct msghdr *header, int fds[SESSION_REQUEST_FDS])
{
	struct cmsghdr *rights = CMSG_FIRSTHDR(header);
	size_t count = 0;

	if (rights != NULL && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS) {
		count = (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		if (count > SESSION_REQUEST_FDS)
			count = SESSION_REQUEST_FDS;
		memcpy(fds, CMSG_DATA(rights), count * sizeof(int));
	}
	if (count == SESSION_REQUEST_FDS && (header->msg_flags & (MSG_CTRUNC | MSG_TRUNC)) == 0)
		return 0;
	while (count > 0)
		close(fds[--count]);
	return -EBADMSG;
}

int
session_request_receive(int socket_fd, struct buf *message, struct session_request *ret_request)
{
	struct session_request request = {0};
	union control control = {0};
	struct iovec vector = {.iov_len = SESSION_REQUEST_MAX};
	struct msghdr header = {
		.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	ssize_t n;
	int e;

	buf_clear(message);
	vector.iov_base = buf_reserve(message, SESSION_REQUEST_MAX);
	if (vector.iov_base == NULL)
		return -ENOMEM;
	n = recvmsg(socket_fd, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (n <= 0)
		return n == 0 ? 0 : errno == EWOULDBLOCK ? -EAGAIN : -errno;
	buf_trim(message, SESSION_REQUEST_MAX - (size_t)n);
	if ((e = take_fds(&header, request.fds)) < 0)
		return e;
	if ((e = decode(message, &request)) < 0) {
		for (int i = 0; i < SESSION_REQUEST_FDS; i++)
			close(request.fds[i]);
		return e;
	}
	*ret_request = request;
	return 1;
}
