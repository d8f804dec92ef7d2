/*
 * States as qcow2 files: DIRECTORY/appvms/NAME/VOLUME-N.qcow2, mode 0600. QEMU's own program does
 * all that concerns the format. Each header names its base relative to the file, so that a person
 * can use the images without this program; they are opened only where that name is what the
 * store says. Runs in bulkheadd.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "admin/storage/job.h"
#include "admin/storage/pool.h"
#include "admin/storage/pool_qcow2.h"
#include "admin/storage/qcow2.h"
#include "admin/storage/qcow2_pattern.h"
#include "base/cleanup.h"
#include "base/crash_point.h"
#include "base/path.h"
#include "base/text.h"

/* The longest name of a volume, and of a directory that a qube's volumes are in. */
#define VOLUME_NAME_MAX 15

/* Of qubes, and of frozen ones (frozen.c). */
static const char *const kinds[] = {"appvms", "vm-templates", "frozen"};

static bool
volume_name_valid(const char *name)
{
	return name[0] != '\0' && name[0] != '-' && strlen(name) <= VOLUME_NAME_MAX &&
	       text_only_has(name, "");
}

/* "KIND/QUBE/VOLUME", so that it is also a relative path that leads nowhere else. */
static bool
vid_valid(const char *vid)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t length = strlen(kinds[i]);

		if (!text_starts_with(vid, kinds[i]) || vid[length] != '/')
			continue;
		const char *qube = vid + length + 1;
		const char *slash = strchr(qube, '/');
		if (slash == NULL || slash - qube > QUBE_NAME_MAX)
			return false;
		AUTO_FREE char *name = text_format("%.*s", (int)(slash - qube), qube);
		return qube_name_valid(name, NULL) && volume_name_valid(slash + 1);
	}
	return false;
}

char *
qcow2_file_name(struct state_name state)
{
	return text_format("%s-%lld.qcow2", state.vid, (long long)state.number);
}

char *
qcow2_directory_name(const char *vid)
{
	const char *slash = strrchr(vid, '/');

	return text_format("%.*s", (int)(slash - vid), vid);
}

static char *
full_path(struct pool *p, struct state_name state)
{
	AUTO_FREE char *name = qcow2_file_name(state);

	return path_join(p->directory, name);
}

/* All vids are three levels deep. */
char *
qcow2_backing_name(struct state_name state, struct state_name base)
{
	AUTO_FREE char *name = NULL;

	if (base.vid == NULL)
		return text_copy("");
	name = qcow2_file_name(base);
	if (text_equal(state.vid, base.vid))
		return text_copy(strrchr(name, '/') + 1);
	return text_format("../../%s", name);
}

static bool
exists(struct pool *p, struct state_name state)
{
	AUTO_FREE char *path = full_path(p, state);

	return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
	       (errno != ENOENT && errno != ENOTDIR);
}

/* Made by us, so that nothing is ever overwritten and nobody else can read it. */
static int
create_file(struct pool *p, struct state_name state, struct err *err)
{
	AUTO_FREE char *directory = qcow2_directory_name(state.vid);
	AUTO_FREE char *directory_path = path_join(p->directory, directory);
	AUTO_FREE char *path = full_path(p, state);
	AUTO_FD int fd = -1;

	if (make_directories(directory_path, 0700, err) < 0)
		return -1;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set_errno(err, errno, "image '%s': cannot create", path);
	return steal_fd(&fd);
}

static int
reserve(struct pool *p, struct state_name state, struct err *err)
{
	int fd = create_file(p, state, err);

	return fd < 0 ? -1 : close(fd);
}

void
qcow2_add_sync(struct pool *p, struct job *job, const char *file)
{
	AUTO_FREE char *directory = qcow2_directory_name(file);

	job_add(job, "storage:image:after-sync", "sync", "--", file, directory, NULL);
}

/* qemu-img create [-u -b BACKING -F qcow2] NAME SIZE: the arguments from the end on. */
static void
remember(const char *directory, const char *const *argv)
{
	AUTO_FREE char *path = NULL;
	AUTO_FD int fd = -1;
	const char *backing = "";
	uint64_t size_bytes;
	size_t count = 0;

	while (argv[count] != NULL) {
		if (text_equal(argv[count], "-b"))
			backing = argv[count + 1];
		count++;
	}
	if (text_parse_u64(argv[count - 1], UINT64_MAX, &size_bytes) < 0)
		return;
	path = path_join(directory, argv[count - 2]);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		qcow2_pattern_remember(fd, backing, size_bytes);
}

