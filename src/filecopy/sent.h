/*
 * What the sender sent, so that a move takes away exactly that: each object as it was when it was
 * read, in the order in which it may be removed (a directory after what is in it).
 */
#ifndef BULKHEAD_FILECOPY_SENT_H
#define BULKHEAD_FILECOPY_SENT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

struct sent_object {
	char *path; /* as the argument was given, and below */
	struct stat st;
};

struct sent_list {
	bool wanted; /* not kept when false */
	struct sent_object *objects;
	size_t count, capacity;
};

/* Takes the path, which was allocated. 0 or -ENOMEM, with which the path is freed too. */
int sent_add(struct sent_list *list, char *path, const struct stat *st);
void sent_finish(struct sent_list *list);

/*
 * Says that the object of this index was just moved or removed by us, unchanged: that is no change
 * of its other names (hard links) that follow in the list.
 */
void sent_note_taken(struct sent_list *list, size_t index);

/* Whether the object at its path is still the one that was sent, with the same content. */
bool sent_is_unchanged(const struct sent_object *object);

#endif
