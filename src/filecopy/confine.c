/*
 * Confinement of the receiver (confine.h). Each step is one that a process without privileges may
 * take: the mount namespace comes with a user namespace, and Landlock needs nothing.
 */
#include "filecopy/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/landlock.h"
#include "base/log.h"
#include "base/sandbox.h"

static const int receiver_syscalls[] = {
	SYS_openat,
	SYS_openat2,
	SYS_mkdirat,
	SYS_symlinkat,
	SYS_umask,
	SYS_unlinkat,
	SYS_renameat2,
	SYS_flock,
	SYS_getdents64,
	SYS_fchmod,
	SYS_fchmodat,
	SYS_utimensat,
	SYS_fstatfs,
	SYS_syncfs,
	SYS_fsync,
};

static int
write_map(const char *path, const char *text)
{
	AUTO_FD int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -errno : write_all(fd, text, strlen(text));
}

/* Own namespaces of users and mounts; the user keeps the own ids. root needs only the latter. */
static int
enter_namespaces(void)
{
	char uid_map[32], gid_map[32];
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int e;

	if (uid == 0 && unshare(CLONE_NEWNS) == 0)
		return 0;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return -errno;
	snprintf(uid_map, sizeof(uid_map), "%u %u 1", uid, uid);
	snprintf(gid_map, sizeof(gid_map), "%u %u 1", gid, gid);
	if ((e = write_map("/proc/self/setgroups", "deny")) < 0 ||
		(e = write_map("/proc/self/uid_map", uid_map)) < 0 ||
		(e = write_map("/proc/self/gid_map", gid_map)) < 0)
		return e;
	return 0;
}

/*
 * Mounts the directory over itself, so that it is a mount of its own, and opens that. It goes by
 * the path, because the descriptor is of the namespace that we left: it must be the same object.
 */
static int
mount_anew(int directory_fd)
{
	char link[40], path[PATH_MAX];
	struct stat wanted, found;
	ssize_t length;
	int fd;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", directory_fd);
	length = readlink(link, path, sizeof(path) - 1);
	if (length < 0)
		return -errno;
	path[length] = '\0';
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount(path, path, NULL, MS_BIND, NULL) < 0)
		return -errno;
	/* Flags of the file system below may be locked for a user: then they are as they are. */
	if (mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) <
		0)
		log_debug("cannot mount '%s' noexec: %s", path, strerror(errno));
	fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(directory_fd, &wanted) < 0 || fstat(fd, &found) < 0 ||
		wanted.st_dev != found.st_dev || wanted.st_ino != found.st_ino) {
		close(fd);
		return -ESTALE;
	}
	return fd;
}

/*
 * The directory becomes the root: nothing else has a path. The old descriptor has to go, because
 * its ".." leads out of the new root.
 */
static int
make_root(int directory_fd)
{
	AUTO_FD int mounted = -1;
	AUTO_FD int root = -1;
	int e = enter_namespaces();

	if (e < 0)
		return e;
	mounted = mount_anew(directory_fd);
	if (mounted < 0)
		return mounted;
	if (fchdir(mounted) < 0 || chroot(".") < 0)
		return -errno;
	root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 || dup3(root, directory_fd, O_CLOEXEC) < 0)
		return -errno;
	return 0;
}

/* From here on only objects below the directory can be opened, made, moved or removed. */
static int
enter_landlock(int directory_fd)
{
	const struct landlock_rule below = {directory_fd,
		LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
			LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
			LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
			LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER};
	int result = landlock_available();

	return result < 0 ? result : landlock_restrict(&below, 1);
}

int
filecopy_confine(int directory_fd, struct err *err)
{
	int root = make_root(directory_fd);
	int landlock = enter_landlock(directory_fd);

	if (root < 0)
		log_debug("no mount namespace: %s", strerror(-root));
	if (landlock < 0)
		log_debug("no landlock: %s", strerror(-landlock));
	if (root < 0 && landlock < 0)
		return err_set_errno(
			err, -root, "receiver: neither a mount namespace nor landlock confines it");
	return sandbox_enter(
		receiver_syscalls, sizeof(receiver_syscalls) / sizeof(receiver_syscalls[0]), err);
}
