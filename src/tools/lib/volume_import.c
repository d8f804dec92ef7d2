/* Importing into a volume (volume_import.h). */
#include "tools/lib/volume_import.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/text.h"
#include "tools/lib/admin_client.h"
#include "tools/lib/progress_line.h"

#define COPY_CHUNK ((size_t)1 << 20)

struct copy {
	const struct volume_import *import;
	int to;
	uint64_t size;
	uint8_t *chunk; /* owned */
};

static int
call_internal(const struct volume_import *i, const char *method, const char *payload,
	char **ret_content, struct err *err)
{
	struct admin_call call = {
		.method = method,
		.argument = i->volume,
		.destination = i->qube,
		.payload = payload,
		.payload_size = strlen(payload),
		.internal = true,
	};
	int status = 0;

	admin_calls_run(&call, 1, -1);
	if (call.content == NULL)
		status = err_move(err, &call.err);
	else if (ret_content != NULL)
		*ret_content = steal_ptr(call.content);
	admin_call_finish(&call);
	return status;
}

static int
too_little(uint64_t count, uint64_t expected, struct err *err)
{
	return err_set(err, ENODATA,
		"not enough data (copied %" PRIu64 " bytes, expected %" PRIu64 " bytes)", count,
		expected);
}

static int
too_much(uint64_t expected, struct err *err)
{
	return err_set(err, EFBIG, "too much data (expected %" PRIu64 " bytes)", expected);
}

static void
tell(const struct copy *c, uint64_t done)
{
	if (c->import->tell != NULL)
		c->import->tell(done, c->size, c->import->data);
}

static bool
is_zero(const uint8_t *bytes, size_t count)
{
	return bytes[0] == 0 && memcmp(bytes, bytes + 1, count - 1) == 0;
}

/* The target is all holes as the daemon made it: zeroes need not be written. */
static int
put_chunk(const struct copy *c, size_t count, uint64_t offset, struct err *err)
{
	size_t done = 0;

	if (is_zero(c->chunk, count))
		return 0;
	while (done < count) {
		ssize_t written =
			pwrite(c->to, c->chunk + done, count - done, (off_t)(offset + done));

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return err_set_errno(err, errno, "error copying data");
		done += (size_t)written;
	}
	return 0;
}

static int
copy_range(const struct copy *c, uint64_t offset, uint64_t end, struct err *err)
{
	while (offset < end) {
		size_t wanted = end - offset < COPY_CHUNK ? (size_t)(end - offset) : COPY_CHUNK;
		ssize_t count = pread(c->import->fd, c->chunk, wanted, (off_t)offset);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return err_set_errno(err, errno, "error copying data");
		if (count == 0)
			return too_little(offset, c->size, err);
		if (put_chunk(c, (size_t)count, offset, err) < 0)
			return -1;
		offset += (uint64_t)count;
		tell(c, offset);
	}
	return 0;
}

/* The next bytes that are more than a hole; false when none are left. */
static bool
find_data(int from, uint64_t size, uint64_t *offset, uint64_t *ret_end)
{
	off_t data = lseek(from, (off_t)*offset, SEEK_DATA);
	off_t hole;

	*ret_end = size;
	if (data < 0)
		return errno != ENXIO && *offset < size; /* ENXIO: only a hole is left */
	hole = lseek(from, data, SEEK_HOLE);
	*offset = (uint64_t)data;
	if (hole > data && (uint64_t)hole < size)
		*ret_end = (uint64_t)hole;
	return *offset < size;
}

/* The holes of an image, most of it, cost nothing. */
static int
copy_file(const struct copy *c, uint64_t file_bytes, struct err *err)
{
	uint64_t offset = 0, end;

	if (file_bytes < c->size)
		return too_little(file_bytes, c->size, err);
	if (file_bytes > c->size)
		return too_much(c->size, err);
	while (find_data(c->import->fd, c->size, &offset, &end)) {
		if (copy_range(c, offset, end, err) < 0)
			return -1;
		offset = end;
	}
	return 0;
}

