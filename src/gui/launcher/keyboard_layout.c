/* The text of a keyboard layout; see keyboard.h. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "gui/launcher/keyboard.h"

enum { NAME_RULES, NAME_MODEL, NAME_LAYOUT, NAME_VARIANT, NAME_OPTIONS, NAME_COUNT };

static const char switching[] = "grp:";

/* The words of the property; missing ones are empty. False when the last does not end. */
static bool
split_names(const char *names, size_t size, const char *ret_words[NAME_COUNT])
{
	size_t at = 0;

	for (int i = 0; i < NAME_COUNT; i++) {
		size_t length = strnlen(names + at, size - at);

		ret_words[i] = "";
		if (at == size)
			continue;
		if (length == size - at)
			return false;
		ret_words[i] = names + at;
		at += length + 1;
	}
	return true;
}

/* The word at that place of a list with commas; *ret_length 0 when there is none. */
static const char *
word_at(const char *list, unsigned int place, size_t *ret_length)
{
	for (unsigned int i = 0; i < place; i++) {
		list += strcspn(list, ",");
		if (*list == '\0')
			break;
		list++;
	}
	*ret_length = strcspn(list, ",");
	return list;
}

/* Appends the options of the list that do not switch groups. */
static void
add_options(char text[KEYBOARD_LAYOUT_MAX], const char *list)
{
	const char *comma = "";

	while (*list != '\0') {
		size_t length = strcspn(list, ","), used = strlen(text);

		if (length > 0 && !text_starts_with(list, switching)) {
			snprintf(text + used, KEYBOARD_LAYOUT_MAX - used, "%s%.*s", comma,
				(int)length, list);
			comma = ",";
		}
		list += length;
		list += *list == ',';
	}
}

int
keyboard_layout_text(
	const char *names, size_t size, unsigned int group, char ret_text[KEYBOARD_LAYOUT_MAX])
{
	const char *words[NAME_COUNT], *layout, *variant;
	size_t layout_length, variant_length;

	if (!split_names(names, size, words) || size >= KEYBOARD_LAYOUT_MAX)
		return -EINVAL;
	layout = word_at(words[NAME_LAYOUT], group, &layout_length);
	variant = word_at(words[NAME_VARIANT], group, &variant_length);
	if (layout_length == 0) {
		layout = word_at(words[NAME_LAYOUT], 0, &layout_length);
		variant = word_at(words[NAME_VARIANT], 0, &variant_length);
	}
	if (layout_length == 0)
		return -EINVAL;
	snprintf(ret_text, KEYBOARD_LAYOUT_MAX, "%.*s+%.*s+", (int)layout_length, layout,
		(int)variant_length, variant);
	add_options(ret_text, words[NAME_OPTIONS]);
	return text_only_has(ret_text, "+-_:,") ? 0 : -EINVAL;
}
