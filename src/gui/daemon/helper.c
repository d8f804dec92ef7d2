/* The daemon's end of its helper; see helper.h. */
#include "gui/daemon/helper.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/child.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/socket.h"
#include "base/stream.h"
#include "gui/daemon/helper_protocol.h"

#define QUEUE_MAX_BYTES (4U << 20)

struct helper {
	pid_t pid;
	int fd, descriptor_fd;
	struct stream *stream;
	const struct helper_handler *handler;
	void *data;
};

static void
run_helper(const struct gui_config *config, int socket_fd, int descriptor_fd)
{
	/* A helper without its daemon has nothing to do. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	_exit(helper_serve(config, socket_fd, descriptor_fd));
}

struct helper *
helper_start(const struct gui_config *config, struct err *err)
{
	struct helper *h = calloc(1, sizeof(*h));
	int sockets[2] = {-1, -1}, descriptors[2] = {-1, -1};

	if (h == NULL || socket_pair(sockets) < 0 || socket_pair(descriptors) < 0) {
		err_set(err, ENOMEM, "helper: no sockets");
		free(h);
		return NULL;
	}
	h->fd = sockets[0];
	h->descriptor_fd = descriptors[0];
	h->pid = fork();
	if (h->pid == 0) {
		close(sockets[0]);
		close(descriptors[0]);
		run_helper(config, sockets[1], descriptors[1]);
	}
	close(sockets[1]);
	close(descriptors[1]);
	if (h->pid < 0) {
		err_set_errno(err, errno, "helper: cannot fork");
		helper_stop(h);
		return NULL;
	}
	return h;
}

static int
take_descriptor(struct helper *h)
{
	char byte;
	int fd = -1;

	socket_receive_fd(h->descriptor_fd, &byte, 1, &fd);
	return fd;
}

static void
handle_record(struct helper *h, const struct helper_head *head, struct buf *in)
{
	int stream_fd, pool_fd = -1;

	switch (head->type) {
	case HELPER_CONNECTED:
		stream_fd = take_descriptor(h);
		if (head->a > 1)
			pool_fd = take_descriptor(h);
		h->handler->handle_connected(h->data, stream_fd, pool_fd);
		break;
	case HELPER_REFUSED:
		h->handler->handle_refused(h->data);
		break;
	case HELPER_PASTED:
		h->handler->handle_paste(h->data, head->b, buf_data(in), head->size);
		break;
	}
}

static void
handle_data(struct stream *s, struct buf *in, void *data)
{
	struct helper *h = data;
	struct helper_head head;

	(void)s;
	while (buf_len(in) >= sizeof(head)) {
		memcpy(&head, buf_data(in), sizeof(head));
		if (buf_len(in) < sizeof(head) + head.size)
			return;
		buf_consume(in, sizeof(head));
		handle_record(h, &head, in);
		buf_consume(in, head.size);
	}
}

static void
handle_end(struct stream *s, int error, void *data)
{
	struct helper *h = data;

	(void)s;
	(void)error;
	h->handler->handle_lost(h->data);
}

static const struct stream_handler stream_handler = {
	.handle_data = handle_data,
	.handle_end = handle_end,
};

int
helper_watch(struct helper *h, struct loop *loop, const struct helper_handler *handler, void *data,
	struct err *err)
{
	h->handler = handler;
	h->data = data;
	h->stream = stream_create(loop, h->fd, HELPER_DATA_MAX + sizeof(struct helper_head),
		QUEUE_MAX_BYTES, &stream_handler, h);
	if (h->stream == NULL)
		return err_set_errno(err, errno, "helper: cannot watch it");
	h->fd = -1;
	return 0;
}

void
helper_stop(struct helper *h)
{
	if (h == NULL)
		return;
	stream_destroy(h->stream);
	if (h->fd >= 0)
		close(h->fd);
	close(h->descriptor_fd);
	if (h->pid > 0) {
		kill(h->pid, SIGTERM);
		child_reap(h->pid);
	}
	free(h);
}

/* A helper that is behind by megabytes is stuck: what is asked now is dropped, and said so. */
static void
send_record(struct helper *h, struct helper_head head, const void *bytes)
{
	if (stream_send_room(h->stream) < sizeof(head) + head.size) {
		log_warning("helper does not keep up, a request is dropped");
		return;
	}
	stream_send(h->stream, &head, sizeof(head));
	if (head.size > 0)
		stream_send(h->stream, bytes, head.size);
}

void
helper_connect(struct helper *h)
{
	send_record(h, (struct helper_head){.type = HELPER_CONNECT}, NULL);
}

void
helper_copy(struct helper *h, enum core_copy_result result, const void *bytes, size_t size,
	uint32_t time, uint32_t agent_version)
{
	struct helper_head head = {.type = HELPER_COPY, .a = time, .b = agent_version};

	if (result == CORE_COPY_OVERSIZE) {
		head.type = HELPER_REFUSE;
		head.c = (uint32_t)size;
	} else {
		head.size = (uint32_t)size;
	}
	send_record(h, head, bytes);
}

void
helper_paste(struct helper *h, uint32_t window, uint32_t time)
{
	send_record(h, (struct helper_head){.type = HELPER_PASTE, .a = time, .b = window}, NULL);
}

void
helper_notify(struct helper *h, const char *text)
{
	send_record(h, (struct helper_head){.type = HELPER_NOTIFY, .size = (uint32_t)strlen(text)},
		text);
}

void
helper_ask(struct helper *h, const char *text)
{
	send_record(
		h, (struct helper_head){.type = HELPER_ASK, .size = (uint32_t)strlen(text)}, text);
}
