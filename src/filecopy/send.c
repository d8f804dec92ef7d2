/*
 * Packing trees (send.h). Every object is opened relative to its directory, without following
 * links, and must be the one that was looked at; what its header promises is what is sent.
 */
#include "filecopy/send.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "filecopy/output.h"
#include "filecopy/tree.h"

#define SHOWN_PATH_MAX 500

/* Times of files are those of the kernel's clock, of which a tick lasts 10 ms at most. */
#define TICK_MS_MAX 20
#define TICK_ATTEMPTS 50

struct sender {
	const struct send_config *config;
	struct filecopy_output out;
	struct sent_list *sent;
	struct send_outcome outcome;
	struct buf path;   /* the object at hand, as the user knows it */
	size_t name_start; /* where in it the name begins that goes over the wire */
	struct err *err;
};

static int send_object(struct sender *s, int parent, const char *name, int depth);

static const char *
path_of(const struct sender *s)
{
	return (const char *)buf_data(&s->path);
}

/* The error on the wire tells nothing: the receiver's answer will. */
static int
fail_output(struct sender *s, int e)
{
	return err_set_errno(s->err, -e, "cannot send");
}

static int
fail_object(struct sender *s, int code)
{
	const char *path = path_of(s);
	size_t length = strlen(path);
	bool cut = length > SHOWN_PATH_MAX;

	/* The end of a very long one tells more than its beginning, and leaves room for the reason.
	 */
	return err_set_errno(s->err, code, "'%s%s'", cut ? "..." : "",
		cut ? path + length - SHOWN_PATH_MAX : path);
}

static int
put_header(struct sender *s, const struct stat *st, uint64_t size)
{
	const char *name = path_of(s) + s->name_start;
	size_t length = strlen(name) + 1;
	struct filecopy_header header = {
		.name_length = (uint32_t)length,
		.mode = st->st_mode,
		.size = size,
		.atime = (uint32_t)st->st_atim.tv_sec,
		.atime_nsec = (uint32_t)st->st_atim.tv_nsec,
		.mtime = (uint32_t)st->st_mtim.tv_sec,
		.mtime_nsec = (uint32_t)st->st_mtim.tv_nsec,
	};
	uint8_t bytes[FILECOPY_HEADER_BYTES];
	int e;

	if (length > FILECOPY_NAME_MAX)
		return fail_object(s, ENAMETOOLONG);
	filecopy_header_encode(&header, bytes);
	if ((e = filecopy_output_put(&s->out, bytes, sizeof(bytes))) < 0 ||
		(e = filecopy_output_put(&s->out, name, length)) < 0)
		return fail_output(s, e);
	return 0;
}

static int
note_sent(struct sender *s, const struct stat *st)
{
	char *path;

	if (!s->sent->wanted)
		return 0;
	path = strdup(path_of(s));
	if (path == NULL || sent_add(s->sent, path, st) < 0)
		return err_set(s->err, ENOMEM, "no memory for the list of sent files");
	return 0;
}

static int
copy_body(struct sender *s, int fd, uint64_t left)
{
	while (left > 0) {
		uint8_t *to;
		size_t room;
		ssize_t count;
		int e = filecopy_output_reserve(
			&s->out, left < SIZE_MAX ? (size_t)left : SIZE_MAX, &to, &room);

		if (e < 0)
			return fail_output(s, e);
		count = read(fd, to, room);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return fail_object(s, errno);
		if (count == 0)
			return err_set(
				s->err, EIO, "'%s': it shrank while it was sent", path_of(s));
		filecopy_output_commit(&s->out, (size_t)count);
		left -= (uint64_t)count;
		s->outcome.bytes += (uint64_t)count;
		if (s->config->progress != NULL)
			progress_show(s->config->progress, s->outcome.bytes, s->outcome.files);
	}
	return 0;
}

/*
 * A file that was changed within this tick of the clock can change once more without a sign of it
 * in its times. Before a move reads it, the tick passes.
 */
static int
wait_for_tick(int fd, struct stat *st)
{
	const struct timespec pause = {.tv_nsec = TICK_MS_MAX * 1000000L};

	for (int attempt = 0; attempt < TICK_ATTEMPTS; attempt++) {
		struct timespec now;
		int64_t age_ms;

		clock_gettime(CLOCK_REALTIME, &now);
		age_ms = (int64_t)(now.tv_sec - st->st_ctim.tv_sec) * 1000 +
			 (now.tv_nsec - st->st_ctim.tv_nsec) / 1000000;
		if (age_ms < 0 || age_ms >= TICK_MS_MAX)
			return 0;
		clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
		if (fstat(fd, st) < 0)
			return -1;
	}
	return 0;
}

/* `seen`, if not NULL, is what was found under the name: it must be that still. */
static int
send_file(struct sender *s, int parent, const char *name, const struct stat *seen)
{
	AUTO_FD int fd =
		openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return fail_object(s, errno);
	if (!S_ISREG(st.st_mode) ||
		(seen != NULL && (st.st_dev != seen->st_dev || st.st_ino != seen->st_ino)))
		return err_set(
			s->err, EAGAIN, "'%s': it was replaced while it was sent", path_of(s));
	if (s->sent->wanted && wait_for_tick(fd, &st) < 0)
		return fail_object(s, errno);
	if (put_header(s, &st, (uint64_t)st.st_size) < 0 ||
		copy_body(s, fd, (uint64_t)st.st_size) < 0)
		return -1;
	s->outcome.files++;
	return note_sent(s, &st);
}

