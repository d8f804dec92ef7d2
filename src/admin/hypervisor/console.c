/* The console log; see console.h. Runs in bulkheadd on bytes that a qube writes. */
#include "admin/hypervisor/console.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/stream.h"
#include "base/text.h"

/* What is taken at a time, and how long it is rested then: a qube can fill 320 KiB/s. */
#define CONSOLE_PIECE_BYTES 16384
#define CONSOLE_REST_MS 50

struct console {
	struct stream *stream;
	struct loop_timer *rest;
	char *path;
	int fd; /* -1 after a failure to write, which is logged once */
	size_t written_bytes;
};

int
console_escape(struct buf *out, const uint8_t *untrusted_bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		uint8_t byte = untrusted_bytes[i];
		int result;

		if (byte == '\r')
			continue;
		if ((byte >= 0x20 && byte < 0x7f) || byte == '\n' || byte == '\t')
			result = buf_put_u8(out, byte);
		else
			result = buf_printf(out, "\\x%02x", byte);
		if (result < 0)
			return result;
	}
	return 0;
}

static int
open_log(struct console *c)
{
	struct stat st;
	int fd = open(
		c->path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0640);

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return -EINVAL;
	}
	c->fd = fd;
	c->written_bytes = (size_t)st.st_size;
	return 0;
}

static int
rotate(struct console *c)
{
	AUTO_FREE char *old = text_format("%s.old", c->path);

	close(steal_fd(&c->fd));
	if (rename(c->path, old) < 0)
		return -errno;
	return open_log(c);
}

static void
append(struct console *c, const uint8_t *untrusted_bytes, size_t size)
{
	AUTO_BUF struct buf text;
	int result;

	buf_init(&text, (size_t)CONSOLE_PIECE_BYTES * 4);
	if (c->fd < 0 || console_escape(&text, untrusted_bytes, size) < 0)
		return;
	result = write_all(c->fd, buf_data(&text), buf_len(&text));
	c->written_bytes += buf_len(&text);
	if (result == 0 && c->written_bytes >= CONSOLE_LOG_MAX_BYTES / 2)
		result = rotate(c);
	if (result < 0) {
		log_warning("console log '%s': %s; it ends here", c->path, strerror(-result));
		if (c->fd >= 0)
			close(steal_fd(&c->fd));
	}
}

static void
take_piece(struct console *c, struct buf *in)
{
	size_t size = buf_len(in) < CONSOLE_PIECE_BYTES ? buf_len(in) : CONSOLE_PIECE_BYTES;

	append(c, buf_data(in), size);
	buf_consume(in, size);
}

static void
handle_data(struct stream *s, struct buf *in, void *data)
{
	struct console *c = data;

	take_piece(c, in);
	if (buf_len(in) == 0)
		return;
	stream_pause(s);
	loop_timer_start(c->rest, CONSOLE_REST_MS);
}

static void
handle_rested(struct loop_timer *timer, void *data)
{
	struct console *c = data;

	if (c->stream == NULL)
		return;
	take_piece(c, stream_in(c->stream));
	if (buf_len(stream_in(c->stream)) > 0)
		loop_timer_start(c->rest, CONSOLE_REST_MS);
	else
		stream_resume(c->stream);
}

static void
drain(struct console *c)
{
	struct buf *in = stream_in(c->stream);

	while (buf_len(in) > 0)
		take_piece(c, in);
	stream_destroy(c->stream);
	c->stream = NULL;
}

static void
handle_end(struct stream *s, int error, void *data)
{
	drain(data);
}

static const struct stream_handler stream_handler = {
	.handle_data = handle_data,
	.handle_end = handle_end,
};

struct console *
console_create(struct loop *loop, int fd, const char *log_path, struct err *err)
{
	struct console *c = xcalloc(1, sizeof(*c));
	int result;

	c->path = text_copy(log_path);
	c->fd = -1;
	result = open_log(c);
	c->rest = loop_timer_create(loop, handle_rested, c);
	if (result == 0 && c->rest != NULL)
		c->stream = stream_create(
			loop, fd, (size_t)4 * CONSOLE_PIECE_BYTES, 4096, &stream_handler, c);
	if (c->stream == NULL) {
		close(fd);
		console_destroy(c);
		err_set_errno(err, result < 0 ? -result : ENOMEM, "console log '%s'", log_path);
		return NULL;
	}
	return c;
}

void
console_destroy(struct console *c)
{
	if (c == NULL)
		return;
	if (c->stream != NULL)
		drain(c);
	if (c->fd >= 0)
		close(c->fd);
	loop_timer_destroy(c->rest);
	free(c->path);
	free(c);
}