static void
add_create(struct job *job, const char *backing, const char *name, uint64_t size_bytes)
{
	AUTO_FREE char *size = text_format("%llu", (unsigned long long)size_bytes);

	if (backing[0] == '\0')
		job_add(job, "storage:make:after-image", "qemu-img", "create", "-q", "-f", "qcow2",
			name, size, NULL);
	else
		/* -u: the base was checked by us; nothing needs to be opened. */
		job_add(job, "storage:make:after-image", "qemu-img", "create", "-q", "-f", "qcow2",
			"-u", "-b", backing, "-F", "qcow2", name, size, NULL);
	job_tell_of_last(job, remember);
}

static struct job *
make(struct pool *p, struct state_name state, struct state_name base, uint64_t size_bytes,
	bool lasting, struct err *err)
{
	AUTO_FREE char *name = qcow2_file_name(state);
	AUTO_FREE char *backing = qcow2_backing_name(state, base);
	AUTO_FD int fd = create_file(p, state, err);
	struct job *job;
	int written;

	if (fd < 0)
		return NULL;
	written = qcow2_pattern_write(fd, backing, size_bytes, err);
	if (written < 0) {
		err_wrap(err, "image '%s'", name);
		return NULL;
	}
	job = job_create(p->loop, p->directory);
	if (written == 0)
		add_create(job, backing, name, size_bytes);
	else
		crash_point("storage:make:after-image");
	if (lasting)
		qcow2_add_sync(p, job, name);
	return job;
}

/*
 * The key goes by stdin, so that it is in no file and on no command line. It has more bits than can
 * be guessed: there is no need to make guessing slow.
 */
static struct job *
make_encrypted(struct pool *p, struct state_name state, struct state_name base, uint64_t size_bytes,
	int key_fd, struct err *err)
{
	static const char secret[] = "secret,id=key,format=raw,file=/proc/self/fd/0";
	static const char how[] = "encrypt.format=luks,encrypt.key-secret=key,encrypt.iter-time=10";
	AUTO_FREE char *name = qcow2_file_name(state);
	AUTO_FREE char *backing = qcow2_backing_name(state, base);
	AUTO_FREE char *size = text_format("%llu", (unsigned long long)size_bytes);
	int key = fcntl(key_fd, F_DUPFD_CLOEXEC, 0);
	struct job *job;

	if (key < 0 || reserve(p, state, err) < 0) {
		if (key >= 0)
			close(key);
		else
			err_set_errno(err, errno, "no key");
		return NULL;
	}
	job = job_create(p->loop, p->directory);
	if (base.vid == NULL)
		job_add(job, "storage:make:after-image", "qemu-img", "create", "-q", "-f", "qcow2",
			"--object", secret, "-o", how, name, size, NULL);
	else
		job_add(job, "storage:make:after-image", "qemu-img", "create", "-q", "-f", "qcow2",
			"--object", secret, "-o", how, "-u", "-b", backing, "-F", "qcow2", name,
			size, NULL);
	job_feed_last(job, key);
	return job;
}

static struct job *
copy(struct pool *p, struct state_name state, const struct chain *from, struct err *err)
{
	AUTO_FREE char *name = qcow2_file_name(state);
	AUTO_FREE char *source =
		qcow2_file_name((struct state_name){from->links[0].vid, from->links[0].number});
	struct job *job;

	if (reserve(p, state, err) < 0)
		return NULL;
	job = job_create(p->loop, p->directory);
	if (from->count == 1) {
		job_add(job, "storage:copy:after-image", "cp", "--reflink=auto", "--sparse=auto",
			"-T", "--", source, name, NULL);
	} else {
		job_add(job, "storage:copy:after-image", "qemu-img", "convert", "-p", "-f", "qcow2",
			"-O", "qcow2", "-t", "writeback", "-m", "8", "-W", source, name, NULL);
		job_watch_last(job);
	}
	qcow2_add_sync(p, job, name);
	return job;
}

