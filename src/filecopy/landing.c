/*
 * Gathering received files out of sight (landing.h). Paths are walked one component at a time from
 * directories that are held open, so that neither a link that the sender made nor a directory that
 * the user moves meanwhile leads elsewhere.
 */
#include "filecopy/landing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crash_point.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "filecopy/landing_private.h"

#define FILE_MODE_MASK 0777
#define DIRECTORY_MODE_MASK 01777
#define LOCK_ATTEMPTS 100

/* --- the hidden directory ------------------------------------------------------------------- */

/* Its owner is gone: what is complete is shown, anything else removed. */
static void
settle_leftover(int destination, const char *name)
{
	struct stat st;
	int fd = tree_open_directory(destination, name);

	if (fd < 0)
		return;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		if (fstatat(fd, LANDING_COMPLETE, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			landing_show(destination, fd, -1) == 0)
			log_info("a transfer that was cut off when complete is now in place");
		tree_remove(destination, name);
	}
	close(fd);
}

void
landing_settle_leftovers(int destination_fd)
{
	int fd = tree_open_directory(destination_fd, ".");
	DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	if (directory == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(directory)) != NULL)
		if (text_starts_with(entry->d_name, LANDING_PREFIX))
			settle_leftover(destination_fd, entry->d_name);
	closedir(directory);
}

/* Another receiver may take the new directory for a leftover before it is locked: then again. */
static int
make_hidden(struct landing *l)
{
	for (int attempt = 0; attempt < LOCK_ATTEMPTS; attempt++) {
		uint64_t number;
		struct stat st;
		int fd;

		random_bytes(&number, sizeof(number));
		snprintf(l->name, sizeof(l->name), LANDING_PREFIX "%016llx",
			(unsigned long long)number);
		if (mkdirat(l->destination, l->name, 0700) < 0)
			return -errno;
		fd = tree_open_directory(l->destination, l->name);
		if (fd < 0 && fd != -ENOENT) {
			unlinkat(l->destination, l->name, AT_REMOVEDIR);
			return fd;
		}
		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 &&
			st.st_nlink > 0) {
			l->hidden = fd;
			return 0;
		}
		if (fd >= 0)
			close(fd);
	}
	return -EBUSY;
}

static int
make_tree(struct landing *l)
{
	int fd;

	if (mkdirat(l->hidden, LANDING_TREE, 0700) < 0)
		return -errno;
	fd = tree_open_directory(l->hidden, LANDING_TREE);
	if (fd < 0)
		return fd;
	l->levels[0] = (struct landing_level){.gathered = fd, .existing = l->destination};
	return 0;
}

struct landing *
landing_create(int destination_fd)
{
	struct landing *l = calloc(1, sizeof(*l));
	int e;

	if (l == NULL)
		return NULL;
	l->destination = destination_fd;
	l->hidden = -1;
	l->levels[0].gathered = -1;
	landing_settle_leftovers(destination_fd);
	l->old_umask = umask(0); /* the sender's modes, as they are */
	e = make_hidden(l);
	if (e == 0)
		e = make_tree(l);
	if (e < 0) {
		landing_destroy(l);
		errno = -e;
		return NULL;
	}
	return l;
}

static void
close_level(struct landing *l)
{
	struct landing_level *level = &l->levels[l->depth--];

	close(level->gathered);
	if (level->existing >= 0)
		close(level->existing);
}

void
landing_destroy(struct landing *l)
{
	if (l == NULL)
		return;
	while (l->depth > 0)
		close_level(l);
	if (l->levels[0].gathered >= 0)
		close(l->levels[0].gathered);
	if (l->hidden >= 0) {
		int e = tree_remove(l->destination, l->name);

		if (e < 0)
			log_warning("directory '%s': cannot remove: %s", l->name, strerror(-e));
		close(l->hidden);
	}
	umask(l->old_umask);
	free(l);
}

/* --- the way to an entry -------------------------------------------------------------------- */

/* Whether the path leads through (or to) the directory of this level. */
static bool
leads_through(const struct landing *l, const char *path, size_t parent_length)
{
	size_t end = l->levels[l->depth].path_end;

	return end <= parent_length && memcmp(l->path, path, end) == 0 &&
	       (end == parent_length || path[end] == '/');
}

/* One step down, to the component that ends at `end`. */
static uint32_t
open_level(struct landing *l, const char *path, size_t end)
{
	struct landing_level *above = &l->levels[l->depth];
	size_t start = above->path_end + (l->depth > 0);
	struct landing_level next = {.existing = -1, .path_end = end};
	char name[NAME_MAX + 1];

	if (end - start > NAME_MAX || l->depth >= TREE_DEPTH_MAX)
		return ENAMETOOLONG;
	memcpy(name, path + start, end - start);
	name[end - start] = '\0';
	next.gathered = tree_open_directory(above->gathered, name);
	if (next.gathered < 0)
		return (uint32_t)-next.gathered;
	if (above->existing >= 0) {
		next.existing = tree_open_directory(above->existing, name);
		if (next.existing < 0 && next.existing != -ENOENT) {
			close(next.gathered);
			return (uint32_t)-next.existing;
		}
	}
	memcpy(l->path, path, end);
	l->levels[++l->depth] = next;
	return 0;
}

