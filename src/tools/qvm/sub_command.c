/* Commands that have commands (sub_command.h). */
#include "tools/qvm/sub_command.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "tools/lib/report.h"

static bool
is_named(const char *names, const char *word)
{
	size_t length = strlen(word);

	while (*names != '\0') {
		size_t name_length = strcspn(names, " ");

		if (name_length == length && memcmp(names, word, length) == 0)
			return true;
		names += name_length;
		names += strspn(names, " ");
	}
	return false;
}

static const struct sub_command *
find_sub_command(const struct sub_command *table, const char *word)
{
	for (; table->names != NULL; table++)
		if (is_named(table->names, word))
			return table;
	return NULL;
}

/* The general help, then that of every sub-command, each by its own table. */
static int
print_all_help(const struct options *general, const struct sub_command *table)
{
	char help[] = "--help";
	char name[] = "";

	options_print_help(general, stdout);
	for (; table->names != NULL; table++) {
		char *argv[] = {name, help, NULL};

		putchar('\n');
		table->run(2, argv);
	}
	return tool_finish_output(general, TOOL_OK);
}

int
sub_command_run(
	const struct options *general, const struct sub_command *table, int argc, char **argv)
{
	const struct sub_command *found = table;
	AUTO_FREE char **rest = xcalloc((size_t)argc + 1, sizeof(*rest));
	int word = 1, count = 0;

	while (word < argc && argv[word][0] == '-' && strcmp(argv[word], "--") != 0) {
		if (text_equal(argv[word], "--help") || text_equal(argv[word], "-h"))
			return print_all_help(general, table);
		word++;
	}
	if (word < argc && argv[word][0] != '-') {
		found = find_sub_command(table, argv[word]);
		if (found == NULL)
			return tool_usage_error(general, "no such command: '%s'", argv[word]);
	}
	for (int i = 0; i < argc; i++)
		if (i != word || argv[i][0] == '-')
			rest[count++] = argv[i];
	return found->run(count, rest);
}
