/* qrexec-policy-lint: errors and doubtful lines of policy files, without running anything. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"
#include "qrexec/policy/lint.h"

struct output {
	const char *file;
	bool show_line;
};

/* The line is printed with everything that a terminal might act on made harmless. */
static void
print_line(const char *line, size_t length)
{
	fputs(": ", stdout);
	for (size_t i = 0; i < length; i++)
		putchar((line[i] >= 0x20 && line[i] <= 0x7e) || line[i] == '\t' ? line[i] : '?');
}

static void
print_finding(unsigned line_number, enum lint_severity severity, const char *text, const char *line,
	size_t length, void *data)
{
	const struct output *output = data;

	printf("%s:%u: %s: %s", output->file, line_number,
		severity == LINT_ERROR ? "error" : "warning", text);
	if (output->show_line)
		print_line(line, length);
	putchar('\n');
}

static int
read_input(const char *path, char **ret_text, size_t *ret_size, struct err *err)
{
	const char *real = text_equal(path, "-") ? "/dev/stdin" : path;

	return read_file(real, POLICY_FILE_MAX_BYTES, ret_text, ret_size, err);
}

static int
usage(FILE *out)
{
	fprintf(out, "usage: qrexec-policy-lint [-s] [-i] FILE...\n"
		     "  -s, --show             also print the line\n"
		     "  -i, --include-service  the files are service files\n"
		     "FILE \"-\" is the standard input. Exit status 1 when there are errors.\n");
	return out == stdout ? 0 : 2;
}

int
main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{"show", no_argument, NULL, 's'},
		{"include-service", no_argument, NULL, 'i'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	enum policy_line_form form = POLICY_LINE_POLICY;
	struct output output = {0};
	bool failed = false;
	int option;

	while ((option = getopt_long(argc, argv, "sih", long_options, NULL)) != -1) {
		if (option == 's')
			output.show_line = true;
		else if (option == 'i')
			form = POLICY_LINE_SERVICE;
		else
			return usage(option == 'h' ? stdout : stderr);
	}
	if (optind == argc)
		return usage(stderr);
	for (int i = optind; i < argc; i++) {
		AUTO_ERR struct err err = ERR_INIT;
		AUTO_FREE char *text = NULL;
		size_t size;

		output.file = argv[i];
		if (read_input(argv[i], &text, &size, &err) < 0) {
			fprintf(stderr, "qrexec-policy-lint: %s\n", err_message(&err));
			failed = true;
		} else if (lint_text(text, size, form, print_finding, &output) > 0) {
			failed = true;
		}
	}
	return failed ? 1 : 0;
}
