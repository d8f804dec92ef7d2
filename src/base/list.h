/*
 * An intrusive, circular, doubly linked list. The head is a struct list of its own; an element
 * embeds one per list it can be in. A comment at each head names the member that links into it.
 *
 * The static analyzer can not follow an element out of its list, and takes the next look at the
 * list for a use of the freed one; hence the NOLINT marks. Address sanitizer looks in the tests.
 */
#ifndef BULKHEAD_BASE_LIST_H
#define BULKHEAD_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *prev, *next;
};

#define container_of(pointer, type, member)                                                        \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

static inline void
list_init(struct list *head)
{
	head->prev = head->next = head;
}

static inline bool
list_empty(const struct list *head)
{
	return head->next == head; /* NOLINT(clang-analyzer-unix.Malloc) */
}

static inline void
list_append(struct list *head, struct list *element)
{
	element->prev = head->prev;
	element->next = head;
	head->prev->next = element;
	head->prev = element;
}

/* Takes an element out of its list; a second call does nothing. */
static inline void
list_remove(struct list *element)
{
	element->prev->next = element->next; /* NOLINT(clang-analyzer-unix.Malloc) */
	element->next->prev = element->prev;
	element->prev = element->next = element;
}

#define list_for_each(item, head, member)                                                          \
	for ((item) = container_of((head)->next, __typeof__(*(item)), member);                     \
		&(item)->member != (head);                                                         \
		(item) = container_of((item)->member.next, __typeof__(*(item)), member))

/* As list_for_each(), and the current element may be removed; `following` is scratch. */
#define list_for_each_safe(item, following, head, member)                                          \
	for ((item) = container_of((head)->next, __typeof__(*(item)), member),                     \
	    (following) = container_of((item)->member.next, __typeof__(*(item)), member);          \
		&(item)->member != (head); (item) = (following),                                   \
	    (following) = container_of((following)->member.next, __typeof__(*(item)), member))

#endif
