/*
 * The state machine over entries (receive.h). A header is checked before its name is read, the
 * name before the file system is touched. The first thing that is wrong ends the transfer.
 */
#include "filecopy/receive.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "filecopy/input.h"
#include "filecopy/landing.h"
#include "filecopy/transfer_record.h"

/* How long a transfer waits for room on the disk, looking once a second. */
#define SPACE_WAIT_SECONDS 3600

struct receiver {
	const struct receive_config *config;
	struct filecopy_input in;
	struct landing *landing;
	struct receive_outcome *outcome;
	struct filecopy_header header;
	uint64_t entries;
	char untrusted_name[FILECOPY_NAME_MAX]; /* here, because it is large and each file has one
						 */
};

/* What a failed read means in the middle of an entry. */
static uint32_t
read_code(int e)
{
	return e == -ENODATA ? FILECOPY_CUT_OFF : (uint32_t)-e;
}

/* 0, or EREMOTEIO at the end of the stream. */
static uint32_t
read_header(struct receiver *r)
{
	uint8_t bytes[FILECOPY_HEADER_BYTES];
	int e = filecopy_input_read(&r->in, bytes, sizeof(bytes));

	if (e < 0)
		return e == -ENODATA ? EREMOTEIO : (uint32_t)-e;
	filecopy_header_decode(bytes, &r->header);
	return filecopy_header_check(&r->header);
}

/* The name goes to the outcome also when it is refused: the sender is told which it was. */
static uint32_t
read_name(struct receiver *r)
{
	struct receive_outcome *o = r->outcome;
	uint32_t length = r->header.name_length;
	const char *untrusted_name = r->untrusted_name;
	int e = filecopy_input_read(&r->in, r->untrusted_name, length);

	if (e < 0)
		return read_code(e);
	memcpy(o->name, untrusted_name, length);
	o->name_length = untrusted_name[length - 1] == '\0' ? length - 1 : length;
	o->name[o->name_length] = '\0';
	if (o->name_length == length)
		return EILSEQ;
	return filecopy_name_check(o->name, o->name_length, r->config->flags);
}

static uint32_t
wait_for_space(const struct receiver *r, int fd)
{
	const struct timespec second = {.tv_sec = 1};
	uint64_t wanted;

	if (__builtin_add_overflow(r->header.size, r->config->space_margin, &wanted))
		return EDQUOT;
	for (int waited = 0; waited < SPACE_WAIT_SECONDS; waited++) {
		struct statfs st;

		if (fstatfs(fd, &st) < 0)
			return (uint32_t)errno;
		if (wanted / (uint64_t)st.f_bsize < st.f_bavail)
			return 0;
		clock_nanosleep(CLOCK_MONOTONIC, 0, &second, NULL);
	}
	return ENOSPC;
}

/* To a file, which write_all() would first try as a socket: once for each small file counts. */
static uint32_t
write_bytes(int fd, const uint8_t *bytes, size_t size)
{
	while (size > 0) {
		ssize_t count = write(fd, bytes, size);

		if (count < 0 && errno != EINTR)
			return (uint32_t)errno;
		if (count > 0) {
			bytes += count;
			size -= (size_t)count;
		}
	}
	return 0;
}

static uint32_t
copy_body(struct receiver *r, int fd)
{
	uint64_t left = r->header.size;

	while (left > 0) {
		const uint8_t *bytes;
		size_t max = left < FILECOPY_INPUT_BYTES ? (size_t)left : FILECOPY_INPUT_BYTES;
		ssize_t count = filecopy_input_take(&r->in, max, &bytes);
		uint32_t code;

		if (count < 0)
			return read_code((int)count);
		if ((code = write_bytes(fd, bytes, (size_t)count)) != 0)
			return code;
		left -= (uint64_t)count;
	}
	return 0;
}

