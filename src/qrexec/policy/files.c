/* Policy directories as a loader, with a memory of what was looked at; see files.h. */
#include "qrexec/policy/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"
#include "qrexec/policy/policy.h"

#define CHECKSUM_START UINT64_C(14695981039346656037)
#define CHECKSUM_PRIME UINT64_C(1099511628211)

void
policy_directories_default(struct policy_directories *ret)
{
	ret->path[POLICY_RUNTIME] = root_path(POLICY_RUNTIME_PATH);
	ret->path[POLICY_SYSTEM] = root_path(POLICY_SYSTEM_PATH);
	ret->path[POLICY_LEGACY] = root_path(POLICY_LEGACY_PATH);
}

void
policy_directories_finish(struct policy_directories *d)
{
	for (size_t i = 0; i < POLICY_DIRECTORIES; i++) {
		free(d->path[i]);
		d->path[i] = NULL;
	}
}

void
policy_files_init(struct policy_files *f, const struct policy_directories *directories)
{
	*f = (struct policy_files){.directories = directories, .checksum = CHECKSUM_START};
}

void
policy_files_finish(struct policy_files *f)
{
	for (size_t i = 0; i < f->seen_count; i++) {
		free(f->seen[i].path);
		free(f->seen[i].directory);
	}
	free(f->seen);
	*f = (struct policy_files){0};
}

static void
add_to_checksum(struct policy_files *f, const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		f->checksum = (f->checksum ^ (uint8_t)bytes[i]) * CHECKSUM_PRIME;
	/* The length keeps two texts from running into one another. */
	f->checksum = (f->checksum ^ size) * CHECKSUM_PRIME;
}

/* Both texts are taken over. `status` is NULL when there is nothing at the path. */
static void
remember(struct policy_files *f, char *path, char *directory, const struct stat *status)
{
	if (f->seen_count == f->seen_capacity) {
		size_t capacity = f->seen_capacity > 0 ? f->seen_capacity * 2 : 32;
		struct policy_seen *larger = xcalloc(capacity, sizeof(*larger));

		if (f->seen_count > 0)
			memcpy(larger, f->seen, f->seen_count * sizeof(*larger));
		free(f->seen);
		f->seen = larger;
		f->seen_capacity = capacity;
	}
	f->seen[f->seen_count++] = (struct policy_seen){
		.path = path,
		.directory = directory,
		.exists = status != NULL,
		.status = status != NULL ? *status : (struct stat){0},
	};
}

static char *
full_path(const struct policy_files *f, enum policy_directory base, const char *path)
{
	if (path[0] == '/')
		return text_copy(path);
	if (path[0] == '\0')
		return text_copy(f->directories->path[base]);
	return path_join(f->directories->path[base], path);
}

static char *
parent_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *parent = text_copy(slash != NULL && slash > path ? path : "/");

	if (slash != NULL && slash > path)
		parent[slash - path] = '\0';
	return parent;
}

/* Where an open descriptor really is, links followed; the path itself when that is not told. */
static char *
real_path(int fd, const char *path)
{
	AUTO_FREE char *link = text_format("/proc/self/fd/%d", fd);
	char text[PATH_MAX];
	ssize_t length = readlink(link, text, sizeof(text) - 1);

	if (length <= 0 || text[0] != '/')
		return text_copy(path);
	text[length] = '\0';
	return text_copy(text);
}

static int
check_trust(const char *path, const struct stat *status, struct err *err)
{
	if (status->st_uid != 0 && status->st_uid != geteuid())
		return err_set(err, EPERM, "'%s': belongs to user %u, not to root", path,
			(unsigned)status->st_uid);
	if ((status->st_mode & S_IWOTH) != 0)
		return err_set(err, EPERM, "'%s': everybody may write to it", path);
	return 0;
}

/*
 * Opens a file or directory and remembers it. *ret_real gets its place after following links.
 * The descriptor, or -1 with the error.
 */
static int
open_seen(
	struct policy_files *f, const char *path, bool directory, char **ret_real, struct err *err)
{
	/* A FIFO must not hold us up. */
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	AUTO_FREE char *real = NULL;
	const char *what = directory ? "directory" : "file";
	struct stat status;
	int code = errno;

