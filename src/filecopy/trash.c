/*
 * The trash (trash.h). A name is taken in it by creating the file of information, exclusively;
 * then the object follows. Runs as the user, on the user's own files.
 */
#include "filecopy/trash.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/path.h"
#include "base/text.h"
#include "filecopy/home.h"
#include "filecopy/tree.h"

#define NAME_ATTEMPTS 10000
#define INFO_BYTES_MAX (64UL * 1024)

/* Where a file is put: the trash, and the path of the file as its information has it. */
struct place {
	char *trash;
	const char *shown_path; /* within the path */
};

static char *
parent_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == path ? text_copy("/") : text_format("%.*s", (int)(slash - path), path);
}

/* Objects can be renamed within one file system, and there within one mount of it. */
struct volume {
	uint32_t device_major, device_minor;
	uint64_t mount;
};

static int
find_volume(const char *path, struct volume *ret_volume)
{
	struct statx sx;

	if (statx(AT_FDCWD, path, 0, STATX_MNT_ID, &sx) < 0)
		return -errno;
	*ret_volume = (struct volume){sx.stx_dev_major, sx.stx_dev_minor,
		(sx.stx_mask & STATX_MNT_ID) != 0 ? sx.stx_mnt_id : 0};
	return 0;
}

static bool
same_volume(const struct volume *a, const struct volume *b)
{
	return a->device_major == b->device_major && a->device_minor == b->device_minor &&
	       a->mount == b->mount;
}

/* The directory at the top of the path's volume: the last one up of the same. */
static char *
find_top(const char *path, const struct volume *volume)
{
	char *top = parent_of(path);

	while (strcmp(top, "/") != 0) {
		AUTO_FREE char *above = parent_of(top);
		struct volume found = {0};

		if (find_volume(above, &found) < 0 || !same_volume(&found, volume))
			break;
		free(top);
		top = steal_ptr(above);
	}
	return top;
}

static int
make_trash(const char *trash, struct err *err)
{
	AUTO_FREE char *files = path_join(trash, "files");
	AUTO_FREE char *info = path_join(trash, "info");

	return make_directories(files, 0700, err) < 0 || make_directories(info, 0700, err) < 0 ? -1
											       : 0;
}

/* Another user may have made the directory first: ours it must be, and no link. */
static int
check_own(const char *trash, struct err *err)
{
	struct stat st;

	if (mkdir(trash, 0700) < 0 && errno != EEXIST)
		return err_set_errno(err, errno, "trash '%s': cannot create", trash);
	if (lstat(trash, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid() ||
		(st.st_mode & 0077) != 0)
		return err_set(err, EPERM, "trash '%s': not a directory of ours alone", trash);
	return 0;
}

static int
find_place(const char *path, struct place *ret_place, struct err *err)
{
	AUTO_FREE char *parent = parent_of(path);
	AUTO_FREE char *home_trash = home_path("Trash");
	AUTO_FREE char *top = NULL;
	AUTO_FREE char *trash = NULL;
	struct volume file = {0}, home = {0};
	int e = find_volume(parent, &file);

	if (e < 0)
		return err_set_errno(err, -e, "'%s'", parent);
	if (home_trash != NULL && make_trash(home_trash, NULL) == 0 &&
		find_volume(home_trash, &home) == 0 && same_volume(&home, &file)) {
		*ret_place = (struct place){steal_ptr(home_trash), path};
		return 0;
	}
	top = find_top(path, &file);
	trash = text_format("%s/.Trash-%u", strcmp(top, "/") == 0 ? "" : top, geteuid());
	if (check_own(trash, err) < 0 || make_trash(trash, err) < 0)
		return -1;
	*ret_place = (struct place){steal_ptr(trash), path + strlen(top)};
	while (ret_place->shown_path[0] == '/')
		ret_place->shown_path++;
	return 0;
}

static int
put_info(int fd, const char *path)
{
	AUTO_BUF struct buf info;
	char date[32];
	time_t now = time(NULL);
	struct tm local;
	int e;

	buf_init(&info, INFO_BYTES_MAX);
	e = buf_put_string(&info, "[Trash Info]\nPath=");
	for (const unsigned char *c = (const unsigned char *)path; *c != '\0' && e == 0; c++)
		e = isascii(*c) && (isalnum(*c) || strchr("-._~/", *c) != NULL)
			    ? buf_put_u8(&info, *c)
			    : buf_printf(&info, "%%%02X", *c);
	if (e < 0 || localtime_r(&now, &local) == NULL ||
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &local) == 0)
		return -ENOBUFS;
	e = buf_printf(&info, "\nDeletionDate=%s\n", date);
	return e < 0 ? e : write_all(fd, buf_data(&info), buf_len(&info));
}

static char *
info_path(const char *trash, const char *name)
{
	return text_format("%s/info/%s.trashinfo", trash, name);
}

