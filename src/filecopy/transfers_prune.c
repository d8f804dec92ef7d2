/* Dropping old records, and originals of moves from the trash (transfers.h). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "base/text.h"
#include "filecopy/home.h"
#include "filecopy/transfers.h"
#include "filecopy/trash.h"

#define SETTINGS_FILE_MAX 65536
#define SECONDS_A_DAY 86400
#define MIB 1048576ULL

/* Of the records of one direction: an arrival of very many objects has a long one. */
#define RECORD_BYTES_MAX (64 * MIB)

/* --- settings ------------------------------------------------------------------------------- */

static int
take_setting(const char *key, const char *value, struct transfer_settings *settings)
{
	uint64_t number;

	if (text_parse_u64(value, UINT32_MAX, &number) < 0)
		return -EINVAL;
	if (text_equal(key, "trash-max-mib"))
		settings->trash_max_bytes = number * MIB;
	else if (text_equal(key, "trash-max-days"))
		settings->trash_max_days = number;
	else if (text_equal(key, "keep-records"))
		settings->keep_records = number;
	else
		return -EINVAL;
	return 0;
}

int
transfer_settings_parse(char *text, struct transfer_settings *settings, int *ret_line)
{
	char *line = text;

	for (int number = 1; line != NULL; number++) {
		char *next = strchr(line, '\n');
		char key[32], value[32], rest;

		if (next != NULL)
			*next++ = '\0';
		line += strspn(line, " \t");
		if (*line != '\0' && *line != '#' &&
			(sscanf(line, "%31[a-z-] = %31[0-9] %c", key, value, &rest) != 2 ||
				take_setting(key, value, settings) < 0)) {
			*ret_line = number;
			return -EINVAL;
		}
		line = next;
	}
	return 0;
}

static void
read_settings_file(const char *path, struct transfer_settings *settings)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *text = NULL;
	size_t size;
	int line;

	if (read_file(path, SETTINGS_FILE_MAX, &text, &size, &err) < 0) {
		if (err.code != ENOENT)
			log_warning("%s", err_message(&err));
	} else if (transfer_settings_parse(text, settings, &line) < 0) {
		log_warning("'%s': line %d is not a setting; the rest is ignored", path, line);
	}
}

void
transfer_settings_read(struct transfer_settings *ret_settings)
{
	AUTO_FREE char *system = root_path("/etc/bulkhead/transfer.conf");
	const char *home = home_directory();

	*ret_settings = (struct transfer_settings){
		.trash_max_bytes = 1024 * MIB, .trash_max_days = 30, .keep_records = 200};
	read_settings_file(system, ret_settings);
	if (home != NULL) {
		AUTO_FREE char *own = text_format("%s/.config/bulkhead/transfer.conf", home);

		read_settings_file(own, ret_settings);
	}
}

/* --- limits --------------------------------------------------------------------------------- */

/* The originals of a move leave the trash for good. */
static void
empty_trash(const char *id, struct transfer_record *record)
{
	AUTO_BUF struct buf text;
	bool changed = false;

	if (record->undone != 0)
		return;
	buf_init(&text, TRANSFER_RECORD_MAX);
	for (size_t i = 0; i < record->count; i++) {
		struct transfer_object *o = &record->objects[i];
		AUTO_ERR struct err err = ERR_INIT;

		if (o->kind != TRANSFER_TRASHED)
			continue;
		if (trash_delete(o->trash_name, &o->sum, &err) < 0) {
			log_warning("%s", err_message(&err));
			continue;
		}
		o->kind = TRANSFER_LOST;
		changed = true;
	}
	if (changed && transfers_format(record, &text) == 0)
		transfers_replace(id, &text, NULL);
}

static uint64_t
trashed_bytes(const struct transfer_record *record)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < record->count; i++)
		if (record->objects[i].kind == TRANSFER_TRASHED)
			bytes += record->objects[i].sum.bytes;
	return record->undone != 0 ? 0 : bytes;
}

static char *
record_path(const char *id)
{
	AUTO_FREE char *name = text_format("bulkhead/transfers/%s", id);

	return home_path(name);
}

static void
remove_record(const char *id)
{
	AUTO_FREE char *path = record_path(id);

	if (path != NULL && unlink(path) < 0)
		log_warning("record '%s': cannot remove: %s", path, strerror(errno));
}

/*
 * What is counted from the newest record on. Arrivals are counted apart: however many another qube
 * sends, it does not make originals of this one's moves leave the trash.
 */
struct pruning {
	const struct transfer_settings *settings;
	int64_t oldest;
	uint64_t trash_bytes;
	uint64_t records[2], record_bytes[2]; /* of arrivals; of what was sent */
};

static uint64_t
record_size(const char *id)
{
	AUTO_FREE char *path = record_path(id);
	struct stat st;

	return path != NULL && stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* The newest of a kind stays, however long it is. */
static bool
is_one_too_many(struct pruning *p, const struct transfer_record *record, uint64_t size)
{
	const size_t kind = record->incoming ? 0 : 1;

	p->records[kind]++;
	p->record_bytes[kind] += size;
	return p->records[kind] > p->settings->keep_records ||
	       (p->records[kind] > 1 && p->record_bytes[kind] > RECORD_BYTES_MAX);
}

static void
prune_one(struct pruning *p, const char *id)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_RECORD struct transfer_record record = {0};
	uint64_t bytes;
	bool drop;

	if (transfers_read(id, &record, &err) < 0) {
		log_warning("%s", err_message(&err));
		return;
	}
	drop = is_one_too_many(p, &record, record_size(id));
	bytes = trashed_bytes(&record);
	if (bytes > p->settings->trash_max_bytes - p->trash_bytes || record.time < p->oldest ||
		drop)
		empty_trash(id, &record);
	else
		p->trash_bytes += bytes;
	if (drop)
		remove_record(id);
}

void
transfers_prune(const struct transfer_settings *settings)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct pruning p = {.settings = settings,
		.oldest = (int64_t)time(NULL) - (int64_t)settings->trash_max_days * SECONDS_A_DAY};
	char **ids;
	size_t count;

	if (transfers_list(&ids, &count, &err) < 0) {
		log_warning("%s", err_message(&err));
		return;
	}
	for (size_t i = count; i-- > 0;)
		prune_one(&p, ids[i]);
	transfers_free(ids, count);
}