	if (fd < 0 || fstat(fd, &status) < 0) {
		remember(f, text_copy(path), parent_of(path), NULL);
		return err_set_errno(err, code, "%s '%s': cannot open", what, path);
	}
	real = real_path(fd, path);
	remember(f, text_copy(path), directory ? text_copy(real) : parent_of(real), &status);
	if (directory ? !S_ISDIR(status.st_mode) : !S_ISREG(status.st_mode))
		return err_set(err, ENOTDIR, "'%s': is not a %s", path, what);
	if (check_trust(path, &status, err) < 0)
		return -1;
	*ret_real = steal_ptr(real);
	return steal_fd(&fd);
}

/* The regular files of a directory, links followed. 0 or -1 with the error. */
static int
read_names(DIR *directory, const char *path, struct policy_names *ret, struct err *err)
{
	const struct dirent *entry;
	struct stat status;

	for (;;) {
		errno = 0;
		entry = readdir(directory);
		if (entry == NULL)
			break;
		if (fstatat(dirfd(directory), entry->d_name, &status, 0) < 0) {
			/* A dangling link, or a file that is being replaced just now. */
			if (errno == ENOENT || errno == ELOOP)
				continue;
			return err_set_errno(
				err, errno, "file '%s/%s': cannot examine", path, entry->d_name);
		}
		if (S_ISREG(status.st_mode))
			policy_names_add(ret, entry->d_name);
	}
	if (errno != 0)
		return err_set_errno(err, errno, "directory '%s': cannot read", path);
	return 0;
}

static int
list_names(void *data, enum policy_directory base, const char *path, struct policy_names *ret,
	struct err *err)
{
	struct policy_files *f = data;
	AUTO_FREE char *full = full_path(f, base, path);
	AUTO_FREE char *real = NULL;
	int fd = open_seen(f, full, true, &real, err), result;
	DIR *directory;

	if (fd < 0)
		return -1;
	directory = fdopendir(fd);
	if (directory == NULL) {
		close(fd);
		return err_set_errno(err, errno, "directory '%s': cannot read", full);
	}
	result = read_names(directory, full, ret, err);
	closedir(directory);
	return result;
}

/* Reads all there is, one byte of room left over. `size` is what fstat() told. */
static int
read_bytes(int fd, const char *path, off_t size, struct policy_text *ret, struct err *err)
{
	AUTO_FREE char *bytes = NULL;
	size_t expected, count = 0;
	ssize_t result;

	if (size > (off_t)POLICY_FILE_MAX_BYTES)
		return err_set(
			err, EFBIG, "file '%s': larger than %u bytes", path, POLICY_FILE_MAX_BYTES);
	expected = (size_t)size;
	bytes = xcalloc(1, expected + 1);
	while ((result = read(fd, bytes + count, expected + 1 - count)) != 0) {
		if (result < 0 && errno == EINTR)
			continue;
		if (result < 0)
			return err_set_errno(err, errno, "file '%s': cannot read", path);
		count += (size_t)result;
		if (count > expected)
			break;
	}
	if (count != expected)
		return err_set(err, EAGAIN, "file '%s': changed while it was read", path);
	ret->size = count;
	ret->bytes = steal_ptr(bytes);
	return 0;
}

static int
read_text(void *data, enum policy_directory base, const char *path, bool included,
	struct policy_text *ret, struct err *err)
{
	struct policy_files *f = data;
	AUTO_FREE char *full = full_path(f, base, path);
	AUTO_FREE char *real = NULL;
	AUTO_FD int fd = open_seen(f, full, false, &real, err);

	if (fd < 0 || read_bytes(fd, full, f->seen[f->seen_count - 1].status.st_size, ret, err) < 0)
		return -1;
	ret->label = steal_ptr(*(included ? &real : &full));
	add_to_checksum(f, ret->label, strlen(ret->label));
	add_to_checksum(f, ret->bytes, ret->size);
	return 0;
}

struct policy_loader
policy_files_loader(struct policy_files *f)
{
	return (struct policy_loader){.data = f, .list = list_names, .read = read_text};
}

static bool
same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool
is_unchanged(const struct policy_seen *seen)
{
	const struct stat *then = &seen->status;
	struct stat now;

	if (stat(seen->path, &now) < 0)
		return !seen->exists;
	return seen->exists && now.st_dev == then->st_dev && now.st_ino == then->st_ino &&
	       now.st_size == then->st_size && now.st_mode == then->st_mode &&
	       now.st_uid == then->st_uid && same_time(&now.st_mtim, &then->st_mtim) &&
	       same_time(&now.st_ctim, &then->st_ctim);
}

bool
policy_files_unchanged(const struct policy_files *f)
{
	for (size_t i = 0; i < f->seen_count; i++) {
		if (!is_unchanged(&f->seen[i]))
			return false;
	}
	return true;
}
