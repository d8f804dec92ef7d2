/*
 * Datagrams to /dev/log in the form of syslog(3), without its blocking and its global state; see
 * system_log.h. The bytes are those of a program of this qube.
 */
#include "qrexec/qube/system_log.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/text.h"

#define LINE_MAX_BYTES 1024
#define LOG_SOCKET "/dev/log"

struct system_log {
	int fd;
	char *prefix; /* "<priority>TAG: " */
	struct buf line;
};

struct system_log *
system_log_open(const char *descriptor, const char *source)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = LOG_SOCKET};
	struct system_log *log;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return NULL;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		return NULL;
	}
	log = xcalloc(1, sizeof(*log));
	log->fd = fd;
	log->prefix = text_format("<%d>%.200s-%.64s: ", LOG_USER | LOG_NOTICE, descriptor, source);
	buf_init(&log->line, LINE_MAX_BYTES);
	return log;
}

static void
send_line(struct system_log *log)
{
	char *text;

	if (buf_len(&log->line) == 0)
		return;
	text = text_format("%s%.*s", log->prefix, (int)buf_len(&log->line),
		(const char *)buf_data(&log->line));
	/* A log that is full or gone costs the line. */
	if (send(log->fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		buf_clear(&log->line);
	free(text);
	buf_clear(&log->line);
}

void
system_log_add(const void *bytes, size_t size, void *data)
{
	struct system_log *log = data;
	const char *at = bytes;

	if (log == NULL)
		return;
	while (size > 0) {
		const char *end = memchr(at, '\n', size);
		size_t length = end != NULL ? (size_t)(end - at) : size;
		size_t part = length < buf_room(&log->line) ? length : buf_room(&log->line);

		buf_put(&log->line, at, part);
		if (part == length && end != NULL)
			part++;
		if (end != NULL || buf_room(&log->line) == 0)
			send_line(log);
		at += part;
		size -= part;
	}
}

void
system_log_close(struct system_log *log)
{
	if (log == NULL)
		return;
	send_line(log);
	close(log->fd);
	buf_finish(&log->line);
	free(log->prefix);
	free(log);
}
