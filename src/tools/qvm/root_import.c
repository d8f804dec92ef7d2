/* Importing a root image (root_import.h). */
#include "tools/qvm/root_import.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "tools/lib/admin_client.h"

#define COPY_CHUNK ((size_t)1 << 20)

static int
call_internal(const char *method, const char *qube, const char *payload, char **ret_content,
	struct err *err)
{
	struct admin_call call = {
		.method = method,
		.argument = "root",
		.destination = qube,
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
copy_range(int from, int to, uint64_t offset, uint64_t end, struct err *err)
{
	AUTO_FREE uint8_t *chunk = xcalloc(COPY_CHUNK, 1);

	while (offset < end) {
		size_t wanted = end - offset < COPY_CHUNK ? (size_t)(end - offset) : COPY_CHUNK;
		ssize_t count = pread(from, chunk, wanted, (off_t)offset);

		if (count > 0)
			count = pwrite(to, chunk, (size_t)count, (off_t)offset);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return err_set_errno(err, errno, "error copying data");
		if (count == 0)
			return err_set(err, ENODATA,
				"not enough data (copied %" PRIu64 " bytes, expected %" PRIu64
				" bytes)",
				offset, end);
		offset += (uint64_t)count;
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

/*
 * Copies exactly `size` bytes into a file that is all holes, as ImportBegin makes it: the holes
 * of an image, most of it, cost nothing. 0 or -1 with the error.
 */
static int
copy_image(int from, const char *target_path, uint64_t size, struct err *err)
{
	AUTO_FD int to = open(target_path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	uint64_t offset = 0, end;
	struct stat st;

	if (to < 0)
		return err_set_errno(err, errno, "cannot open '%s'", target_path);
	/* Behind the end of a file there is no hole, but nothing. */
	if (fstat(from, &st) < 0)
		return err_set_errno(err, errno, "error copying data");
	if ((uint64_t)st.st_size < size)
		return err_set(err, ENODATA,
			"not enough data (copied %jd bytes, expected %" PRIu64 " bytes)",
			(intmax_t)st.st_size, size);
	while (find_data(from, size, &offset, &end)) {
		if (copy_range(from, to, offset, end, err) < 0)
			return -1;
		offset = end;
	}
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

int
root_import(const char *qube, const char *image_path, struct err *err)
{
	AUTO_FD int image = open(image_path, O_RDONLY | O_CLOEXEC);
	AUTO_FREE char *answer = NULL;
	struct stat st;
	const char *path;
	uint64_t size;

	if (image < 0 || fstat(image, &st) < 0)
		return err_set_errno(err, errno, "cannot open '%s'", image_path);

	AUTO_FREE char *size_text = text_format("%jd", (intmax_t)st.st_size);

	if (call_internal("internal.vm.volume.ImportBegin", qube, size_text, &answer, err) < 0)
		return -1;
	path = parse_begin(answer, &size, err);
	if (path != NULL && copy_image(image, path, size, err) == 0)
		return call_internal("internal.vm.volume.ImportEnd", qube, "ok", NULL, err);

	AUTO_FREE char *failure = text_format("fail\n%s", err_message(err));

	/* The failure that led here is the one to tell. */
	call_internal("internal.vm.volume.ImportEnd", qube, failure, NULL, NULL);
	return -1;
}