static int
send_link(struct sender *s, int parent, const char *name, const struct stat *st)
{
	char target[FILECOPY_TARGET_MAX + 1];
	ssize_t length;
	int e;

	if (s->config->ignore_links) {
		s->outcome.left_out++;
		return 0;
	}
	length = readlinkat(parent, name, target, sizeof(target));
	if (length < 0 || length > FILECOPY_TARGET_MAX)
		return fail_object(s, length < 0 ? errno : ENAMETOOLONG);
	if (put_header(s, st, (uint64_t)length) < 0)
		return -1;
	if ((e = filecopy_output_put(&s->out, target, (size_t)length)) < 0)
		return fail_output(s, e);
	return note_sent(s, st);
}

/*
 * With the path of the entry while it is sent. What the directory says is a file is opened at once:
 * it is what was opened that is looked at.
 */
static int
send_child(struct sender *s, int parent, const struct dirent *entry, int depth)
{
	const char *name = entry->d_name;
	size_t kept = buf_len(&s->path);
	int result;

	/* The path ends with a NUL, which the slash replaces. */
	buf_trim(&s->path, 1);
	if (buf_put_u8(&s->path, '/') < 0 || buf_put_text(&s->path, name) < 0)
		return err_set(s->err, ENAMETOOLONG, "'%s': the path is too long", name);
	result = entry->d_type == DT_REG ? send_file(s, parent, name, NULL)
					 : send_object(s, parent, name, depth);
	if (result == 0) {
		buf_trim(&s->path, buf_len(&s->path) - kept + 1);
		buf_put_u8(&s->path, 0);
	}
	return result;
}

static int
send_children(struct sender *s, int fd, int depth)
{
	DIR *directory = fdopendir(fd);
	struct dirent *entry;
	int result = 0;

	if (directory == NULL) {
		result = fail_object(s, errno);
		close(fd);
		return result;
	}
	errno = 0;
	while (result == 0 && (entry = readdir(directory)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			result = send_child(s, fd, entry, depth + 1);
		errno = 0;
	}
	if (result == 0 && errno != 0)
		result = fail_object(s, errno);
	closedir(directory);
	return result;
}

/* Announced before what is in it, to be made, and after, to get its mode and times. */
static int
send_directory(struct sender *s, int parent, const char *name, const struct stat *st, int depth)
{
	int fd;

	if (depth >= TREE_DEPTH_MAX)
		return fail_object(s, ENAMETOOLONG);
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail_object(s, errno);
	if (put_header(s, st, 0) < 0) {
		close(fd);
		return -1;
	}
	if (send_children(s, fd, depth) < 0 || put_header(s, st, 0) < 0)
		return -1;
	return note_sent(s, st);
}

static int
send_object(struct sender *s, int parent, const char *name, int depth)
{
	struct stat st;

	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail_object(s, errno);
	if (S_ISREG(st.st_mode))
		return send_file(s, parent, name, &st);
	if (S_ISLNK(st.st_mode))
		return send_link(s, parent, name, &st);
	if (S_ISDIR(st.st_mode))
		return send_directory(s, parent, name, &st, depth);
	log_warning("'%s': not a file, directory or link: left out", path_of(s));
	s->outcome.left_out++;
	return 0;
}

/* An argument: its last component is the name at the other side. */
static int
send_argument(struct sender *s, const char *argument)
{
	AUTO_FREE char *path = text_copy(argument);
	AUTO_FREE char *directory = NULL;
	AUTO_FD int parent = -1;
	const char *name;

	for (size_t end = strlen(path); end > 1 && path[end - 1] == '/'; end--)
		path[end - 1] = '\0';
	name = strrchr(path, '/');
	name = name != NULL ? name + 1 : path;
	if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return err_set(s->err, EINVAL, "'%s': it has no name of its own", argument);
	s->name_start = (size_t)(name - path);
	directory =
		s->name_start == 0 ? text_copy(".") : text_format("%.*s", (int)s->name_start, path);
	buf_clear(&s->path);
	if (buf_put_text(&s->path, path) < 0)
		return err_set(s->err, ENAMETOOLONG, "'%s': the path is too long", path);
	parent = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent < 0)
		return err_set_errno(s->err, errno, "directory '%s'", directory);
	return send_object(s, parent, name, 0);
}

static int
send_all(struct sender *s, char *const *paths)
{
	static const uint8_t end[FILECOPY_HEADER_BYTES];
	int e;

	for (; *paths != NULL; paths++)
		if (send_argument(s, *paths) < 0)
			return -1;
	if ((e = filecopy_output_put(&s->out, end, sizeof(end))) < 0 ||
		(e = filecopy_output_flush(&s->out)) < 0)
		return fail_output(s, e);
	return 0;
}

/* Whether the receiver ended the transfer, so that its answer tells why. */
static bool
receiver_ended(const struct err *err)
{
	return err->code == EPIPE || err->code == ECANCELED;
}

int
send_paths(int stream_fd, int answer_fd, char *const *paths, const struct send_config *config,
	struct sent_list *sent, struct send_outcome *ret_outcome, struct err *err)
{
	AUTO_ERR struct err own = ERR_INIT;
	struct sender s = {.config = config, .sent = sent, .err = &own};
	int result;

	if (filecopy_output_init(&s.out, stream_fd, answer_fd) < 0)
		return err_set(err, ENOMEM, "no memory");
	buf_init(&s.path, 64UL * 1024);
	tree_raise_limits();
	result = send_all(&s, paths);
	if (result == 0) {
		result = send_read_answer(answer_fd, s.out.checksum, err);
	} else if (!receiver_ended(&own) || send_read_answer(answer_fd, 0, err) == 0) {
		/* The reason is ours, or the receiver confirmed what it can not have seen. */
		result = err_move(err, &own);
	}
	if (config->progress != NULL)
		progress_finish(config->progress, s.outcome.bytes, s.outcome.files);
	*ret_outcome = s.outcome;
	buf_finish(&s.path);
	filecopy_output_finish(&s.out);
	return result;
}
