/*
 * Taking the originals of a move away (settle.h). The usual case, a tree that was sent whole and
 * has not changed, is one rename into the trash; otherwise it goes object by object.
 */
#include "filecopy/settle.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "base/text.h"
#include "filecopy/transfers.h"
#include "filecopy/trash.h"
#include "filecopy/tree.h"

#define HAS_CHANGED "it has changed since it was sent"

struct settling {
	struct transfer_settings settings;
	struct sent_list *sent;
	struct buf record;
	uint64_t trashed_bytes;
	unsigned int stayed;
	const char *argument; /* at hand */
	char *why_no_trash;   /* for it, until it was told; owned */
};

enum taken { TAKEN, STAYED, NO_TRASH };

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

static uint64_t
count_bytes(const struct sent_object *objects, size_t count)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < count; i++)
		if (S_ISREG(objects[i].st.st_mode))
			bytes += (uint64_t)objects[i].st.st_size;
	return bytes;
}

/* Told once an argument; it was known before that no trash takes it. */
static void
note_lost(struct settling *s, const char *path)
{
	AUTO_FREE char *whole = absolute(path);

	transfer_record_put_path(&s->record, TRANSFER_LOST, whole);
	if (s->why_no_trash != NULL)
		log_warning("'%s': removed for good: %s", s->argument, s->why_no_trash);
	free(steal_ptr(s->why_no_trash));
}

/* For good: only when no trash takes it. The receiver has it, and the user asked for a move. */
static enum taken
remove_one(struct settling *s, const struct sent_object *object)
{
	const bool directory = S_ISDIR(object->st.st_mode);

	/* Once more, because this can not be taken back. */
	if (!sent_is_unchanged(object)) {
		report_stayed(s, object->path, HAS_CHANGED);
		return STAYED;
	}
	if (unlinkat(AT_FDCWD, object->path, directory ? AT_REMOVEDIR : 0) < 0) {
		report_stayed(s, object->path, strerror(errno));
		return STAYED;
	}
	if (!directory)
		note_lost(s, object->path);
	return TAKEN;
}

/*
 * What came into the trash is not what was looked at a moment before: it goes back. If something
 * else is in its place by now, it is safe in the trash.
 */
static enum taken
give_back(struct settling *s, const char *trashed, const char *path)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct tree_sum now;

	if (tree_summarize_path(trashed, &now) < 0 || trash_restore(trashed, &now, path, &err) < 0)
		log_warning("'%s': it changed while it was moved: it is '%s' now", path, trashed);
	report_stayed(s, path, HAS_CHANGED);
	return STAYED;
}

/* `sum` is from before it was last compared with what was sent. */
static enum taken
to_trash(struct settling *s, const char *path, const struct tree_sum *sum)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *whole = absolute(path);
	AUTO_FREE char *trashed = NULL;
	struct tree_sum now;

	crash_point("settle:checked");
	if (trash_put(whole, &trashed, &err) < 0) {
		free(s->why_no_trash);
		s->why_no_trash = text_copy(err_message(&err));
		return NO_TRASH;
	}
	if (tree_summarize_path(trashed, &now) < 0 || !tree_same_sum(&now, sum))
		return give_back(s, trashed, whole);
	transfer_record_put_trashed(&s->record, trashed, whole, sum);
	s->trashed_bytes += sum->bytes;
	return TAKEN;
}

static enum taken
take_one(struct settling *s, const struct sent_object *object, bool for_good)
{
	enum taken result = NO_TRASH;
	struct tree_sum sum;

	if (!S_ISDIR(object->st.st_mode) && !for_good &&
		tree_summarize_path(object->path, &sum) == 0 && sent_is_unchanged(object))
		result = to_trash(s, object->path, &sum);
	return result == NO_TRASH ? remove_one(s, object) : result;
}

/* Object by object, because some of the tree has to stay, or no trash takes it. */
static void
take_parts(struct settling *s, size_t first, size_t count, bool for_good)
{
	for (size_t i = first; i < first + count; i++)
		if (take_one(s, &s->sent->objects[i], for_good) == TAKEN)
			sent_note_taken(s->sent, i);
}

static void
take_tree(struct settling *s, const char *path, size_t first, size_t count)
{
	const struct sent_object *objects = s->sent->objects + first;
	const bool for_good =
		count_bytes(objects, count) > s->settings.trash_max_bytes - s->trashed_bytes;
	enum taken result = NO_TRASH;
	struct tree_sum sum;

	s->argument = path;
	if (for_good)
		s->why_no_trash = text_copy("more than what the trash keeps (transfer.conf)");
	/* A tree of as many objects as were sent, each unchanged, has no other. */
	else if (tree_summarize_path(path, &sum) == 0 && sum.count == count &&
		 all_unchanged(objects, count))
		result = to_trash(s, path, &sum);
	if (result == TAKEN)
		sent_note_taken(s->sent, first + count - 1);
	else if (result == NO_TRASH)
		take_parts(s, first, count, for_good);
	free(steal_ptr(s->why_no_trash));
}

static void
take_originals(struct settling *s, char *const *paths)
{
	size_t first = 0;

	for (; *paths != NULL; paths++) {
		AUTO_FREE char *path = text_copy(*paths);
		size_t count;

		for (size_t end = strlen(path); end > 1 && path[end - 1] == '/'; end--)
			path[end - 1] = '\0';
		count = count_tree(s->sent, first, path);
		if (count == 0)
			report_stayed(s, path, "it was not sent");
		else
			take_tree(s, path, first, count);
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

/* What was begun is finished and recorded, also when the terminal is closed meanwhile. */
static void
keep_going(void)
{
	static const int ends[] = {SIGHUP, SIGINT, SIGTERM};

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		signal(ends[i], SIG_IGN);
}

unsigned int
settle_transfer(bool move, const char *peer, char *const *paths, struct sent_list *sent,
	const struct send_outcome *outcome)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct settling s = {.sent = sent};
	char id[TRANSFER_ID_LENGTH + 1];

	keep_going();
	transfer_settings_read(&s.settings);
	buf_init(&s.record, TRANSFER_RECORD_MAX);
	transfer_record_put_head(&s.record, false, move, peer, (int64_t)time(NULL));
	transfer_record_put_total(&s.record, outcome->files, outcome->bytes);
	note_arguments(&s, paths);
	if (move)
		take_originals(&s, paths);
	if (transfers_add(&s.record, id, &err) < 0)
		log_warning("no record of this transfer: %s", err_message(&err));
	buf_finish(&s.record);
	transfers_prune(&s.settings);
	return s.stayed;
}
