/* See log_reader.h. */
#include "qrexec/policy/tools/log_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "qrexec/policy/decision_log.h"

/* Longer than any line is. */
#define LINE_MAX_BYTES 65536
#define CHUNK_BYTES 32768

struct reader {
	log_line_callback callback;
	void *data;
	struct buf pending; /* what has no line end yet */
	bool ended;         /* by the callback */
};

static void
take_lines(struct reader *r)
{
	const char *text, *end;

	while (!r->ended && buf_len(&r->pending) > 0) {
		text = (const char *)buf_data(&r->pending);
		end = memchr(text, '\n', buf_len(&r->pending));
		if (end == NULL)
			return;
		AUTO_FREE char *line = text_format("%.*s", (int)(end - text), text);
		buf_consume(&r->pending, (size_t)(end + 1 - text));
		r->ended = !r->callback(line, r->data);
	}
}

/* All there is now. */
static int
read_lines(struct reader *r, int fd, struct err *err)
{
	ssize_t count;

	for (;;) {
		count = buf_read_fd(&r->pending, fd, CHUNK_BYTES);
		if (count == -EINTR)
			continue;
		if (count == -ENOBUFS) {
			/* Not a line of ours. */
			buf_clear(&r->pending);
			continue;
		}
		if (count < 0)
			return err_set_errno(err, (int)-count, "log: cannot read");
		take_lines(r);
		if (count == 0 || r->ended)
			return 0;
	}
}

/* A descriptor, -1 without a log, or -2 with the error. */
static int
open_log(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0 && errno != ENOENT) {
		err_set_errno(err, errno, "log '%s': cannot open", path);
		return -2;
	}
	return fd;
}

static int
read_file_once(struct reader *r, const char *path, struct err *err)
{
	AUTO_FD int fd = open_log(path, err);

	if (fd < 0)
		return fd == -1 ? 0 : -1;
	return read_lines(r, fd, err);
}

static bool
is_still(int fd, const char *path)
{
	struct stat opened, named;

	return fd >= 0 && fstat(fd, &opened) == 0 && stat(path, &named) == 0 &&
	       opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

/* Whatever happens in the directory is a reason to look. */
static int
watch_directory(const char *path, struct err *err)
{
	AUTO_FREE char *directory = text_copy(path);
	char *slash = strrchr(directory, '/');
	AUTO_FD int fd = inotify_init1(IN_CLOEXEC);

	if (slash != NULL)
		*slash = '\0';
	if (fd < 0 || inotify_add_watch(fd, slash == NULL ? "." : directory,
			      IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
		return err_set_errno(err, errno, "directory '%s': cannot watch", directory);
	return steal_fd(&fd);
}

static void
await_change(int watch)
{
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t count;

	do
		count = read(watch, events, sizeof(events));
	while (count < 0 && errno == EINTR);
}

/* The watch is there before the first look, so that nothing falls between. */
static int
follow_file(struct reader *r, const char *path, void (*wait)(void *data), struct err *err)
{
	AUTO_FD int watch = watch_directory(path, err);
	AUTO_FD int fd = -1;

	if (watch < 0)
		return -1;
	for (;;) {
		if (fd >= 0 && read_lines(r, fd, err) < 0)
			return -1;
		if (r->ended)
			return 0;
		if (!is_still(fd, path)) {
			int next = open_log(path, err);

			if (next == -2)
				return -1;
			if (next >= 0) {
				cleanup_close(&fd);
				fd = next;
				continue;
			}
		}
		if (wait != NULL)
			wait(r->data);
		await_change(watch);
	}
}

int
log_read(const char *path, bool follow, log_line_callback callback, void (*wait)(void *data),
	void *data, struct err *err)
{
	AUTO_FREE char *old = text_format("%s" DECISION_LOG_OLD, path);
	struct reader r = {.callback = callback, .data = data};
	int result;

	buf_init(&r.pending, LINE_MAX_BYTES);
	result = read_file_once(&r, old, err);
	if (result == 0 && !r.ended && follow)
		result = follow_file(&r, path, wait, err);
	else if (result == 0 && !r.ended)
		result = read_file_once(&r, path, err);
	buf_finish(&r.pending);
	return result;
}
