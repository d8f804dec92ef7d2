/*
 * Undo and list of transfers (undo.h). Runs as the user who owns the files. Paths of arrived
 * objects come from a record that a confined receiver wrote: they are looked up below the
 * directory of incoming files, through no link.
 */
#include "filecopy/undo.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "filecopy/home.h"
#include "filecopy/names.h"
#include "filecopy/transfers.h"
#include "filecopy/trash.h"

/* Names come from other qubes: what could act on a terminal is shown as '_'. */
static char *
printable(const char *text)
{
	char *copy = text_copy(text);

	if (!filecopy_text_safe(copy, strlen(copy)))
		for (char *c = copy; *c != '\0'; c++)
			if (*c < 0x20 || *c > 0x7e)
				*c = '_';
	return copy;
}

static void
say(FILE *report, const char *path, const char *what)
{
	AUTO_FREE char *shown = printable(path);
	AUTO_FREE char *reason = printable(what); /* an error may quote a path */

	fprintf(report, "%s: %s\n", shown, reason);
}

/* Whether the object that arrived is there as it arrived; else why not. */
static const char *
find_change(int incoming, const struct transfer_object *o)
{
	const char *slash = strrchr(o->path, '/');
	AUTO_FREE char *parent = slash != NULL
					 ? text_format("%.*s", (int)(slash - o->path), o->path)
					 : text_copy(".");
	AUTO_FD int fd = tree_open_below(incoming, parent);
	struct tree_sum sum;
	int e = fd < 0 ? fd : tree_summarize(fd, slash != NULL ? slash + 1 : o->path, &sum);

	if (e == -ENOENT)
		return "it is no longer there";
	if (e < 0)
		return strerror(-e);
	return tree_same_sum(&sum, &o->sum) ? NULL : "it has changed since it arrived: it stays";
}

static bool
take_back_arrived(
	const char *directory, int incoming, const struct transfer_object *o, FILE *report)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *path = text_format("%s/%s", directory, o->path);
	AUTO_FREE char *trashed = NULL;
	const char *change;

	if (filecopy_name_check(o->path, strlen(o->path), FILECOPY_ALLOW_UNSAFE_CHARACTERS) != 0) {
		say(report, o->path, "not a path of an arrived file");
		return false;
	}
	change = find_change(incoming, o);
	if (change == NULL && trash_put(path, &trashed, &err) < 0)
		change = err_message(&err);
	say(report, o->path, change != NULL ? change : "moved to the trash");
	return change == NULL;
}

static bool
put_back_original(const struct transfer_object *o, FILE *report)
{
	AUTO_ERR struct err err = ERR_INIT;
	int result = trash_restore(o->trash_name, &o->sum, o->path, &err);

	say(report, o->path, result < 0 ? err_message(&err) : "put back");
	return result == 0;
}

static void
drop_object(struct transfer_record *r, size_t index)
{
	free(r->objects[index].path);
	free(r->objects[index].trash_name);
	r->count--;
	memmove(r->objects + index, r->objects + index + 1,
		(r->count - index) * sizeof(r->objects[0]));
}

/* Objects that were dealt with leave the record. The number of those that stay undone. */
static unsigned int
undo_objects(struct transfer_record *r, const char *directory, int incoming, FILE *report)
{
	unsigned int left = 0;

	for (size_t i = r->count; i-- > 0;) {
		const struct transfer_object *o = &r->objects[i];
		bool done = true;

		if (o->kind == TRANSFER_ROOT && r->incoming)
			done = take_back_arrived(directory, incoming, o, report);
		else if (o->kind == TRANSFER_TRASHED && !r->incoming)
			done = put_back_original(o, report);
		else if (o->kind == TRANSFER_LOST) {
			say(report, o->path, "no longer in the trash");
			done = false;
		} else
			continue;
		if (done)
			drop_object(r, i);
		else
			left++;
	}
	return left;
}