/*
 * Makes the top level the one of the entry's parent and gives the entry's own name. Most entries
 * follow one of the same directory, and nothing is opened.
 */
static uint32_t
find_parent(struct landing *l, const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	size_t parent_length = slash != NULL ? (size_t)(slash - path) : 0;

	*ret_name = slash != NULL ? slash + 1 : path;
	while (l->depth > 0 && !leads_through(l, path, parent_length))
		close_level(l);
	while (l->levels[l->depth].path_end < parent_length) {
		size_t start = l->levels[l->depth].path_end + (l->depth > 0);
		const char *next = strchr(path + start, '/');
		uint32_t code = open_level(l, path, (size_t)(next - path));

		if (code != 0)
			return code;
	}
	if (l->depth == 0 && text_starts_with(path, LANDING_PREFIX))
		return EEXIST;
	return 0;
}

/* What is there already under the name: 0 for nothing, else the bits of its type. */
static uint32_t
find_existing(const struct landing *l, const char *name, mode_t *ret_type)
{
	int existing = l->levels[l->depth].existing;
	struct stat st;

	*ret_type = 0;
	if (existing < 0)
		return 0;
	if (fstatat(existing, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		*ret_type = st.st_mode & S_IFMT;
	else if (errno != ENOENT)
		return (uint32_t)errno;
	return 0;
}

/* Finds the parent of an entry that must be new. */
static uint32_t
find_place(struct landing *l, const char *path, const char **ret_name)
{
	uint32_t code = find_parent(l, path, ret_name);
	mode_t type;

	if (code == 0)
		code = find_existing(l, *ret_name, &type);
	return code != 0 ? code : type != 0 ? EEXIST : 0;
}

/* --- entries -------------------------------------------------------------------------------- */

static uint32_t
set_times(int fd, const struct filecopy_header *header)
{
	const struct timespec times[2] = {
		{.tv_sec = header->atime, .tv_nsec = header->atime_nsec},
		{.tv_sec = header->mtime, .tv_nsec = header->mtime_nsec},
	};

	return futimens(fd, times) < 0 ? (uint32_t)errno : 0;
}

uint32_t
landing_create_file(
	struct landing *l, const char *path, const struct filecopy_header *header, int *ret_fd)
{
	const char *name;
	uint32_t code = find_place(l, path, &name);
	int fd;

	if (code != 0)
		return code;
	fd = openat(l->levels[l->depth].gathered, name,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		header->mode & FILE_MODE_MASK);
	if (fd < 0)
		return (uint32_t)errno;
	*ret_fd = fd;
	return 0;
}

uint32_t
landing_finish_file(struct landing *l, int fd, const struct filecopy_header *header)
{
	uint32_t code = set_times(fd, header);

	(void)l;
	if (close(fd) < 0 && code == 0)
		code = (uint32_t)errno;
	return code;
}

uint32_t
landing_add_directory(struct landing *l, const char *path, const struct filecopy_header *header)
{
	const char *name;
	mode_t type;
	uint32_t code = find_parent(l, path, &name);
	int fd;

	if (code == 0)
		code = find_existing(l, name, &type);
	if (code != 0)
		return code;
	if (type != 0 && type != S_IFDIR)
		return ENOTDIR;
	if (mkdirat(l->levels[l->depth].gathered, name, 0700) == 0)
		return 0;
	if (errno != EEXIST)
		return (uint32_t)errno;
	fd = tree_open_directory(l->levels[l->depth].gathered, name);
	if (fd < 0)
		return (uint32_t)-fd;
	if (fchmod(fd, header->mode & DIRECTORY_MODE_MASK) < 0)
		code = (uint32_t)errno;
	else
		code = set_times(fd, header);
	close(fd);
	return code;
}

uint32_t
landing_add_link(struct landing *l, const char *path, const char *target)
{
	const char *name;
	uint32_t code = find_place(l, path, &name);

	if (code == 0 && symlinkat(target, l->levels[l->depth].gathered, name) < 0)
		code = (uint32_t)errno;
	return code;
}

uint32_t
landing_commit(struct landing *l, int record_fd)
{
	/* All content is on the disk before the mark is, and the mark before anything moves. */
	if (syncfs(l->hidden) < 0 || mkdirat(l->hidden, LANDING_COMPLETE, 0700) < 0 ||
		fsync(l->hidden) < 0)
		return (uint32_t)errno;
	crash_point("landing:complete");
	return landing_show(l->destination, l->hidden, record_fd);
}
