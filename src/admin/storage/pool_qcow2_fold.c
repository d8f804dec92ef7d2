/*
 * Folding qcow2 files: moving content between images that lie on each other while all of them read
 * the same at every moment. Runs in bulkheadd; the work is done by qemu-img and qemu-io.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/storage/pool_qcow2.h"
#include "base/cleanup.h"
#include "base/text.h"

/* A line of a map, and the most that is read at a time: qemu-io holds it in memory. */
#define MAP_LINE_MAX 512
#define READ_MAX ((uint64_t)16 << 20)

/* An image that ends before the one below would show, once merged, what it never had. */
static int
add_growth(struct pool *p, struct job *job, struct state_name upper, struct state_name lower,
	struct err *err)
{
	AUTO_FREE char *name = qcow2_file_name(upper);
	uint64_t upper_bytes, lower_bytes;

	if (qcow2_virtual_size(p, upper, &upper_bytes, err) < 0 ||
		qcow2_virtual_size(p, lower, &lower_bytes, err) < 0)
		return -1;
	if (upper_bytes < lower_bytes) {
		AUTO_FREE char *size = text_format("%llu", (unsigned long long)lower_bytes);

		job_add(job, "storage:fold:after-growth", "qemu-img", "resize", "-q", "-f", "qcow2",
			name, size, NULL);
	}
	return 0;
}

/* A key and its number, from where the cursor is. */
static bool
take_number(const char **cursor, const char *key, uint64_t *ret_number)
{
	char *end;

	if (!text_starts_with(*cursor, key))
		return false;
	*cursor += strlen(key);
	errno = 0;
	*ret_number = strtoull(*cursor, &end, 10);
	if (end == *cursor || errno != 0)
		return false;
	*cursor = end;
	return true;
}

/* One extent of the map: 1 with it, 0 if the line has none that is the image's own. */
static int
parse_extent(const char *line, uint64_t *ret_start, uint64_t *ret_length, struct err *err)
{
	const char *cursor = line[0] == '[' ? line + 1 : line;
	uint64_t depth = 0;

	if (!take_number(&cursor, "{ \"start\": ", ret_start) ||
		!take_number(&cursor, ", \"length\": ", ret_length) ||
		!take_number(&cursor, ", \"depth\": ", &depth))
		return text_starts_with(cursor, "]") || cursor[0] == '\n'
			       ? 0
			       : err_set(err, EBADMSG, "qemu-img: a map that is none");
	return depth == 0 ? 1 : 0;
}

static void
print_reads(FILE *to, uint64_t start, uint64_t end)
{
	while (start < end) {
		uint64_t length = end - start < READ_MAX ? end - start : READ_MAX;

		fprintf(to, "read -q %llu %llu\n", (unsigned long long)start,
			(unsigned long long)length);
		start += length;
	}
}

static int
make_reads(FILE *from, FILE *to, uint64_t limit, struct err *err)
{
	char line[MAP_LINE_MAX];
	uint64_t start = 0, length = 0;

	while (fgets(line, sizeof(line), from) != NULL) {
		int found = parse_extent(line, &start, &length, err);

		if (found < 0)
			return -1;
		if (found > 0 && start < limit)
			print_reads(to, start, length < limit - start ? start + length : limit);
	}
	return 0;
}

int
qcow2_make_reads(int from_fd, int to_fd, uint64_t limit, struct err *err)
{
	int from_copy = dup(from_fd), to_copy = dup(to_fd);
	FILE *from = from_copy >= 0 ? fdopen(from_copy, "r") : NULL;
	FILE *to = to_copy >= 0 ? fdopen(to_copy, "w") : NULL;
	int result;

	if (from == NULL || to == NULL)
		result = err_set_errno(err, errno, "qemu-img: its map");
	else
		result = make_reads(from, to, limit, err);
	if (from != NULL)
		fclose(from);
	if (to != NULL && fclose(to) != 0 && result == 0)
		result = err_set_errno(err, errno, "qemu-img: its map");
	return result;
}

struct job *
qcow2_fill(struct pool *p, struct state_name state, struct state_name over, struct state_name base,
	struct err *err)
{
	AUTO_FREE char *name = qcow2_file_name(state);
	AUTO_FREE char *over_name = qcow2_file_name(over);
	struct job *job = job_create(p->loop, p->directory);
	uint64_t size_bytes;

	if (qcow2_virtual_size(p, state, &size_bytes, err) < 0 ||
		add_growth(p, job, over, base, err) < 0) {
		job_destroy(job);
		return NULL;
	}
	job_add(job, NULL, "qemu-img", "map", "-f", "qcow2", "--output=json", over_name, NULL);
	job_feed_next(job, qcow2_make_reads, size_bytes);
	/* What is read through the image stays in it (-C), also where that is nothing but zeroes.
	 */
	job_add(job, "storage:fill:after-reads", "qemu-io", "-C", "-f", "qcow2", name, NULL);
	job_add(job, "storage:fill:after-sync", "sync", "--", name, NULL);
	return job;
}

struct job *
qcow2_set_base(struct pool *p, struct state_name state, struct state_name base, struct err *err)
{
	AUTO_FREE char *name = qcow2_file_name(state);
	AUTO_FREE char *backing = qcow2_backing_name(state, base);
	struct job *job = job_create(p->loop, p->directory);

	(void)err;
	job_keep_rest(job);
	job_add(job, "storage:move:after-header", "qemu-img", "rebase", "-q", "-u", "-f", "qcow2",
		"-b", backing, "-F", "qcow2", name, NULL);
	job_add(job, "storage:move:after-sync", "sync", "--", name, NULL);
	return job;
}

struct job *
qcow2_fold(struct pool *p, struct state_name upper, struct state_name lower, struct err *err)
{
	AUTO_FREE char *upper_name = qcow2_file_name(upper);
	AUTO_FREE char *lower_name = qcow2_file_name(lower);
	AUTO_FREE char *directory = qcow2_directory_name(upper.vid);
	struct job *job = job_create(p->loop, p->directory);

	if (add_growth(p, job, upper, lower, err) < 0) {
		job_destroy(job);
		return NULL;
	}
	/* -d: the upper image stays as it is, so that this may be ended and done again. */
	job_add(job, "storage:fold:after-merge", "qemu-img", "commit", "-p", "-d", "-f", "qcow2",
		upper_name, NULL);
	job_watch_last(job);
	job_keep_rest(job);
	job_add(job, "storage:fold:after-sync", "sync", "--", lower_name, NULL);
	job_add(job, "storage:fold:after-rename", "mv", "-T", "--", lower_name, upper_name, NULL);
	job_add(job, "storage:fold:after-directory-sync", "sync", "--", directory, NULL);
	return job;
}