static uint32_t
receive_file(struct receiver *r)
{
	struct receive_outcome *o = r->outcome;
	uint32_t code;
	int fd;

	if (__builtin_add_overflow(o->bytes, r->header.size, &o->bytes) ||
		(r->config->max_bytes != 0 && o->bytes > r->config->max_bytes))
		return EDQUOT;
	code = landing_create_file(r->landing, o->name, &r->header, &fd);
	if (code != 0)
		return code;
	if (r->config->wait_for_space)
		code = wait_for_space(r, fd);
	if (code == 0)
		code = copy_body(r, fd);
	if (code != 0) {
		close(fd);
		return code;
	}
	o->files++;
	return landing_finish_file(r->landing, fd, &r->header);
}

static uint32_t
receive_link(struct receiver *r)
{
	char untrusted_target[FILECOPY_TARGET_MAX + 1];
	size_t length = r->header.size;
	uint32_t code;
	int e;

	if ((r->config->flags & FILECOPY_ALLOW_SYMLINKS) == 0)
		return EINVAL;
	if (length > FILECOPY_TARGET_MAX)
		return ENAMETOOLONG;
	if ((e = filecopy_input_read(&r->in, untrusted_target, length)) < 0)
		return read_code(e);
	untrusted_target[length] = '\0';
	code = filecopy_target_check(r->outcome->name, untrusted_target, length, r->config->flags);
	if (code != 0)
		return code;
	return landing_add_link(r->landing, r->outcome->name, untrusted_target);
}

static uint32_t
receive_directory(struct receiver *r)
{
	if ((r->config->flags & FILECOPY_ALLOW_DIRECTORIES) == 0 || r->header.size != 0)
		return EINVAL;
	return landing_add_directory(r->landing, r->outcome->name, &r->header);
}

static uint32_t
receive_entry(struct receiver *r)
{
	uint32_t code = read_name(r);

	if (code != 0)
		return code;
	if (r->config->max_entries != 0 && ++r->entries > r->config->max_entries)
		return EDQUOT;
	if (r->config->verbose)
		log_info("%s", r->outcome->name);
	if (S_ISREG(r->header.mode))
		return receive_file(r);
	if (S_ISLNK(r->header.mode))
		return receive_link(r);
	if (S_ISDIR(r->header.mode))
		return receive_directory(r);
	return EINVAL;
}

static uint32_t
receive_entries(struct receiver *r)
{
	for (;;) {
		uint32_t code = read_header(r);

		if (code != 0) {
			/* Of this entry no name is known. */
			r->outcome->name_length = 0;
			return code;
		}
		if (r->header.name_length == 0)
			return 0;
		code = receive_entry(r);
		if (code != 0)
			return code;
	}
}

static void
record_total(int record_fd, const struct receive_outcome *o)
{
	AUTO_BUF struct buf line;

	buf_init(&line, 100);
	transfer_record_put_total(&line, o->files, o->bytes);
	write_all(record_fd, buf_data(&line), buf_len(&line));
}

uint32_t
receive_transfer(int stream_fd, int destination_fd, int record_fd,
	const struct receive_config *config, struct receive_outcome *ret_outcome)
{
	struct receiver r = {.config = config, .outcome = ret_outcome};
	uint32_t code;

	memset(ret_outcome, 0, sizeof(*ret_outcome));
	r.landing = landing_create(destination_fd);
	if (r.landing == NULL)
		code = (uint32_t)errno;
	else if (filecopy_input_init(&r.in, stream_fd,
			 config->patience_seconds != 0 ? (int)config->patience_seconds * 1000
						       : -1) < 0)
		code = ENOMEM;
	else
		code = receive_entries(&r);
	if (code == 0)
		code = landing_commit(r.landing, record_fd);
	if (code == 0 && record_fd >= 0)
		record_total(record_fd, ret_outcome);
	landing_destroy(r.landing);
	ret_outcome->result.code = code;
	ret_outcome->result.checksum = r.in.checksum;
	filecopy_input_finish(&r.in);
	return code;
}

int
receive_answer(int fd, const struct receive_outcome *outcome)
{
	uint8_t record[FILECOPY_RESULT_BYTES + FILECOPY_RESULT_TAIL_BYTES];
	int e;

	filecopy_result_encode(&outcome->result, outcome->name_length, record);
	e = write_all(fd, record, sizeof(record));
	return e < 0 ? e : write_all(fd, outcome->name, outcome->name_length);
}
