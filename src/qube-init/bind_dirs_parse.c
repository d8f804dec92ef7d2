#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "qube-init/bind_dirs.h"

#define BLANKS " \t\r\n"

void
bind_paths_finish(struct bind_paths *paths)
{
	for (size_t i = 0; i < paths->count; i++)
		free(paths->paths[i]);
	paths->count = 0;
}

/* Past blanks and comments; a comment begins where a word could. */
static const char *
skip(const char *text)
{
	for (;;) {
		text += strspn(text, BLANKS ";");
		if (*text != '#')
			return text;
		text += strcspn(text, "\n");
	}
}

/* Characters that mean nothing to a shell outside quotes. */
static bool
is_plain(const char *word, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (strchr("$`\\*?[]{}~<>|&!'\"()", word[i]) != NULL)
			return false;
	}
	return true;
}

/* Takes one word, quoted or not; NULL where a shell would do more than take it as it stands. */
static const char *
take_word(const char *text, const char **ret_word, size_t *ret_length)
{
	char quote = *text;

	if (quote == '\'' || quote == '"') {
		const char *end = strchr(++text, quote);

		*ret_word = text;
		if (end == NULL || (quote == '"' && memchr(text, '$', (size_t)(end - text))) ||
			(quote == '"' && memchr(text, '`', (size_t)(end - text))) ||
			(quote == '"' && memchr(text, '\\', (size_t)(end - text))))
			return NULL;
		*ret_length = (size_t)(end - text);
		text = end + 1;
	} else {
		*ret_word = text;
		*ret_length = strcspn(text, BLANKS ")");
		text += *ret_length;
		if (!is_plain(*ret_word, *ret_length))
			return NULL;
	}
	return strchr(BLANKS ")", *text) != NULL ? text : NULL;
}

static int
add_path(struct bind_paths *paths, const char *word, size_t length, struct err *err)
{
	if (length == 0 || word[0] != '/' || memchr(word, '\n', length) != NULL)
		return err_set(err, EINVAL, "path '%.*s': not absolute", (int)length, word);
	if (paths->count == BIND_PATHS_MAX)
		return err_set(err, E2BIG, "more than %d paths", BIND_PATHS_MAX);
	paths->paths[paths->count++] = text_format("%.*s", (int)length, word);
	return 0;
}

int
bind_paths_parse(struct bind_paths *paths, const char *text, struct err *err)
{
	for (text = skip(text); *text != '\0'; text = skip(text)) {
		const char *word;
		size_t length;

		if (text_starts_with(text, "binds=("))
			bind_paths_finish(paths);
		else if (!text_starts_with(text, "binds+=("))
			return err_set(err, EINVAL, "not 'binds+=( ... )': '%.*s'",
				(int)strcspn(text, "\n"), text);
		text = skip(strchr(text, '(') + 1);
		while (*text != ')') {
			const char *next = *text != '\0' ? take_word(text, &word, &length) : NULL;

			if (next == NULL)
				return err_set(err, EINVAL, "cannot take as a path: '%.*s'",
					(int)strcspn(text, "\n"), text);
			if (add_path(paths, word, length, err) < 0)
				return -1;
			text = skip(next);
		}
		text++;
	}
	return 0;
}
