/*
 * Taking the originals of a move away (settle.h). The usual case, a tree that was sent whole and
 * has not changed, is one rename into the trash; otherwise it goes object by object.
 */
#include "filecopy/settle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "filecopy/transfers.h"
#include "filecopy/trash.h"
#include "filecopy/tree.h"

struct settling {
	struct transfer_settings settings;
	struct buf record;
	unsigned int stayed;
	bool told_lost;
};

/* Absolute and without slashes at the end, as the trash and the record want it. */
static char *
absolute(const char *path)
{
	AUTO_FREE char *here = path[0] == '/' ? NULL : getcwd(NULL, 0);
	char *whole = here != NULL ? text_format("%s/%s", here, path) : text_copy(path);

	for (size_t end = strlen(whole); end > 1 && whole[end - 1] == '/'; end--)
		whole[end - 1] = '\0';
	return whole;
}

static void
report_stayed(struct settling *s, const char *path, const char *why)
{
	log_warning("'%s': %s: it stays", path, why);
	s->stayed++;
}

/* The objects of a tree that was sent as one; they follow each other, the top one last. */
static size_t
count_tree(const struct sent_list *sent, size_t first, const char *path)
{
	size_t length = strlen(path), count = 0;

	while (first + count < sent->count) {
		const char *object = sent->objects[first + count].path;

		if (strncmp(object, path, length) != 0 ||
			(object[length] != '\0' && object[length] != '/'))
			break;
		count++;
		if (object[length] == '\0')
			break;
	}
	return count;
}

static bool
all_unchanged(const struct sent_object *objects, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!sent_is_unchanged(&objects[i]))
			return false;
	return true;
}

/* For good: only when no trash takes it. The receiver has it, and the user asked for a move. */
static void
remove_one(struct settling *s, const struct sent_object *object)
{
	const bool directory = S_ISDIR(object->st.st_mode);

	if (unlinkat(AT_FDCWD, object->path, directory ? AT_REMOVEDIR : 0) < 0) {
		report_stayed(s, object->path, strerror(errno));
		return;
	}
	if (!directory) {
		AUTO_FREE char *whole = absolute(object->path);

		transfer_record_put_path(&s->record, TRANSFER_LOST, whole);
	}
}

static bool
to_trash(struct settling *s, const char *path, const struct tree_sum *sum)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *whole = absolute(path);
	AUTO_FREE char *trashed = NULL;

	if (sum->bytes > s->settings.trash_max_bytes)
		err_set(&err, EDQUOT, "larger than what the trash keeps (transfer.conf)");
	else if (trash_put(whole, &trashed, &err) == 0) {
		transfer_record_put_trashed(&s->record, trashed, whole, sum);
		return true;
	}
	if (!s->told_lost)
		log_warning("'%s': removed for good: %s", path, err_message(&err));
	s->told_lost = true;
	return false;
}

/* Object by object, because some of the tree has to stay. */
static void
take_parts(struct settling *s, const struct sent_object *objects, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct sent_object *o = &objects[i];
		struct tree_sum sum = {.count = 1, .bytes = (uint64_t)o->st.st_size};

		if (!sent_is_unchanged(o))
			report_stayed(s, o->path, "it has changed since it was sent");
		else if (S_ISDIR(o->st.st_mode) || !to_trash(s, o->path, &sum))
			remove_one(s, o);
	}
}

static void
take_tree(struct settling *s, const char *path, const struct sent_object *objects, size_t count)
{
	struct tree_sum sum;
	int e = tree_summarize_path(path, &sum);

	/* A tree of as many objects as were sent, each unchanged, has no other. */
	if (e == 0 && sum.count == count && all_unchanged(objects, count) &&
		to_trash(s, path, &sum))
		return;
	take_parts(s, objects, count);
}

static void
take_originals(struct settling *s, char *const *paths, const struct sent_list *sent)
{
	size_t first = 0;

	for (; *paths != NULL; paths++) {
		AUTO_FREE char *path = text_copy(*paths);
		size_t count;

		for (size_t end = strlen(path); end > 1 && path[end - 1] == '/'; end--)
			path[end - 1] = '\0';
		count = count_tree(sent, first, path);
		if (count == 0)
			report_stayed(s, path, "it was not sent");
		else
			take_tree(s, path, sent->objects + first, count);
		first += count;
	}
}

static void
note_arguments(struct settling *s, char *const *paths)
{
	for (; *paths != NULL; paths++) {
		AUTO_FREE char *whole = absolute(*paths);

		transfer_record_put_path(&s->record, TRANSFER_SENT, whole);
	}
}

unsigned int
settle_transfer(bool move, const char *peer, char *const *paths, const struct sent_list *sent,
	const struct send_outcome *outcome)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct settling s = {0};
	char id[TRANSFER_ID_LENGTH + 1];

	transfer_settings_read(&s.settings);
	buf_init(&s.record, TRANSFER_RECORD_MAX);
	transfer_record_put_head(&s.record, false, move, peer, (int64_t)time(NULL));
	transfer_record_put_total(&s.record, outcome->files, outcome->bytes);
	note_arguments(&s, paths);
	if (move)
		take_originals(&s, paths, sent);
	if (transfers_add(&s.record, id, &err) < 0)
		log_warning("no record of this transfer: %s", err_message(&err));
	buf_finish(&s.record);
	transfers_prune(&s.settings);
	return s.stayed;
}
