/* The list of sent objects (sent.h). */
#include "filecopy/sent.h"

#include <errno.h>
#include <stdlib.h>

int
sent_add(struct sent_list *list, char *path, const struct stat *st)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity == 0 ? 64 : 2 * list->capacity;
		struct sent_object *grown = reallocarray(list->objects, capacity, sizeof(*grown));

		if (grown == NULL) {
			free(path);
			return -ENOMEM;
		}
		list->objects = grown;
		list->capacity = capacity;
	}
	list->objects[list->count++] = (struct sent_object){.path = path, .st = *st};
	return 0;
}

void
sent_finish(struct sent_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->objects[i].path);
	free(list->objects);
	*list = (struct sent_list){0};
}

static bool
same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool
same_inode(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       (a->st_mode & S_IFMT) == (b->st_mode & S_IFMT);
}

static bool
same_content(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && same_time(&a->st_mtim, &b->st_mtim);
}

bool
sent_is_unchanged(const struct sent_object *object)
{
	const struct stat *was = &object->st;
	struct stat is;

	if (lstat(object->path, &is) < 0 || !same_inode(&is, was))
		return false;
	/* A directory changes with what is in it, and that is looked at by itself. */
	return S_ISDIR(is.st_mode) ||
	       (same_content(&is, was) && same_time(&is.st_ctim, &was->st_ctim));
}

void
sent_note_taken(struct sent_list *list, size_t index)
{
	const struct stat *taken = &list->objects[index].st;

	if (S_ISDIR(taken->st_mode) || taken->st_nlink < 2)
		return;
	for (size_t i = index + 1; i < list->count; i++) {
		struct sent_object *other = &list->objects[i];
		struct stat is;

		if (same_inode(&other->st, taken) && lstat(other->path, &is) == 0 &&
			same_inode(&is, taken) && same_content(&is, taken))
			other->st.st_ctim = is.st_ctim;
	}
}
