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

bool
sent_is_unchanged(const struct sent_object *object)
{
	const struct stat *was = &object->st;
	struct stat is;

	if (lstat(object->path, &is) < 0 || is.st_dev != was->st_dev || is.st_ino != was->st_ino ||
		(is.st_mode & S_IFMT) != (was->st_mode & S_IFMT))
		return false;
	/* A directory changes with what is in it, and that is looked at by itself. */
	if (S_ISDIR(is.st_mode))
		return true;
	return is.st_size == was->st_size && same_time(&is.st_mtim, &was->st_mtim) &&
	       same_time(&is.st_ctim, &was->st_ctim);
}
