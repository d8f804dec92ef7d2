/* Disposables whose disks are in memory; see ephemeral.h. Runs in bulkheadd. */
#include "admin/lifecycle/ephemeral.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/model/qube.h"
#include "base/cleanup.h"
#include "base/host_swap.h"
#include "base/path.h"
#include "base/text.h"

/* What a new image of the largest volume takes, and more. */
#define IMAGE_BYTES_MIN ((off_t)64 << 20)
#define COPY_BYTES 65536
#define NOTE "ephemeral"

bool
qube_is_ephemeral(const struct qube *q)
{
	return q->class == CLASS_DISP && qube_flag(q, PROPERTY_EPHEMERAL);
}

static int
copy_image(int from, int to, off_t size)
{
	AUTO_FREE char *piece = xcalloc(1, COPY_BYTES);

	for (off_t at = 0; at < size;) {
		ssize_t count = pread(from, piece, COPY_BYTES, at);

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return count < 0 ? -errno : -EIO;
		if (pwrite(to, piece, (size_t)count, at) != count)
			return -ENOSPC;
		at += count;
	}
	return 0;
}

/*
 * A file of fixed size without a name: its holes take nothing, and it ends with the last process
 * that has it open.
 */
static int
make_memory_image(int from, off_t limit, int *ret_fd)
{
	AUTO_FD int fd = memfd_create("bulkhead-ephemeral", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct stat st;
	int result;

	if (fd < 0 || fstat(from, &st) < 0)
		return -errno;
	if (st.st_size > limit)
		return -EFBIG;
	result = copy_image(from, fd, st.st_size);
	if (result < 0)
		return result;
	if (ftruncate(fd, limit) < 0 ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
		return -errno;
	*ret_fd = steal_fd(&fd);
	return 0;
}

int
ephemeral_take_disks(const struct qube *q, struct disk_images *disks, struct err *err)
{
	AUTO_FREE char *swap = host_swap_in_clear();
	off_t limit = (off_t)qube_number(q, PROPERTY_MEMORY) << 20;

	if (swap != NULL)
		return err_set_kind(err, "QubesVMError", EPERM,
			"qube '%s' is to leave nothing on the disk, and the host's swap '%s' is "
			"not "
			"encrypted: encrypt it or turn it off",
			q->name, swap);
	if (limit < IMAGE_BYTES_MIN)
		limit = IMAGE_BYTES_MIN;
	for (size_t i = 0; i < disks->count; i++) {
		struct disk_image *image = &disks->images[i];
		int fd = -1, result;

		if (image->read_only)
			continue;
		result = make_memory_image(image->files[0].fd, limit, &fd);
		if (result < 0)
			return err_set_errno(
				err, -result, "disk '%s': cannot be kept in memory", image->name);
		close(image->files[0].fd);
		image->files[0].fd = fd;
	}
	return 0;
}

int
ephemeral_note(const char *run_directory, struct err *err)
{
	AUTO_FREE char *path = path_join(run_directory, NOTE);
	AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd >= 0 ? 0 : err_set_errno(err, errno, "'%s': cannot create", path);
}

bool
ephemeral_is_noted(const char *run_directory)
{
	AUTO_FREE char *path = path_join(run_directory, NOTE);

	return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}
