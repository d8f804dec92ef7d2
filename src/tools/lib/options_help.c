/* Usage and help texts, from the same tables that parse (options.h). */
#include <string.h>

#include "tools/lib/options.h"

#define HELP_WIDTH 80
#define HELP_OPTION_INDENT 2
#define HELP_TEXT_COLUMN 24

static void
print_spaces(FILE *to, size_t count)
{
	for (size_t i = 0; i < count; i++)
		fputc(' ', to);
}

void
print_wrapped(FILE *to, const char *text, size_t indent, size_t column)
{
	while (*text != '\0') {
		size_t word = strcspn(text, " \n");

		if (column > indent && column + 1 + word > HELP_WIDTH - 1) {
			fputc('\n', to);
			column = 0;
		}
		if (column < indent) {
			print_spaces(to, indent - column);
			column = indent;
		} else if (column > indent) {
			fputc(' ', to);
			column++;
		}
		fwrite(text, 1, word, to);
		column += word;
		text += word;
		text += strspn(text, " \n");
	}
	fputc('\n', to);
}

/* The last name of a row is its longest form: "-t --template" is shown as "--template". */
static const char *
main_name(const char *names)
{
	const char *name = strstr(names, "--");

	return name != NULL ? name : names;
}

/* One usage word, "[--template TEMPLATE]", at the cursor or on a new line. */
static size_t
print_usage_word(FILE *to, size_t column, size_t indent, const struct option *row)
{
	const char *name = main_name(row->names);
	int name_length = (int)strcspn(name, " ");
	char word[128];
	int length;

	if (row->value == NULL)
		length = snprintf(word, sizeof(word), "[%.*s]", name_length, name);
	else
		length = snprintf(word, sizeof(word),
			row->attached ? "[%.*s[=%s]]" : (row->many ? "[%.*s %s ...]" : "[%.*s %s]"),
			name_length, name, row->value);

	if (column + 1 + (size_t)length > HELP_WIDTH - 1) {
		fputc('\n', to);
		print_spaces(to, indent);
		column = indent;
	}
	fputc(' ', to);
	fputs(word, to);
	return column + 1 + (size_t)length;
}

void
options_print_usage(const struct options *o, FILE *to)
{
	const struct option *tables[] = {options_common, o->rows};
	size_t indent = strlen("usage: ") + strlen(o->program), column = indent;

	fprintf(to, "usage: %s", o->program);
	for (size_t i = 0; i < 2; i++)
		for (const struct option *row = tables[i]; row != NULL && row->names != NULL; row++)
			if (!row->hidden && row->names[0] == '-')
				column = print_usage_word(to, column, indent, row);
	if (o->usage != NULL && o->usage[0] != '\0') {
		print_wrapped(to, o->usage, indent + 1, column);
	} else {
		fputc('\n', to);
	}
}

/* "-t", "--template" of a row, with the value's name: "-t, --template TEMPLATE". */
static size_t
print_names(FILE *to, const struct option *row)
{
	const char *names = row->names;
	size_t column = HELP_OPTION_INDENT;

	print_spaces(to, HELP_OPTION_INDENT);
	while (*names != '\0') {
		size_t length = strcspn(names, " ");

		column += (size_t)fprintf(to, "%.*s", (int)length, names);
		names += length;
		names += strspn(names, " ");
		if (*names != '\0')
			column += (size_t)fprintf(to, ", ");
	}
	if (row->value != NULL)
		column += (size_t)fprintf(
			to, row->attached ? "[=%s]" : (row->many ? " %s ..." : " %s"), row->value);
	return column;
}

static void
print_row(FILE *to, const struct option *row)
{
	size_t column = print_names(to, row);

	if (column + 2 > HELP_TEXT_COLUMN) {
		fputc('\n', to);
		column = 0;
	}
	print_wrapped(to, row->help, HELP_TEXT_COLUMN, column);
}

static void
print_rows(FILE *to, const struct option *rows, bool options, const char **heading)
{
	for (const struct option *row = rows; row != NULL && row->names != NULL; row++) {
		if (row->hidden || (row->names[0] == '-') != options)
			continue;
		if (*heading != NULL)
			fprintf(to, "\n%s:\n", *heading);
		*heading = NULL;
		print_row(to, row);
	}
}

void
options_print_help(const struct options *o, FILE *to)
{
	const char *arguments = "arguments", *options = "options";

	options_print_usage(o, to);
	fputc('\n', to);
	print_wrapped(to, o->summary, 0, 0);
	print_rows(to, o->rows, false, &arguments);
	print_rows(to, o->rows, true, &options);
	print_rows(to, options_common, true, &options);
	if (o->notes != NULL)
		fprintf(to, "\n%s\n", o->notes);
}
