/*
 * Showing what was gathered (landing.h): one rename a top-level object, and one for each object of
 * a directory that both sides have. If one can not be moved, those before it go back.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/crash_point.h"
#include "base/io.h"
#include "base/log.h"
#include "filecopy/landing_private.h"
#include "filecopy/transfer_record.h"

/* What is remembered of moved objects, to move them back and for the record. */
#define MOVED_BYTES_MAX (64UL * 1024 * 1024)

struct show {
	struct buf moved;  /* paths with their NUL, in order */
	struct buf merged; /* of directories: struct merged and the path with its NUL, in order */
	struct buf record; /* the record's lines */
	struct buf path;   /* of the directory at hand, with a slash at the end, or empty */
};

/* What a directory that is there gets, in the end, of the one that came. */
struct merged {
	mode_t mode;
	struct timespec times[2];
};

static uint32_t merge(struct show *s, int from, int to);

static uint32_t
note_moved(struct show *s, const char *name, const struct tree_sum *sum)
{
	AUTO_FREE char *path = NULL;
	int length = asprintf(
		&path, "%.*s%s", (int)buf_len(&s->path), (const char *)buf_data(&s->path), name);

	if (length < 0 || buf_put_text(&s->moved, path) < 0 ||
		transfer_record_put_root(&s->record, path, sum) < 0)
		return ENOMEM;
	return 0;
}

/* A directory that its owner may not change can not change its parent: lend the right to it. */
static int
rename_locked(int from, const char *name, int to, const char *new_name)
{
	struct stat st;
	int e = 0;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode) ||
		fchmodat(from, name, 0700, 0) < 0)
		return -EACCES;
	if (renameat2(from, name, to, new_name, RENAME_NOREPLACE) < 0)
		e = -errno;
	if (fchmodat(e == 0 ? to : from, e == 0 ? new_name : name, st.st_mode & 07777, 0) < 0 &&
		e == 0)
		e = -errno;
	return e;
}

static int
rename_new(int from, const char *name, int to, const char *new_name)
{
	if (renameat2(from, name, to, new_name, RENAME_NOREPLACE) == 0)
		return 0;
	return errno == EACCES ? rename_locked(from, name, to, new_name) : -errno;
}

/* With the path at hand. */
static uint32_t
note_merged(struct show *s, const struct stat *st)
{
	const struct merged merged = {st->st_mode & 07777, {st->st_atim, st->st_mtim}};
	/* Without the slash at its end. */
	const size_t length = buf_len(&s->path) - 1;

	return buf_put(&s->merged, &merged, sizeof(merged)) < 0 ||
			       buf_put(&s->merged, buf_data(&s->path), length) < 0 ||
			       buf_put_u8(&s->merged, 0) < 0
		       ? ENOMEM
		       : 0;
}

/*
 * Directories that were there get the modes and times of those that came, once all has moved: what
 * fails before changes nothing of them. Those within come before their parents.
 */
static uint32_t
take_attributes(struct show *s, int destination)
{
	struct merged merged;
	const char *path;

	while (buf_get(&s->merged, &merged, sizeof(merged)) == 0 &&
		buf_get_text(&s->merged, SIZE_MAX, &path) == 0) {
		AUTO_FD int fd = tree_open_below(destination, path);

		if (fd < 0)
			return (uint32_t)-fd;
		if (fchmod(fd, merged.mode) < 0 || futimens(fd, merged.times) < 0 || fsync(fd) < 0)
			return (uint32_t)errno;
	}
	return 0;
}

/* Both sides have a directory of this name. */
static uint32_t
merge_directory(struct show *s, int from_parent, int to_parent, const char *name)
{
	AUTO_FD int from = tree_open_directory(from_parent, name);
	AUTO_FD int to = tree_open_directory(to_parent, name);
	size_t kept = buf_len(&s->path);
	struct stat st;
	uint32_t code;

	if (from < 0 || to < 0)
		return from == -ENOTDIR || to == -ENOTDIR ? EEXIST
							  : (uint32_t) - (from < 0 ? from : to);
	if (fstat(from, &st) < 0 || fchmod(from, 0700) < 0)
		return (uint32_t)errno;
	if (buf_printf(&s->path, "%s/", name) < 0)
		return ENOMEM;
	code = merge(s, from, to);
	if (code == 0)
		code = note_merged(s, &st);
	buf_trim(&s->path, buf_len(&s->path) - kept);
	return code;
}

static uint32_t
show_entry(struct show *s, int from, int to, const char *name)
{
	struct tree_sum sum;
	int e = tree_summarize(from, name, &sum);

	if (e == -EACCES)
		e = 0, sum = (struct tree_sum){0}; /* can not be summed up, nor taken back */
	if (e == 0)
		e = rename_new(from, name, to, name);
	crash_point("landing:renamed");
	if (e == -EEXIST)
		return merge_directory(s, from, to, name);
	return e < 0 ? (uint32_t)-e : note_moved(s, name, &sum);
}

/* Entries vanish from `from` as they are moved; directories that were merged stay, empty. */
static uint32_t
merge(struct show *s, int from, int to)
{
	int fd = tree_open_directory(from, ".");
	DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	uint32_t code = 0;

	if (directory == NULL) {
		code = (uint32_t)errno;
		if (fd >= 0)
			close(fd);
		return code;
	}
	errno = 0;
	while (code == 0 && (entry = readdir(directory)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			code = show_entry(s, from, to, entry->d_name);
		errno = 0;
	}
	/* What could not be read has not moved: the sender must not take it for arrived. */
	if (code == 0)
		code = (uint32_t)errno;
	closedir(directory);
	return code;
}

/* Back out of sight, where all is removed. */
static void
hide_again(struct show *s, int hidden, int destination)
{
	const char *path;

	for (unsigned int i = 0; buf_get_text(&s->moved, SIZE_MAX, &path) == 0; i++) {
		char name[16];
		int e;

		snprintf(name, sizeof(name), "%u", i);
		e = rename_new(destination, path, hidden, name);
		if (e < 0)
			log_warning("'%s': arrived, but others did not: cannot take it back: %s",
				path, strerror(-e));
	}
}

uint32_t
landing_show(int destination, int hidden, int record_fd)
{
	AUTO_FD int tree = tree_open_directory(hidden, LANDING_TREE);
	struct show s;
	uint32_t code;

	if (tree < 0)
		return (uint32_t)-tree;
	buf_init(&s.moved, MOVED_BYTES_MAX);
	buf_init(&s.merged, MOVED_BYTES_MAX);
	buf_init(&s.record, MOVED_BYTES_MAX);
	buf_init(&s.path, FILECOPY_NAME_MAX + NAME_MAX);
	code = merge(&s, tree, destination);
	if (code == 0)
		code = take_attributes(&s, destination);
	if (code == 0 && fsync(destination) < 0)
		code = (uint32_t)errno;
	if (code != 0)
		hide_again(&s, hidden, destination);
	else if (record_fd >= 0 &&
		 write_all(record_fd, buf_data(&s.record), buf_len(&s.record)) < 0)
		log_warning("the record of this transfer cannot be written");
	buf_finish(&s.moved);
	buf_finish(&s.merged);
	buf_finish(&s.record);
	buf_finish(&s.path);
	return code;
}
