/* Trees of files (tree.h). Used in the confined receiver, in the sender and for taking back. */
#include "filecopy/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

int
tree_open_below(int directory, const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
			   RESOLVE_NO_XDEV,
	};
	long fd = syscall(SYS_openat2, directory, path, &how, sizeof(how));

	if (fd >= 0)
		return (int)fd;
	return errno == ELOOP || errno == EXDEV ? -ENOTDIR : -errno;
}

int
tree_open_directory(int parent, const char *name)
{
	return tree_open_below(parent, name);
}

static bool
is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* FNV-1a: whoever could forge a sum could as well forge what is summed up. */
static uint64_t
hash_bytes(uint64_t hash, const void *data, size_t size)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < size; i++)
		/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult) */
		hash = (hash ^ bytes[i]) * 0x100000001b3ULL;
	return hash;
}

/* A directory counts by its name alone: what is in it counts for itself. */
static uint64_t
hash_object(uint64_t path_hash, const struct stat *st)
{
	uint64_t facts[] = {st->st_mode & S_IFMT, st->st_ino, (uint64_t)st->st_size,
		(uint64_t)st->st_mtim.tv_sec, (uint64_t)st->st_mtim.tv_nsec};

	return hash_bytes(
		path_hash, facts, S_ISDIR(st->st_mode) ? 2 * sizeof(facts[0]) : sizeof(facts));
}

static int summarize(
	int parent, const char *name, uint64_t path_hash, int depth, struct tree_sum *sum);

static int
summarize_children(int fd, uint64_t path_hash, int depth, struct tree_sum *sum)
{
	DIR *directory = fdopendir(fd);
	struct dirent *entry;
	int result = 0;

	if (directory == NULL) {
		result = -errno;
		close(fd);
		return result;
	}
	errno = 0;
	while (result == 0 && (entry = readdir(directory)) != NULL) {
		const char *name = entry->d_name;

		if (!is_dots(name))
			result = summarize(fd, name, hash_bytes(path_hash, name, strlen(name) + 1),
				depth + 1, sum);
		errno = 0;
	}
	if (result == 0)
		result = -errno;
	closedir(directory);
	return result;
}

static int
summarize(int parent, const char *name, uint64_t path_hash, int depth, struct tree_sum *sum)
{
	struct stat st = {0};
	int fd;

	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	/* A sum, so that the order of a directory's entries does not matter. */
	sum->hash += hash_object(path_hash, &st);
	sum->count++;
	if (S_ISREG(st.st_mode))
		sum->bytes += (uint64_t)st.st_size;
	if (!S_ISDIR(st.st_mode))
		return 0;
	if (depth >= TREE_DEPTH_MAX)
		return -ENAMETOOLONG;
	fd = tree_open_directory(parent, name);
	return fd < 0 ? fd : summarize_children(fd, path_hash, depth, sum);
}

int
tree_summarize(int parent, const char *name, struct tree_sum *ret_sum)
{
	struct tree_sum sum = {0};
	int result = summarize(parent, name, 0xcbf29ce484222325ULL, 0, &sum);

	if (result == 0)
		*ret_sum = sum;
	return result;
}

bool
tree_same_sum(const struct tree_sum *a, const struct tree_sum *b)
{
	return a->hash == b->hash && a->count == b->count && a->bytes == b->bytes;
}

static int
remove_children(int fd)
{
	DIR *directory = fdopendir(fd);
	struct dirent *entry;
	int result = 0;

	if (directory == NULL) {
		result = -errno;
		close(fd);
		return result;
	}
	while (result == 0 && (entry = readdir(directory)) != NULL) {
		if (!is_dots(entry->d_name))
			result = tree_remove(fd, entry->d_name);
	}
	closedir(directory);
	return result;
}

/* A directory that came with a mode that forbids its owner to open or change it. */
static int
open_to_remove(int parent, const char *name)
{
	int fd = tree_open_directory(parent, name);

	if (fd == -EACCES && fchmodat(parent, name, 0700, 0) == 0)
		fd = tree_open_directory(parent, name);
	if (fd >= 0)
		fchmod(fd, 0700); /* a failure shows when its entries are removed */
	return fd;
}

int
tree_remove(int parent, const char *name)
{
	int fd, result;

	if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	fd = open_to_remove(parent, name);
	if (fd < 0)
		return fd;
	result = remove_children(fd);
	if (result == 0 && unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		result = -errno;
	return result;
}

/* The directory of a path's last component, which begins at *ret_name. */
static int
open_parent(const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	char parent[PATH_MAX];

	*ret_name = slash != NULL ? slash + 1 : path;
	if (slash == NULL || slash == path) {
		int fd = open(slash == NULL ? "." : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);

		return fd < 0 ? -errno : fd;
	}
	if (slash - path >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(parent, path, (size_t)(slash - path));
	parent[slash - path] = '\0';
	int fd = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int
tree_summarize_path(const char *path, struct tree_sum *ret_sum)
{
	const char *name;
	AUTO_FD int parent = open_parent(path, &name);

	return parent < 0 ? parent : tree_summarize(parent, name, ret_sum);
}

int
tree_remove_path(const char *path)
{
	const char *name;
	AUTO_FD int parent = open_parent(path, &name);

	if (parent == -ENOENT)
		return 0;
	return parent < 0 ? parent : tree_remove(parent, name);
}

void
tree_raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}
