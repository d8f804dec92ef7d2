/*
 * Command lines as the qvm tools take them: long options that may be abbreviated, clusters of
 * single letters, `--option=value` and `--option value`, options mixed with arguments, and `--`.
 * A command describes itself in a table; help, usage and parsing all come from that table.
 */
#ifndef BULKHEAD_TOOLS_LIB_OPTIONS_H
#define BULKHEAD_TOOLS_LIB_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"

/* Values of an option that may be given several times; the texts are those of argv. */
struct option_list {
	const char **items; /* owned array of borrowed texts */
	size_t count;
};

/*
 * One row: an option when `names` begins with a dash ("-t --template"), else an argument that
 * only the help mentions. Exactly one target is set for an option; which one says what it takes:
 * flag and number take no value, text and list take one.
 */
struct option {
	const char *names;
	const char *value; /* how the help calls the value */
	const char *help;
	bool *flag;               /* becomes true */
	int *number;              /* becomes `constant` */
	const char **text;        /* becomes the value; the last one counts */
	struct option_list *list; /* gathers the values */
	int constant;
	bool many;     /* list: takes all words up to the next option */
	bool attached; /* text: the value may be absent, and then becomes ""; only by '=' */
	bool hidden;   /* not in the help */
};

/* A command's description, and what options_parse() found. */
struct options {
	const char *program; /* "qvm-ls", or "qvm-volume info" for a sub-command */
	const char *summary;
	const char *usage;         /* the arguments: "[VMNAME ...]" */
	const struct option *rows; /* ended by a row without names */
	const char *notes;         /* shown at the end of the help, or NULL */

	const char **arguments; /* owned array of borrowed texts, NULL-terminated */
	size_t argument_count;
	int verbosity; /* 1, plus --verbose, minus --quiet */
	bool help;
	bool version;
};

/*
 * Parses argv[1] onwards. With --help or --version it stops there and sets the flag. 0, or -1
 * with the error, a complete text for the user.
 */
int options_parse(struct options *o, int argc, char *const *argv, struct err *err);
void options_finish(struct options *o);
void option_list_finish(struct option_list *list);

#define AUTO_OPTIONS __attribute__((cleanup(options_finish)))
#define AUTO_OPTION_LIST __attribute__((cleanup(option_list_finish)))

/* "usage: PROGRAM [--option VALUE] ... ARGUMENTS", wrapped at 80 columns. */
void options_print_usage(const struct options *o, FILE *to);
/* The whole help: usage, summary, arguments, options, notes. */
void options_print_help(const struct options *o, FILE *to);
/* Text from column `indent` on, wrapped at 80 columns; the cursor stands at column `column`. */
void print_wrapped(FILE *to, const char *text, size_t indent, size_t column);

/* The options that every tool takes, shown in the help after the command's own. */
extern const struct option options_common[];

#endif
