/* Paths under BULKHEAD_ROOT, directories and small files; see path.h. */
#include "base/path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text.h"

const char *
root_prefix(void)
{
	static char *prefix;
	const char *root;
	size_t length;

	if (prefix != NULL)
		return prefix;
	root = secure_getenv("BULKHEAD_ROOT");
	if (root == NULL || root[0] == '\0')
		root = "";
	else if (root[0] != '/')
		fatal("BULKHEAD_ROOT '%s' is not an absolute path", root);
	prefix = text_copy(root);
	length = strlen(prefix);
	while (length > 0 && prefix[length - 1] == '/')
		prefix[--length] = '\0';
	return prefix;
}

char *
root_path(const char *format, ...)
{
	AUTO_FREE char *path = NULL;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&path, format, arguments) < 0)
		fatal("out of memory");
	va_end(arguments);
	return text_format("%s%s", root_prefix(), path);
}

char *
path_join(const char *directory, const char *name)
{
	return text_format("%s/%s", directory, name);
}

int
make_directories(const char *path, mode_t mode, struct err *err)
{
	AUTO_FREE char *partial = text_copy(path);

	for (char *slash = partial + 1;; slash++) {
		if (*slash != '/' && *slash != '\0')
			continue;
		char kept = *slash;
		*slash = '\0';
		if (mkdir(partial, mode) < 0 && errno != EEXIST)
			return err_set_errno(err, errno, "directory '%s': cannot create", partial);
		*slash = kept;
		if (kept == '\0')
			return 0;
	}
}

static int remove_entry(int parent, const char *name);

static int
remove_children(int directory_fd)
{
	DIR *directory = fdopendir(directory_fd);
	struct dirent *entry;
	int result = 0;

	if (directory == NULL) {
		result = -errno;
		close(directory_fd);
		return result;
	}
	while (result == 0 && (entry = readdir(directory)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			result = remove_entry(dirfd(directory), entry->d_name);
	}
	closedir(directory);
	return result;
}

static int
remove_entry(int parent, const char *name)
{
	int fd, result;

	if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	result = remove_children(fd);
	if (result == 0 && unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		result = -errno;
	return result;
}

int
remove_tree(const char *path, struct err *err)
{
	int result = remove_entry(AT_FDCWD, path);

	if (result < 0)
		return err_set_errno(err, -result, "'%s': cannot remove", path);
	return 0;
}

int
read_file(const char *path, size_t max_bytes, char **ret_text, size_t *ret_size, struct err *err)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	AUTO_FREE char *text = NULL;
	size_t size = 0;
	ssize_t count;

	if (fd < 0)
		return err_set_errno(err, errno, "file '%s': cannot open", path);
	text = xcalloc(1, max_bytes + 2);
	while ((count = read(fd, text + size, max_bytes + 1 - size)) > 0) {
		size += (size_t)count;
		if (size > max_bytes)
			return err_set(
				err, EFBIG, "file '%s': larger than %zu bytes", path, max_bytes);
	}
	if (count < 0)
		return err_set_errno(err, errno, "file '%s': cannot read", path);
	if (ret_size != NULL)
		*ret_size = size;
	*ret_text = steal_ptr(text);
	return 0;
}

static int
write_and_sync(int fd, const void *data, size_t size)
{
	int result = write_all(fd, data, size);

	if (result == 0 && fsync(fd) < 0)
		result = -errno;
	return result;
}

static int
sync_directory_of(const char *path)
{
	AUTO_FREE char *directory = text_copy(path);
	char *slash = strrchr(directory, '/');
	AUTO_FD int fd = -1;

	if (slash == NULL)
		return 0;
	*(slash == directory ? slash + 1 : slash) = '\0';
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

int
write_file(const char *path, const void *data, size_t size, mode_t mode, struct err *err)
{
	AUTO_FREE char *temporary = text_format("%s.XXXXXX", path);
	AUTO_FD int fd = mkostemp(temporary, O_CLOEXEC);
	int result;

	if (fd < 0)
		return err_set_errno(err, errno, "file '%s': cannot create", temporary);
	result = write_and_sync(fd, data, size);
	if (result == 0 && fchmod(fd, mode) < 0)
		result = -errno;
	if (result == 0 && rename(temporary, path) < 0)
		result = -errno;
	if (result < 0) {
		unlink(temporary);
		return err_set_errno(err, -result, "file '%s': cannot write", path);
	}
	result = sync_directory_of(path);
	if (result < 0)
		return err_set_errno(err, -result, "file '%s': cannot sync its directory", path);
	return 0;
}