static int
check_import(const char *path, enum disk_format format, struct err *err)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct qcow2_header header;

	if (fd < 0)
		return err_set_errno(err, errno, "image '%s': cannot open", path);
	if (format != DISK_FORMAT_QCOW2)
		return 0;
	if (qcow2_read_header(fd, &header, err) < 0)
		return err_wrap(err, "image '%s'", path);
	if (header.is_encrypted)
		return err_set(err, EINVAL, "image '%s' is encrypted", path);
	if (header.backing[0] != '\0')
		return err_set(
			err, EINVAL, "image '%s' lies on another image; flatten it first", path);
	return 0;
}

static struct job *
import(struct pool *p, struct state_name state, const char *path, enum disk_format format,
	struct err *err)
{
	AUTO_FREE char *name = qcow2_file_name(state);
	struct job *job;

	if (path[0] != '/') {
		err_set(err, EINVAL, "image '%s': not an absolute path", path);
		return NULL;
	}
	if (check_import(path, format, err) < 0 || reserve(p, state, err) < 0)
		return NULL;
	job = job_create(p->loop, p->directory);
	job_add(job, "storage:copy:after-image", "qemu-img", "convert", "-p", "-f",
		format == DISK_FORMAT_RAW ? "raw" : "qcow2", "-O", "qcow2", "-t", "writeback", "-m",
		"8", "-W", path, name, NULL);
	job_watch_last(job);
	qcow2_add_sync(p, job, name);
	return job;
}

static struct job *
remove_states(struct pool *p, const struct state_name *states, size_t count)
{
	struct job *job = job_create(p->loop, p->directory);

	for (size_t i = 0; i < count; i++) {
		AUTO_FREE char *name = qcow2_file_name(states[i]);

		job_add(job, "storage:remove:after-image", "rm", "-f", "--", name, NULL);
	}
	return job;
}

static void
remove_leftovers(struct pool *p, const char *vid)
{
	AUTO_FREE char *directory = qcow2_directory_name(vid);
	AUTO_FREE char *path = path_join(p->directory, directory);

	/* Fails, as it should, while other volumes or other files of the qube are in it. */
	(void)rmdir(path);
}

/* Opens one file and compares its header with what the store says it lies on. */
static int
open_link(struct pool *p, const struct chain *chain, size_t index, int flags, int *ret_fd,
	struct err *err)
{
	struct state_name state = {chain->links[index].vid, chain->links[index].number};
	struct state_name base = {NULL, 0};
	AUTO_FREE char *path = full_path(p, state);
	AUTO_FREE char *expected = NULL;
	AUTO_FD int fd = open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct qcow2_header header;

	if (fd < 0)
		return err_set_errno(err, errno, "image '%s': cannot open", path);
	if (qcow2_read_header(fd, &header, err) < 0)
		return err_wrap(err, "image '%s'", path);
	if (index + 1 < chain->count)
		base = (struct state_name){
			chain->links[index + 1].vid, chain->links[index + 1].number};
	expected = qcow2_backing_name(state, base);
	if (!text_equal(header.backing, expected))
		return err_set(err, EBADMSG, "image '%s' lies on '%s' instead of '%s'", path,
			header.backing, expected);
	if (header.is_encrypted != (chain->is_encrypted && index == 0))
		return err_set(err, EBADMSG, "image '%s' %s encrypted", path,
			header.is_encrypted ? "is" : "is not");
	*ret_fd = steal_fd(&fd);
	return 0;
}

static int
check(struct pool *p, const struct chain *chain, struct err *err)
{
	for (size_t i = 0; i < chain->count; i++) {
		AUTO_FD int fd = -1;

		if (open_link(p, chain, i, O_RDONLY, &fd, err) < 0)
			return -1;
	}
	return 0;
}

static int
open_image(struct pool *p, const struct chain *chain, bool read_only, struct disk_image *image,
	struct err *err)
{
	for (size_t i = 0; i < chain->count; i++) {
		int flags = i == 0 && !read_only ? O_RDWR : O_RDONLY;
		int fd = -1;

		if (open_link(p, chain, i, flags, &fd, err) < 0)
			return -1;
		image->files[image->file_count++] = (struct disk_file){fd, DISK_FORMAT_QCOW2};
	}
	return 0;
}