/* Takes a free name: the file's own, or with a number. It is cut to fit with its suffix. */
static int
take_name(const struct place *place, const char *wanted, char **ret_name, struct err *err)
{
	for (int i = 1; i < NAME_ATTEMPTS; i++) {
		AUTO_FREE char *name = i == 1 ? text_format("%.230s", wanted)
					      : text_format("%.220s.%d", wanted, i);
		AUTO_FREE char *info = info_path(place->trash, name);
		AUTO_FD int fd = open(info, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		int e;

		if (fd < 0 && errno == EEXIST)
			continue;
		if (fd < 0)
			return err_set_errno(err, errno, "trash '%s'", place->trash);
		if ((e = put_info(fd, place->shown_path)) < 0) {
			unlink(info);
			return err_set_errno(err, -e, "trash '%s'", place->trash);
		}
		*ret_name = steal_ptr(name);
		return 0;
	}
	return err_set(err, EEXIST, "trash '%s': no name is free", place->trash);
}

/* A directory that its owner may not change can not change its parent: lend the right to it. */
static int
move(const char *from, const char *to)
{
	struct stat st;
	int e;

	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return 0;
	e = errno;
	if (e != EACCES || lstat(from, &st) < 0 || !S_ISDIR(st.st_mode) || chmod(from, 0700) < 0)
		return -e;
	e = renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0 ? 0 : errno;
	chmod(e == 0 ? to : from, st.st_mode & 07777);
	return -e;
}

static int
move_in(const struct place *place, const char *path, char **ret_trashed, struct err *err)
{
	AUTO_FREE char *name = NULL;
	AUTO_FREE char *info = NULL;
	AUTO_FREE char *trashed = NULL;
	int e;

	if (take_name(place, strrchr(path, '/') + 1, &name, err) < 0)
		return -1;
	info = info_path(place->trash, name);
	trashed = text_format("%s/files/%s", place->trash, name);
	if ((e = move(path, trashed)) < 0) {
		unlink(info);
		return err_set_errno(err, -e, "'%s': cannot move it to the trash", path);
	}
	*ret_trashed = steal_ptr(trashed);
	return 0;
}

int
trash_put(const char *path, char **ret_trashed, struct err *err)
{
	struct place place = {.shown_path = path};
	int result;

	if (path[0] != '/' || path[1] == '\0')
		return err_set(err, EINVAL, "'%s': not the absolute path of a file", path);
	if (find_place(path, &place, err) < 0)
		return -1;
	result = move_in(&place, path, ret_trashed, err);
	free(place.trash);
	return result;
}

/* The information about an object of the trash is no longer true. */
static void
forget(const char *trashed)
{
	const char *name = strrchr(trashed, '/') + 1;
	AUTO_FREE char *files = parent_of(trashed);
	AUTO_FREE char *trash = parent_of(files);
	AUTO_FREE char *info = info_path(trash, name);

	unlink(info);
}

/* 0, -ENOENT, or -ESTALE when it is not what was put there. */
static int
check_same(const char *trashed, const struct tree_sum *sum)
{
	struct tree_sum now;
	int e = tree_summarize_path(trashed, &now);

	return e < 0 ? e : tree_same_sum(&now, sum) ? 0 : -ESTALE;
}

int
trash_restore(const char *trashed, const struct tree_sum *sum, const char *path, struct err *err)
{
	AUTO_FREE char *parent = parent_of(path);
	int e = check_same(trashed, sum);

	if (e == -ESTALE)
		return err_set(err, ESTALE,
			"what has its name in the trash is another, or has changed: it stays "
			"there");
	if (e == 0 && make_directories(parent, 0755, err) < 0)
		return -1;
	if (e == 0)
		e = move(trashed, path);
	if (e == -ENOENT)
		return err_set(err, ENOENT, "no longer in the trash");
	if (e < 0)
		return err_set_errno(err, -e, "cannot put it back");
	forget(trashed);
	return 0;
}

/* Only what lies in a trash's directory of files: a damaged record must not remove anything else.
 */
static bool
is_in_trash(const char *trashed)
{
	AUTO_FREE char *files = parent_of(trashed);
	AUTO_FREE char *trash = parent_of(files);
	AUTO_FREE char *own = text_format("/.Trash-%u", geteuid());

	return text_ends_with(files, "/files") && strstr(trashed, "/../") == NULL &&
	       (text_ends_with(trash, "/Trash") || text_ends_with(trash, own));
}

int
trash_delete(const char *trashed, const struct tree_sum *sum, struct err *err)
{
	int e;

	if (!is_in_trash(trashed))
		return err_set(err, EINVAL, "'%s' is not in the trash", trashed);
	e = check_same(trashed, sum);
	if (e == -ENOENT || e == -ESTALE)
		return 0;
	if (e == 0)
		e = tree_remove_path(trashed);
	if (e < 0)
		return err_set_errno(err, -e, "'%s': cannot remove", trashed);
	forget(trashed);
	return 0;
}