/* At most `wanted` bytes, fewer only at the end. */
static ssize_t
read_chunk(int fd, uint8_t *bytes, size_t wanted)
{
	size_t done = 0;

	while (done < wanted) {
		ssize_t count = read(fd, bytes + done, wanted - done);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -1;
		if (count == 0)
			break;
		done += (size_t)count;
	}
	return (ssize_t)done;
}

static int
copy_stream(const struct copy *c, struct err *err)
{
	uint64_t offset = 0;
	ssize_t count;

	while (offset < c->size) {
		size_t wanted =
			c->size - offset < COPY_CHUNK ? (size_t)(c->size - offset) : COPY_CHUNK;

		count = read_chunk(c->import->fd, c->chunk, wanted);
		if (count < 0)
			return err_set_errno(err, errno, "error copying data");
		if (count > 0 && put_chunk(c, (size_t)count, offset, err) < 0)
			return -1;
		offset += (uint64_t)count;
		if ((size_t)count < wanted)
			return too_little(offset, c->size, err);
		tell(c, offset);
	}
	count = read_chunk(c->import->fd, c->chunk, 1);
	if (count != 0)
		return count < 0 ? err_set_errno(err, errno, "error copying data")
				 : too_much(c->size, err);
	return 0;
}

static int
copy_data(const struct volume_import *i, const char *target_path, uint64_t size, struct err *err)
{
	AUTO_FD int to = open(target_path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	AUTO_FREE uint8_t *chunk = xcalloc(COPY_CHUNK, 1);
	struct copy c = {.import = i, .to = to, .size = size, .chunk = chunk};
	struct stat st;
	int result;

	if (to < 0)
		return err_set_errno(err, errno, "cannot open '%s'", target_path);
	if (fstat(i->fd, &st) < 0)
		return err_set_errno(err, errno, "error copying data");
	result = S_ISREG(st.st_mode) ? copy_file(&c, (uint64_t)st.st_size, err)
				     : copy_stream(&c, err);
	if (result < 0)
		return -1;
	if (ftruncate(to, (off_t)size) < 0 || fsync(to) < 0)
		return err_set_errno(err, errno, "error copying data");
	return 0;
}

/* "SIZE PATH" as the daemon answers to the beginning: the path, or NULL with the error. */
static const char *
parse_begin(char *answer, uint64_t *ret_size, struct err *err)
{
	char *path = answer;
	const char *size = strsep(&path, " ");

	if (path != NULL && path[0] == '/' && text_parse_u64(size, INT64_MAX, ret_size) == 0)
		return path;
	err_set(err, EBADMSG, "answer of the daemon: no size and path");
	return NULL;
}

/* The daemon makes an image of it, which takes as long again. */
static int
finish(const struct volume_import *import, struct err *err)
{
	pid_t watcher =
		import->tell != NULL ? progress_watch_begin(import->qube, import->volume) : -1;
	int result = call_internal(import, "internal.vm.volume.ImportEnd", "ok", NULL, err);

	progress_watch_end(watcher);
	return result;
}

int
volume_import_run(const struct volume_import *import, struct err *err)
{
	AUTO_FREE char *answer = NULL;
	AUTO_FREE char *size_text =
		import->has_size ? text_format("%" PRIu64, import->size_bytes) : text_copy("");
	AUTO_ERR struct err last = ERR_INIT;
	const char *path;
	uint64_t size;

	if (call_internal(import, "internal.vm.volume.ImportBegin", size_text, &answer, err) < 0)
		return -1;
	path = parse_begin(answer, &size, err);
	if (path != NULL && copy_data(import, path, size, err) == 0)
		return finish(import, err);

	AUTO_FREE char *failure = text_format("fail\n%s", err_message(err));

	/* "Data import failed: ..." with the reason, as the daemon puts it. */
	if (call_internal(import, "internal.vm.volume.ImportEnd", failure, NULL, &last) < 0 &&
		last.kind != NULL) {
		err_clear(err);
		err_move(err, &last);
	}
	return -1;
}
