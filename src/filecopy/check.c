/* Looking at trees before they are sent (check.h). Runs as the user, on the user's own files. */
#include "filecopy/check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "filecopy/names.h"
#include "filecopy/tree.h"
#include "filecopy/wire.h"

struct checker {
	unsigned int flags;
	bool ignore_links;
	struct check_result result;
	struct err *err;
};

static int check_object(
	struct checker *c, int parent, const char *name, const char *path, int depth);

/* The name as it will go over the wire. */
static int
check_name(struct checker *c, const char *path)
{
	size_t length = strlen(path);

	if (length >= FILECOPY_NAME_MAX)
		return err_set(c->err, ENAMETOOLONG, "'%s': the path is too long", path);
	if (filecopy_name_check(path, length, c->flags | FILECOPY_ALLOW_UNSAFE_CHARACTERS) != 0)
		return err_set(c->err, EILSEQ, "'%s': not a name that can be sent", path);
	if (!filecopy_text_safe(path, length))
		c->result.unsafe_names = true;
	return 0;
}

static int
check_link(struct checker *c, int parent, const char *name, const char *path)
{
	const unsigned int flags = c->flags | FILECOPY_ALLOW_NON_CANONICAL_SYMLINKS;
	char target[FILECOPY_TARGET_MAX + 1];
	ssize_t length;
	uint32_t code;

	if (c->ignore_links)
		return 0;
	if ((c->flags & FILECOPY_ALLOW_SYMLINKS) == 0)
		return err_set(c->err, EINVAL, "'%s': a symbolic link", path);
	length = readlinkat(parent, name, target, sizeof(target));
	if (length < 0 || length > FILECOPY_TARGET_MAX)
		return err_set_errno(c->err, length < 0 ? errno : ENAMETOOLONG, "'%s'", path);
	code = filecopy_target_check(
		path, target, (size_t)length, flags | FILECOPY_ALLOW_UNSAFE_CHARACTERS);
	if (code != 0)
		return err_set(c->err, (int)code,
			"'%s': the link leads out of what is sent (--ignore-symlinks leaves it "
			"out)",
			path);
	if (!filecopy_text_safe(target, (size_t)length))
		c->result.unsafe_names = true;
	return 0;
}

static int
check_children(struct checker *c, int fd, const char *path, int depth)
{
	DIR *directory = fdopendir(fd);
	struct dirent *entry;
	int result = 0;

	if (directory == NULL) {
		result = err_set_errno(c->err, errno, "'%s'", path);
		close(fd);
		return result;
	}
	while (result == 0 && (entry = readdir(directory)) != NULL) {
		const char *name = entry->d_name;
		AUTO_FREE char *child = NULL;

		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			continue;
		child = text_format("%s/%s", path, name);
		result = check_object(c, fd, name, child, depth + 1);
	}
	closedir(directory);
	return result;
}

static int
check_directory(struct checker *c, int parent, const char *name, const char *path, int depth)
{
	int fd;

	if ((c->flags & FILECOPY_ALLOW_DIRECTORIES) == 0)
		return err_set(c->err, EINVAL, "'%s': a directory", path);
	if (depth >= TREE_DEPTH_MAX)
		return err_set(c->err, ENAMETOOLONG, "'%s': too deep", path);
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set_errno(c->err, errno, "'%s'", path);
	return check_children(c, fd, path, depth);
}

static int
check_object(struct checker *c, int parent, const char *name, const char *path, int depth)
{
	struct stat st;

	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set_errno(c->err, errno, "'%s'", path);
	if (check_name(c, path) < 0)
		return -1;
	if (S_ISLNK(st.st_mode))
		return check_link(c, parent, name, path);
	if (S_ISDIR(st.st_mode))
		return check_directory(c, parent, name, path, depth);
	if (S_ISREG(st.st_mode)) {
		c->result.files++;
		c->result.bytes += (uint64_t)st.st_size;
	}
	return 0;
}

static int
check_argument(struct checker *c, const char *argument)
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
		return err_set(c->err, EINVAL, "'%s': it has no name of its own", argument);
	directory = name == path ? text_copy(".") : text_format("%.*s", (int)(name - path), path);
	parent = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent < 0)
		return err_set_errno(c->err, errno, "directory '%s'", directory);
	return check_object(c, parent, name, name, 0);
}

int
check_paths(char *const *paths, unsigned int flags, bool ignore_links,
	struct check_result *ret_result, struct err *err)
{
	struct checker c = {.flags = flags, .ignore_links = ignore_links, .err = err};

	tree_raise_limits();
	for (; *paths != NULL; paths++)
		if (check_argument(&c, *paths) < 0)
			return -1;
	*ret_result = c.result;
	return 0;
}
