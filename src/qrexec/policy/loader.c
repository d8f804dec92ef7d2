/* The values that pass through the loader interface; see loader.h. */
#include "qrexec/policy/loader.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

void
policy_names_add(struct policy_names *n, const char *name)
{
	/* Room is doubled whenever the count reaches a power of two. */
	if ((n->count & (n->count - 1)) == 0) {
		char **larger = xcalloc(n->count > 0 ? n->count * 2 : 1, sizeof(*larger));

		if (n->count > 0)
			memcpy(larger, n->names, n->count * sizeof(*larger));
		free(n->names);
		n->names = larger;
	}
	n->names[n->count++] = text_copy(name);
}

void
policy_names_finish(struct policy_names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->names[i]);
	free(n->names);
	*n = (struct policy_names){0};
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void
policy_names_sort(struct policy_names *n)
{
	if (n->count > 1)
		qsort(n->names, n->count, sizeof(*n->names), compare_names);
}

void
policy_text_finish(struct policy_text *t)
{
	free(t->label);
	free(t->bytes);
	*t = (struct policy_text){0};
}
