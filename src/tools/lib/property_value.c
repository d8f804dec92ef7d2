/* Property values as the Admin API tells them (property_value.h). */
#include "tools/lib/property_value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

bool
property_unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from != '\0'; from++) {
		if (*from != '\\') {
			*to++ = *from;
			continue;
		}
		switch (*++from) {
		case '\\':
			*to++ = '\\';
			break;
		case 'n':
			*to++ = '\n';
			break;
		case 's':
			*to++ = ' ';
			break;
		default:
			return false;
		}
	}
	*to = '\0';
	return true;
}

/* Copies the text from *position up to the next space, and steps behind that. */
static char *
take_word(const char **position)
{
	const char *space = strchr(*position, ' ');
	char *word;

	if (space == NULL)
		return NULL;
	word = text_format("%.*s", (int)(space - *position), *position);
	*position = space + 1;
	return word;
}

int
property_value_parse(const char *text, struct property_value *ret_property)
{
	AUTO_PROPERTY struct property_value property = {0};
	AUTO_FREE char *is_default = take_word(&text);

	if (is_default == NULL || (!text_equal(is_default, "default=True") &&
					  !text_equal(is_default, "default=False")))
		return -EBADMSG;
	if (!text_starts_with(text, "type="))
		return -EBADMSG;
	text += strlen("type=");
	property.type = take_word(&text);
	if (property.type == NULL)
		return -EBADMSG;
	property.value = text_copy(text);
	property.is_default = text_equal(is_default, "default=True");

	*ret_property = property;
	memset(&property, 0, sizeof(property));
	return 0;
}

void
property_value_finish(struct property_value *property)
{
	free(property->name);
	free(property->type);
	free(property->value);
	*property = (struct property_value){0};
}

static int
parse_line(const char *line, struct property_value *ret_property)
{
	AUTO_PROPERTY struct property_value property = {0};
	AUTO_FREE char *name = take_word(&line);

	if (name == NULL || property_value_parse(line, &property) < 0 ||
		!property_unescape(property.value))
		return -EBADMSG;
	property.name = steal_ptr(name);
	*ret_property = property;
	memset(&property, 0, sizeof(property));
	return 0;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(
		((const struct property_value *)a)->name, ((const struct property_value *)b)->name);
}

int
property_list_parse(const char *text, struct property_list *ret_list)
{
	AUTO_PROPERTIES struct property_list list = {0};
	size_t lines = 1;

	for (const char *c = text; *c != '\0'; c++)
		lines += *c == '\n';
	list.items = xcalloc(lines, sizeof(*list.items));

	while (*text != '\0') {
		size_t length = strcspn(text, "\n");
		AUTO_FREE char *line = text_format("%.*s", (int)length, text);

		if (parse_line(line, &list.items[list.count]) < 0)
			return -EBADMSG;
		list.count++;
		text += length + (text[length] == '\n');
	}
	qsort(list.items, list.count, sizeof(*list.items), compare_names);
	*ret_list = list;
	memset(&list, 0, sizeof(list));
	return 0;
}

void
property_list_finish(struct property_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		property_value_finish(&list->items[i]);
	free(list->items);
	*list = (struct property_list){0};
}

const struct property_value *
property_list_find(const struct property_list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (text_equal(list->items[i].name, name))
			return &list->items[i];
	return NULL;
}

bool
property_value_absent(const struct property_value *property)
{
	return property->value[0] == '\0' && !text_equal(property->type, "str") &&
	       !text_equal(property->type, "vm");
}

const char *
property_value_shown(const struct property_value *property)
{
	if (property->value[0] == '\0' && text_equal(property->type, "vm"))
		return "None";
	return property->value;
}
