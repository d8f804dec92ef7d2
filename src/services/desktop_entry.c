/* Reading one entry of the menu (desktop_entry.h). Runs as the user, on files of the qube. */
#include "services/desktop_entry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "base/text.h"

#define GROUP "[Desktop Entry]"

/* Blanks around the sign of equality do not count. */
static void
take_line(struct desktop_entry *entry, char *line)
{
	char *sign = strchr(line, '='), *end = sign;

	if (sign == NULL || line[0] == '#' || entry->count == DESKTOP_KEYS_MAX)
		return;
	while (end > line && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*end = '\0';
	sign++;
	entry->keys[entry->count++] =
		(struct desktop_key){.name = line, .value = sign + strspn(sign, " \t")};
}

int
desktop_entry_read(const char *path, struct desktop_entry *ret_entry, struct err *err)
{
	struct desktop_entry *entry = ret_entry;
	bool in_group = false;
	char *line, *next;
	size_t size;

	entry->count = 0;
	entry->path = NULL;
	if (read_file(path, DESKTOP_ENTRY_MAX, &entry->text, &size, err) < 0) {
		entry->text = NULL;
		return -1;
	}
	entry->path = text_copy(path);
	for (line = entry->text; line != NULL; line = next) {
		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		line[strcspn(line, "\r")] = '\0';
		if (line[0] == '[')
			in_group = text_equal(line, GROUP);
		else if (in_group)
			take_line(entry, line);
	}
	return 0;
}

void
desktop_entry_finish(struct desktop_entry *entry)
{
	free(entry->text);
	free(entry->path);
	entry->text = entry->path = NULL;
	entry->count = 0;
}

const char *
desktop_entry_get(const struct desktop_entry *entry, const char *key)
{
	for (size_t i = 0; i < entry->count; i++)
		if (text_equal(entry->keys[i].name, key))
			return entry->keys[i].value;
	return NULL;
}

/* --- Exec ----------------------------------------------------------------------------------- */

/* Where words are built; nothing in an Exec line becomes longer than four times itself. */
struct words {
	const struct desktop_entry *entry;
	char **argv;
	size_t count;
	char *out;
	bool in_word;
};

static void
put(struct words *w, const char *text)
{
	if (!w->in_word)
		w->argv[w->count++] = w->out;
	w->in_word = true;
	w->out = stpcpy(w->out, text);
}

static void
end_word(struct words *w)
{
	if (w->in_word)
		*w->out++ = '\0';
	w->in_word = false;
}

static size_t
bounded(const char *text, size_t max)
{
	return text != NULL && strlen(text) <= max ? strlen(text) : 0;
}

/* %f and its like stand for files, of which there are none; the old ones mean nothing. */
static bool
put_code(struct words *w, char code)
{
	const char *icon = desktop_entry_get(w->entry, "Icon");
	const char *name = desktop_entry_get(w->entry, "Name");

	switch (code) {
	case '%':
		put(w, "%");
		return true;
	case 'i':
		if (bounded(icon, DESKTOP_ENTRY_MAX) > 0) {
			put(w, "--icon");
			end_word(w);
			put(w, icon);
		}
		return true;
	case 'c':
		if (bounded(name, DESKTOP_ENTRY_MAX) > 0)
			put(w, name);
		return true;
	case 'k':
		put(w, w->entry->path);
		return true;
	default:
		return code != '\0' && strchr("fFuUdDnNvm", code) != NULL;
	}
}

/* Where the text goes on after a quoted part, or NULL without its end. */
static const char *
put_quoted(struct words *w, const char *text)
{
	put(w, "");
	for (; *text != '"'; text++) {
		char one[2] = {*text, '\0'};

		if (*text == '\\' && text[1] != '\0')
			one[0] = *++text;
		if (*text == '\0')
			return NULL;
		put(w, one);
	}
	return text + 1;
}

static bool
split(struct words *w, const char *line)
{
	size_t codes = 0;

	while (*line != '\0') {
		char one[2] = {*line, '\0'};

		if (*line == '"') {
			line = put_quoted(w, line + 1);
			if (line == NULL)
				return false;
		} else if (*line == '%') {
			/* Few codes: each may put in as much as the whole entry has. */
			if (++codes > 8 || !put_code(w, line[1]))
				return false;
			line += 2;
		} else {
			if (*line == ' ' || *line == '\t')
				end_word(w);
			else
				put(w, one);
			line++;
		}
	}
	end_word(w);
	return w->count > 0 && w->argv[0][0] != '\0';
}

char **
desktop_entry_command(const struct desktop_entry *entry)
{
	const char *line = desktop_entry_get(entry, "Exec");
	struct words w = {.entry = entry};
	size_t length;

	if (line == NULL)
		return NULL;
	/* A word needs a character and a blank; codes add two words at most and whole values. */
	length = strlen(line);
	w.argv = xcalloc(1, (length + 32) * sizeof(char *) + 2 * length + 9UL * DESKTOP_ENTRY_MAX +
				    strlen(entry->path) * 9);
	w.out = (char *)(w.argv + length + 32);
	if (!split(&w, line)) {
		free(w.argv);
		return NULL;
	}
	return w.argv;
}
