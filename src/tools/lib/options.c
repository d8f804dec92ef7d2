/* Parses command lines by a table (options.h). Texts come from the person at the terminal. */
#include "tools/lib/options.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

#define OPTION_NAME_MAX 64

/* What the common rows write to; the addresses only tell options_parse() which one was meant. */
static bool common_help, common_version, common_force_root;
static int common_verbose, common_quiet;

const struct option options_common[] = {
	{"-v --verbose", .help = "say more; may be given several times", .number = &common_verbose},
	{"-q --quiet", .help = "say less; may be given several times", .number = &common_quiet},
	{"-h --help", .help = "show this help and exit", .flag = &common_help},
	{"--version", .help = "show the version and exit", .flag = &common_version},
	{"--force-root", .flag = &common_force_root, .hidden = true},
	{NULL},
};

/* The state of one run over argv. */
struct parser {
	struct options *options;
	char *const *argv;
	int argc;
	int next; /* the first word not yet looked at */
};

/* Steps through the names of a row: true and the next name, or false at their end. */
static bool
next_name(const char **names, const char **ret_name, size_t *ret_length)
{
	const char *name = *names + strspn(*names, " ");

	if (*name == '\0')
		return false;
	*ret_name = name;
	*ret_length = strcspn(name, " ");
	*names = name + *ret_length;
	return true;
}

static bool
is_option_row(const struct option *row)
{
	return row->names[0] == '-';
}

static bool
row_has_name(const struct option *row, const char *word, size_t length, bool prefix)
{
	const char *names = row->names, *name;
	size_t name_length;

	while (is_option_row(row) && next_name(&names, &name, &name_length)) {
		if ((prefix ? name_length >= length : name_length == length) &&
			memcmp(name, word, length) == 0)
			return true;
	}
	return false;
}

/*
 * Finds the row of an option: by its whole name, or for a long one by a beginning that fits one
 * row only. NULL with the error.
 */
static const struct option *
find_row(const struct options *o, const char *word, size_t length, struct err *err)
{
	const struct option *tables[] = {o->rows, options_common};
	const struct option *found = NULL;

	for (size_t i = 0; i < 2; i++)
		for (const struct option *row = tables[i]; row != NULL && row->names != NULL; row++)
			if (row_has_name(row, word, length, false))
				return row;

	for (size_t i = 0; i < 2 && length > 2 && word[1] == '-'; i++)
		for (const struct option *row = tables[i]; row != NULL && row->names != NULL;
			row++) {
			if (row->hidden || !row_has_name(row, word, length, true))
				continue;
			if (found != NULL) {
				err_set(err, EINVAL,
					"ambiguous option: '%.*s' could be '%s' or '%s'",
					(int)length, word, found->names, row->names);
				return NULL;
			}
			found = row;
		}

	if (found == NULL)
		err_set(err, EINVAL, "unknown option '%.*s'", (int)length, word);
	return found;
}

static void
list_append_text(struct option_list *list, const char *text)
{
	const char **items =
		reallocarray(list->items, list->count + 1, sizeof(*list->items)); /* NOLINT */

	if (items == NULL)
		abort();
	items[list->count++] = text;
	list->items = items;
}

static bool
takes_value(const struct option *row)
{
	return row->text != NULL || row->list != NULL;
}

/* Carries out a row that takes no value. */
static void
apply_switch(struct options *o, const struct option *row)
{
	if (row->number == &common_verbose)
		o->verbosity++;
	else if (row->number == &common_quiet)
		o->verbosity--;
	else if (row->flag == &common_help)
		o->help = true;
	else if (row->flag == &common_version)
		o->version = true;
	else if (row->flag != NULL)
		*row->flag = true;
	else
		*row->number = row->constant;
}

static void
apply_value(const struct option *row, const char *value)
{
	if (row->text != NULL)
		*row->text = value;
	else
		list_append_text(row->list, value);
}

/* "-1" is an argument, not a cluster: no tool has an option that is a digit. */
static bool
looks_like_option(const char *word)
{
	return word[0] == '-' && word[1] != '\0' && !isdigit((unsigned char)word[1]);
}

/* Gives a row its value: the text after it in the same word, or the words that follow. */
static int
take_value(struct parser *p, const struct option *row, const char *attached, struct err *err)
{
	if (attached != NULL) {
		apply_value(row, attached);
		return 0;
	}
	if (row->attached) {
		apply_value(row, "");
		return 0;
	}
	if (p->next >= p->argc || looks_like_option(p->argv[p->next]))
		return err_set(err, EINVAL, "option '%s' needs a value", row->names);

	do {
		apply_value(row, p->argv[p->next++]);
	} while (row->many && p->next < p->argc && !looks_like_option(p->argv[p->next]));
	return 0;
}

static int
parse_long(struct parser *p, const char *word, struct err *err)
{
	size_t length = strcspn(word, "=");
	const char *attached = word[length] == '=' ? word + length + 1 : NULL;
	const struct option *row = find_row(p->options, word, length, err);

	if (row == NULL)
		return -1;
	if (takes_value(row))
		return take_value(p, row, attached, err);
	if (attached != NULL)
		return err_set(err, EINVAL, "option '%.*s' takes no value", (int)length, word);
	apply_switch(p->options, row);
	return 0;
}

/* A cluster: letters without a value, and at the end perhaps one with it ("-vtNAME"). */
static int
parse_cluster(struct parser *p, const char *word, struct err *err)
{
	for (const char *letter = word + 1; *letter != '\0'; letter++) {
		const char name[] = {'-', *letter};
		const struct option *row = find_row(p->options, name, sizeof(name), err);

		if (row == NULL)
			return -1;
		if (takes_value(row)) {
			const char *attached = letter[1] == '=' ? letter + 2 : letter + 1;

			return take_value(p, row, letter[1] != '\0' ? attached : NULL, err);
		}
		apply_switch(p->options, row);
	}
	return 0;
}

int
options_parse(struct options *o, int argc, char *const *argv, struct err *err)
{
	struct parser p = {.options = o, .argv = argv, .argc = argc, .next = 1};
	bool only_arguments = false;

	o->verbosity = 1;
	o->arguments = xcalloc((size_t)argc + 1, sizeof(*o->arguments));

	while (p.next < argc && !o->help && !o->version) {
		const char *word = argv[p.next++];
		int status = 0;

		if (only_arguments || !looks_like_option(word))
			o->arguments[o->argument_count++] = word;
		else if (text_equal(word, "--"))
			only_arguments = true;
		else if (word[1] == '-')
			status = parse_long(&p, word, err);
		else
			status = parse_cluster(&p, word, err);
		if (status < 0)
			return -1;
	}
	return 0;
}

void
options_finish(struct options *o)
{
	free(o->arguments);
	o->arguments = NULL;
	o->argument_count = 0;
}

void
option_list_finish(struct option_list *list)
{
	free(list->items);
	list->items = NULL;
	list->count = 0;
}