int
qcow2_virtual_size(struct pool *p, struct state_name state, uint64_t *ret_bytes, struct err *err)
{
	AUTO_FREE char *path = full_path(p, state);
	AUTO_FD int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct qcow2_header header;

	if (fd < 0)
		return err_set_errno(err, errno, "image '%s': cannot open", path);
	if (qcow2_read_header(fd, &header, err) < 0)
		return err_wrap(err, "image '%s'", path);
	*ret_bytes = header.size_bytes;
	return 0;
}

static int
usage(struct pool *p, struct state_name state, uint64_t *ret_allocated, uint64_t *ret_length)
{
	AUTO_FREE char *path = full_path(p, state);
	struct stat st;

	if (lstat(path, &st) < 0)
		return -errno;
	*ret_allocated = (uint64_t)st.st_blocks * 512;
	*ret_length = (uint64_t)st.st_size;
	return 0;
}

static uint64_t
free_bytes(struct pool *p)
{
	struct statvfs st;

	return statvfs(p->directory, &st) == 0 ? (uint64_t)st.f_bavail * st.f_frsize : 0;
}

static int
put_aside(struct pool *p, struct state_name state, char **ret_where, struct err *err)
{
	AUTO_FREE char *path = full_path(p, state);
	AUTO_FREE char *aside = text_format("%s.damaged", path);

	if (rename(path, aside) < 0 && errno != ENOENT)
		return err_set_errno(err, errno, "image '%s': cannot put aside", path);
	*ret_where = steal_ptr(aside);
	return 0;
}

/* "VOLUME-N.qcow2" -> VOLUME and N. */
static bool
parse_file_name(const char *name, char **ret_volume, int64_t *ret_number)
{
	AUTO_FREE char *stem = text_copy(name);
	uint64_t number;
	char *dash;

	if (!text_ends_with(name, ".qcow2"))
		return false;
	stem[strlen(stem) - strlen(".qcow2")] = '\0';
	dash = strrchr(stem, '-');
	if (dash == NULL || text_parse_u64(dash + 1, INT64_MAX, &number) < 0)
		return false;
	*dash = '\0';
	if (!volume_name_valid(stem))
		return false;
	*ret_volume = steal_ptr(stem);
	*ret_number = (int64_t)number;
	return true;
}

static void
list_qube(struct pool *p, const char *kind, const char *qube,
	void (*found)(const char *vid, int64_t number, void *data), void *data)
{
	AUTO_FREE char *path = text_format("%s/%s/%s", p->directory, kind, qube);
	DIR *directory = opendir(path);
	const struct dirent *entry;

	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		AUTO_FREE char *volume = NULL;
		int64_t number;

		if (!parse_file_name(entry->d_name, &volume, &number))
			continue;
		AUTO_FREE char *vid = text_format("%s/%s/%s", kind, qube, volume);
		found(vid, number, data);
	}
	if (directory != NULL)
		closedir(directory);
}

static void
list(struct pool *p, void (*found)(const char *vid, int64_t number, void *data), void *data)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		AUTO_FREE char *path = path_join(p->directory, kinds[i]);
		DIR *directory = opendir(path);
		const struct dirent *entry;

		while (directory != NULL && (entry = readdir(directory)) != NULL) {
			if (qube_name_valid(entry->d_name, NULL))
				list_qube(p, kinds[i], entry->d_name, found, data);
		}
		if (directory != NULL)
			closedir(directory);
	}
}

const struct pool_driver pool_qcow2 = {
	.name = "qcow2",
	.vid_valid = vid_valid,
	.exists = exists,
	.make = make,
	.make_encrypted = make_encrypted,
	.copy = copy,
	.import = import,
	.fill = qcow2_fill,
	.set_base = qcow2_set_base,
	.fold = qcow2_fold,
	.remove_states = remove_states,
	.remove_leftovers = remove_leftovers,
	.base_name = qcow2_backing_name,
	.check = check,
	.open = open_image,
	.virtual_size = qcow2_virtual_size,
	.usage = usage,
	.free_bytes = free_bytes,
	.put_aside = put_aside,
	.path = full_path,
	.list = list,
};
