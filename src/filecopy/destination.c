/* Where received files go (destination.h). Runs as the receiving user, before confinement. */
#include "filecopy/destination.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define OPEN_ATTEMPTS 100

bool
destination_source_valid(const char *untrusted_source)
{
	return untrusted_source[0] != '\0' && strchr(untrusted_source, '/') == NULL &&
	       strcmp(untrusted_source, ".") != 0 && strcmp(untrusted_source, "..") != 0;
}

/* A descriptor, or -1 with the error. */
static int
make_and_open(int parent, const char *name, bool *ret_created, struct err *err)
{
	int fd;

	*ret_created = mkdirat(parent, name, 0700) == 0;
	if (!*ret_created && errno != EEXIST)
		return err_set_errno(err, errno, "directory '%s': cannot create", name);
	/* A file system of its own may be mounted here, but no link may lead away. */
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set_errno(err, errno, "directory '%s': cannot open", name);
	return fd;
}

/* Held by each receiver, so that one that fails does not remove the directory of another. */
static int
open_held(int parent, const char *name, bool *ret_created, struct err *err)
{
	for (int attempt = 0; attempt < OPEN_ATTEMPTS; attempt++) {
		int fd = make_and_open(parent, name, ret_created, err);
		struct stat st;

		if (fd < 0)
			return -1;
		if (flock(fd, LOCK_SH) == 0 && fstat(fd, &st) == 0 && st.st_nlink > 0)
			return fd;
		close(fd);
	}
	return err_set(err, EBUSY, "directory '%s': it vanishes again and again", name);
}

int
destination_open(struct destination *d, const char *home, const char *source, struct err *err)
{
	AUTO_FD int home_fd = open(home, O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool created;

	*d = (struct destination){.fd = -1, .parent = -1, .name = source};
	if (home_fd < 0)
		return err_set_errno(err, errno, "home directory '%s'", home);
	d->parent = make_and_open(home_fd, INCOMING_DIRECTORY, &created, err);
	if (d->parent < 0)
		return -1;
	d->fd = open_held(d->parent, source, &d->created, err);
	return d->fd < 0 ? -1 : 0;
}

int
destination_open_path(struct destination *d, const char *path, struct err *err)
{
	*d = (struct destination){.fd = -1, .parent = -1};
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_set_errno(err, errno, "directory '%s': cannot create", path);
	d->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return d->fd < 0 ? err_set_errno(err, errno, "directory '%s'", path) : 0;
}

void
destination_withdraw(struct destination *d)
{
	/* Fails when it is not empty, which is right. */
	if (d->created && flock(d->fd, LOCK_EX | LOCK_NB) == 0)
		unlinkat(d->parent, d->name, AT_REMOVEDIR);
}

void
destination_close(struct destination *d)
{
	if (d->fd >= 0)
		close(d->fd);
	if (d->parent >= 0)
		close(d->parent);
	d->fd = d->parent = -1;
}
