/* The sorted set of tags; see tag.h. */
#include "admin/model/tag.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "admin/model/qube.h"
#include "base/log.h"
#include "base/text.h"

/* Where the tag is or would be. */
static bool
find_place(const struct tag_set *set, const char *tag, size_t *ret_place)
{
	size_t low = 0, high = set->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(set->items[middle], tag);

		if (order == 0) {
			*ret_place = middle;
			return true;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_place = low;
	return false;
}

void
tag_set_finish(struct tag_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		free(set->items[i]);
	free(set->items);
	*set = (struct tag_set){0};
}

bool
tag_set_has(const struct tag_set *set, const char *tag)
{
	size_t place;

	return find_place(set, tag, &place);
}

void
tag_set_add(struct tag_set *set, const char *tag)
{
	size_t place;

	if (find_place(set, tag, &place))
		return;
	if (set->count == set->capacity) {
		set->capacity = set->capacity > 0 ? set->capacity * 2 : 4;
		set->items = reallocarray(set->items, set->capacity, sizeof(*set->items));
		if (set->items == NULL)
			fatal("out of memory");
	}
	memmove(set->items + place + 1, set->items + place,
		(set->count - place) * sizeof(*set->items));
	set->items[place] = text_copy(tag);
	set->count++;
}

void
tag_set_drop(struct tag_set *set, const char *tag)
{
	size_t place;

	if (!find_place(set, tag, &place))
		return;
	free(set->items[place]);
	set->count--;
	memmove(set->items + place, set->items + place + 1,
		(set->count - place) * sizeof(*set->items));
}

bool
qube_has_tag(const struct qube *q, const char *tag)
{
	return tag_set_has(&q->tags, tag);
}

int
tag_check(const char *tag, struct err *err)
{
	if (tag[0] == '\0' || !text_only_has(tag, "_-"))
		return err_set_kind(err, "QubesInvalidTagError", EINVAL, "disallowed characters");
	return 0;
}
