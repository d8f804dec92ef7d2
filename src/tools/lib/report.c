/* Messages of the tools (report.h). */
#include "tools/lib/report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/text.h"

__attribute__((format(printf, 1, 0))) static char *
format_text(const char *format, va_list arguments)
{
	char *text = NULL;

	if (vasprintf(&text, format, arguments) < 0)
		abort();
	return text;
}

/* Control bytes could forge lines or reach the terminal: they are shown, not sent. */
static char *
printable(const char *text)
{
	char *result = xcalloc(strlen(text) * 4 + 1, 1), *to = result;

	for (; *text != '\0'; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte >= 0x20 && byte != 0x7f)
			*to++ = *text;
		else
			to += snprintf(to, 5, "\\x%02x", byte);
	}
	return result;
}

static void
say_line(const char *prefix, const char *text)
{
	AUTO_FREE char *shown = printable(text);
	AUTO_FREE char *line = text_format("%s%s\n", prefix, shown);

	fflush(stdout);
	write_all(STDERR_FILENO, line, strlen(line));
}

/* A sub-command ("qvm-volume info") complains in the name of its program. */
static char *
error_prefix(const struct options *o)
{
	return text_format("%.*s: error: ", (int)strcspn(o->program, " "), o->program);
}

#define WITH_TEXT(text)                                                                            \
	va_list arguments;                                                                         \
	va_start(arguments, format);                                                               \
	AUTO_FREE char *(text) = format_text(format, arguments);                                   \
	va_end(arguments)

int
tool_usage_error(const struct options *o, const char *format, ...)
{
	WITH_TEXT(text);
	AUTO_FREE char *prefix = error_prefix(o);

	fflush(stdout);
	options_print_usage(o, stderr);
	say_line(prefix, text);
	return TOOL_USAGE;
}

int
tool_error(const struct options *o, const char *format, ...)
{
	WITH_TEXT(text);
	AUTO_FREE char *prefix = error_prefix(o);

	say_line(prefix, text);
	return TOOL_FAILURE;
}

void
tool_say(const char *format, ...)
{
	WITH_TEXT(text);

	say_line("", text);
}

int
tool_qube_error(const char *what, const char *qube, const struct err *err)
{
	tool_say("Error: %s: %s: %s", what, qube, err_message(err));
	return TOOL_FAILURE;
}

bool
tool_accept(struct options *o, int argc, char *const *argv, int *ret_status)
{
	AUTO_ERR struct err err = ERR_INIT;

	if (options_parse(o, argc, argv, &err) < 0) {
		*ret_status = tool_usage_error(o, "%s", err_message(&err));
		return false;
	}
	if (o->help)
		options_print_help(o, stdout);
	else if (o->version)
		printf("%s (Bulkhead) %s\n", o->program, BULKHEAD_VERSION);
	else
		return true;
	*ret_status = tool_finish_output(o, TOOL_OK);
	return false;
}

int
tool_finish_output(const struct options *o, int status)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	if (errno == EPIPE)
		return TOOL_FAILURE;
	return tool_error(o, "output: cannot write: %s", strerror(errno != 0 ? errno : EIO));
}

bool
tool_ask(const char *question)
{
	AUTO_FREE char *line = NULL;
	size_t size = 0;

	fputs(question, stdout);
	fflush(stdout);
	if (getline(&line, &size, stdin) < 0) {
		fputc('\n', stdout);
		return false;
	}
	return text_equal(line, "y\n") || text_equal(line, "Y\n") || text_equal(line, "y") ||
	       text_equal(line, "Y");
}
