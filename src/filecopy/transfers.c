/* The directory of records (transfers.h). */
#include "filecopy/transfers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"
#include "filecopy/home.h"

#define TRANSFERS_DIRECTORY "bulkhead/transfers"

bool
transfer_id_valid(const char *id)
{
	static const char shape[] = "dddddddd-dddddd-xxxx";

	if (strlen(id) != TRANSFER_ID_LENGTH)
		return false;
	for (size_t i = 0; i < TRANSFER_ID_LENGTH; i++) {
		const char *allowed = shape[i] == 'd'   ? "0123456789"
				      : shape[i] == 'x' ? "0123456789abcdef"
							: "-";

		if (strchr(allowed, id[i]) == NULL)
			return false;
	}
	return true;
}

static char *
directory_path(struct err *err)
{
	char *path = home_path(TRANSFERS_DIRECTORY);

	if (path == NULL)
		err_set(err, ENOENT, "no home directory for the record of transfers");
	return path;
}

static char *
record_path(const char *id, struct err *err)
{
	AUTO_FREE char *directory = directory_path(err);

	return directory != NULL ? path_join(directory, id) : NULL;
}

/* The last part counts parts of the second, so that ids sort by time. */
static void
make_id(const struct timespec *now, char ret_id[TRANSFER_ID_LENGTH + 1])
{
	const unsigned int part = (unsigned int)((uint64_t)now->tv_nsec * 65536 / 1000000000);
	struct tm utc;

	gmtime_r(&now->tv_sec, &utc);
	/* Years of four digits: the shape of an id holds for a while. */
	snprintf(ret_id, TRANSFER_ID_LENGTH + 1, "%04u%02u%02u-%02u%02u%02u-%04x",
		(unsigned int)(utc.tm_year + 1900) % 10000, (unsigned int)(utc.tm_mon + 1) % 100,
		(unsigned int)utc.tm_mday % 100, (unsigned int)utc.tm_hour % 100,
		(unsigned int)utc.tm_min % 100, (unsigned int)utc.tm_sec % 100, part & 0xffff);
}

/* Two that end at the same moment do not get the same id. */
static int
give_id(const char *directory, const char *file, char ret_id[TRANSFER_ID_LENGTH + 1])
{
	for (;;) {
		AUTO_FREE char *path = NULL;
		struct timespec now;

		clock_gettime(CLOCK_REALTIME, &now);
		make_id(&now, ret_id);
		path = path_join(directory, ret_id);
		if (renameat2(AT_FDCWD, file, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
			return 0;
		if (errno != EEXIST)
			return -errno;
	}
}

int
transfers_add(const struct buf *text, char ret_id[TRANSFER_ID_LENGTH + 1], struct err *err)
{
	AUTO_FREE char *directory = directory_path(err);
	AUTO_FREE char *file = NULL;
	int e;

	if (directory == NULL || make_directories(directory, 0700, err) < 0)
		return -1;
	file = text_format("%s/.new-%d", directory, (int)getpid());
	if (write_file(file, buf_data(text), buf_len(text), 0600, err) < 0)
		return -1;
	e = give_id(directory, file, ret_id);
	if (e == 0)
		return 0;
	unlink(file);
	return err_set_errno(err, -e, "record '%s'", file);
}

int
transfers_replace(const char *id, const struct buf *text, struct err *err)
{
	AUTO_FREE char *path = record_path(id, err);

	return path == NULL ? -1 : write_file(path, buf_data(text), buf_len(text), 0600, err);
}

int
transfers_read(const char *id, struct transfer_record *ret_record, struct err *err)
{
	AUTO_FREE char *path = NULL;
	AUTO_FREE char *text = NULL;
	size_t size;

	if (!transfer_id_valid(id))
		return err_set(err, EINVAL, "'%s' is not the id of a transfer", id);
	path = record_path(id, err);
	if (path == NULL)
		return -1;
	if (read_file(path, TRANSFER_RECORD_MAX, &text, &size, err) < 0)
		return err->code == ENOENT ? err_set(err, ENOENT, "no transfer '%s'", id) : -1;
	if (transfer_record_parse(text, size, ret_record, err) < 0)
		return err_wrap(err, "transfer '%s'", id);
	return 0;
}

static int
compare_ids(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int
transfers_list(char ***ret_ids, size_t *ret_count, struct err *err)
{
	AUTO_FREE char *path = directory_path(err);
	DIR *directory = path != NULL ? opendir(path) : NULL;
	struct dirent *entry;
	char **ids = NULL;
	size_t count = 0;

	if (path == NULL)
		return -1;
	if (directory == NULL && errno != ENOENT)
		return err_set_errno(err, errno, "directory '%s'", path);
	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		char **grown;

		if (!transfer_id_valid(entry->d_name))
			continue;
		grown = reallocarray(ids, count + 1, sizeof(*ids));
		if (grown == NULL)
			break;
		ids = grown;
		ids[count++] = text_copy(entry->d_name);
	}
	if (directory != NULL)
		closedir(directory);
	if (count > 0)
		qsort(ids, count, sizeof(*ids), compare_ids);
	*ret_ids = ids;
	*ret_count = count;
	return 0;
}

void
transfers_free(char **ids, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(ids[i]);
	free(ids);
}

static int
format_object(const struct transfer_object *o, struct buf *text)
{
	switch (o->kind) {
	case TRANSFER_ROOT:
		return transfer_record_put_root(text, o->path, &o->sum);
	case TRANSFER_TRASHED:
		return transfer_record_put_trashed(text, o->trash_name, o->path, &o->sum);
	case TRANSFER_SENT:
	case TRANSFER_LOST:
		return transfer_record_put_path(text, o->kind, o->path);
	}
	return -EINVAL;
}

int
transfers_format(const struct transfer_record *r, struct buf *text)
{
	int e = transfer_record_put_head(text, r->incoming, r->move, r->peer, r->time);

	if (e == 0)
		e = transfer_record_put_total(text, r->files, r->bytes);
	for (size_t i = 0; i < r->count && e == 0; i++)
		e = format_object(&r->objects[i], text);
	if (e == 0 && r->undone != 0)
		e = transfer_record_put_undone(text, r->undone);
	return e;
}