static int
store_undone(const char *id, struct transfer_record *r, unsigned int left, struct err *err)
{
	AUTO_BUF struct buf text;

	buf_init(&text, TRANSFER_RECORD_MAX);
	if (left == 0)
		r->undone = (int64_t)time(NULL);
	if (transfers_format(r, &text) < 0)
		return err_set(err, ENOMEM, "transfer '%s': its record is too long", id);
	return transfers_replace(id, &text, err);
}

int
undo_transfer(const char *id, FILE *report, struct err *err)
{
	AUTO_RECORD struct transfer_record r = {0};
	AUTO_FREE char *directory = NULL;
	AUTO_FD int incoming = -1;
	unsigned int left;

	if (transfers_read(id, &r, err) < 0)
		return -1;
	if (r.undone != 0)
		return err_set(err, EALREADY, "transfer '%s' was taken back already", id);
	if (!r.incoming && !r.move)
		return err_set(err, EINVAL,
			"transfer '%s' was a copy: the originals are here; take it back in '%s'",
			id, r.peer);
	if (home_directory() == NULL)
		return err_set(err, ENOENT, "no home directory");
	directory = text_format("%s/QubesIncoming/%s", home_directory(), r.peer);
	if (r.incoming) {
		incoming = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (incoming < 0)
			return err_set_errno(err, errno, "directory '%s'", directory);
	}
	left = undo_objects(&r, directory, incoming, report);
	if (store_undone(id, &r, left, err) < 0)
		return -1;
	return left > 0;
}

static const char *
state_of(const struct transfer_record *r)
{
	bool trashed = false, lost = false;

	if (r->undone != 0)
		return "undone";
	for (size_t i = 0; i < r->count; i++) {
		trashed |= r->objects[i].kind == TRANSFER_TRASHED ||
			   r->objects[i].kind == TRANSFER_ROOT;
		lost |= r->objects[i].kind == TRANSFER_LOST;
	}
	return trashed ? "can be undone" : lost ? "originals gone" : "-";
}

/* The first object by its last component, and how many more there are. */
static char *
describe(const struct transfer_record *r)
{
	enum transfer_line kind = r->incoming ? TRANSFER_ROOT : TRANSFER_SENT;
	const char *first = NULL;
	size_t count = 0;

	for (size_t i = 0; i < r->count; i++) {
		const char *slash = strrchr(r->objects[i].path, '/');

		if (r->objects[i].kind != kind)
			continue;
		if (count++ == 0)
			first = slash != NULL && !r->incoming ? slash + 1 : r->objects[i].path;
	}
	if (count == 0)
		return text_copy("-");
	AUTO_FREE char *shown = printable(first);

	return count == 1 ? steal_ptr(shown) : text_format("%s and %zu more", shown, count - 1);
}

static void
list_one(const char *id, const struct transfer_record *r, FILE *report)
{
	AUTO_FREE char *what = describe(r);
	char when[32] = "?";
	time_t seconds = (time_t)r->time;
	struct tm local;

	if (localtime_r(&seconds, &local) != NULL)
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &local);
	fprintf(report, "%s  %s  %s %s %-15s %6" PRIu64 " files %10" PRIu64 " KB  %-14s  %s\n", id,
		when, r->move ? "move" : "copy", r->incoming ? "from" : "to  ", r->peer, r->files,
		(r->bytes + 1023) / 1024, state_of(r), what);
}

int
undo_list(FILE *report, struct err *err)
{
	char **ids;
	size_t count;

	if (transfers_list(&ids, &count, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		AUTO_RECORD struct transfer_record r = {0};
		AUTO_ERR struct err own = ERR_INIT;

		if (transfers_read(ids[i], &r, &own) == 0)
			list_one(ids[i], &r, report);
		else
			fprintf(report, "%s  %s\n", ids[i], err_message(&own));
	}
	transfers_free(ids, count);
	return 0;
}
