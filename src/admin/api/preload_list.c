/* The list of names in the template's feature; is_preload is read from it. */
#include <string.h>

#include "admin/api/preload_private.h"
#include "admin/model/change.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/text.h"

#define LIST_MAX 65536

void
preload_list_each(
	const struct qube *template, void (*each)(const char *name, void *data), void *data)
{
	const char *list = qube_feature(template, PRELOAD_LIST_FEATURE);
	AUTO_FREE char *words = text_copy(list != NULL ? list : "");
	char *rest = words, *word;

	while ((word = strsep(&rest, " ")) != NULL) {
		if (word[0] != '\0')
			each(word, data);
	}
}

struct rest {
	struct buf text;
	const char *without;
};

static void
keep_other(const char *name, void *data)
{
	struct rest *rest = data;

	if (!text_equal(name, rest->without))
		buf_printf(&rest->text, "%s%s", buf_len(&rest->text) > 0 ? " " : "", name);
}

/* The list without the name, and perhaps with it at its end. */
static void
set_list(struct change *c, struct qube *template, const char *name, bool is_last)
{
	struct rest rest = {.without = name};
	AUTO_FREE char *text = NULL;

	buf_init(&rest.text, LIST_MAX);
	preload_list_each(template, keep_other, &rest);
	if (is_last)
		buf_printf(&rest.text, "%s%s", buf_len(&rest.text) > 0 ? " " : "", name);
	text = buf_steal_string(&rest.text);
	buf_finish(&rest.text);
	if (text != NULL && text[0] != '\0')
		change_feature_set(c, template, PRELOAD_LIST_FEATURE, text);
	else if (qube_feature(template, PRELOAD_LIST_FEATURE) != NULL)
		change_feature_remove(c, template, PRELOAD_LIST_FEATURE);
}

void
preload_list_add(struct change *c, struct qube *template, const char *name)
{
	set_list(c, template, name, true);
}

void
preload_list_remove(struct change *c, struct qube *template, const char *name)
{
	set_list(c, template, name, false);
}
