/* Log lines on stderr; see log.h. Text may hold a qube's bytes: they are escaped here. */
#include "base/log.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_LINE_MAX 2048
#define LOG_QUBE_MAX 64

static const char *program_name = "bulkhead";
static char qube_name[LOG_QUBE_MAX];
static enum log_level threshold = LOG_LEVEL_INFO;

static const char *const level_names[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARNING] = "warning",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

void
log_init(const char *program)
{
	const char *wanted = getenv("BULKHEAD_LOG");

	program_name = program;
	if (wanted == NULL)
		return;
	for (size_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
		if (strcmp(wanted, level_names[i]) == 0)
			threshold = (enum log_level)i;
	}
}

void
log_set_level(enum log_level level)
{
	threshold = level;
}

void
log_set_qube(const char *name)
{
	snprintf(qube_name, sizeof(qube_name), "%s", name != NULL ? name : "");
}

/* Appends text with everything but printable ASCII as \xHH; returns the new length. */
static size_t
append_escaped(char *line, size_t length, size_t size, const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
		bool printable = *c >= 0x20 && *c < 0x7f;

		if (length + 5 > size)
			break;
		if (printable)
			line[length++] = (char)*c;
		else
			length += (size_t)snprintf(line + length, size - length, "\\x%02x", *c);
	}
	return length;
}

static void __attribute__((format(printf, 3, 0)))
write_line(enum log_level level, const char *qube, const char *format, va_list arguments)
{
	char text[LOG_LINE_MAX], line[LOG_LINE_MAX + LOG_QUBE_MAX + 64];
	size_t length = 0;
	ssize_t written;

	vsnprintf(text, sizeof(text), format, arguments);
	length = append_escaped(line, length, sizeof(line) - 2, program_name);
	if (qube != NULL && qube[0] != '\0') {
		line[length++] = '[';
		length = append_escaped(line, length, sizeof(line) - 16, qube);
		line[length++] = ']';
	}
	length += (size_t)snprintf(
		line + length, sizeof(line) - length, ": %s: ", level_names[level]);
	length = append_escaped(line, length, sizeof(line) - 2, text);
	line[length++] = '\n';
	written = write(STDERR_FILENO, line, length);
	(void)written; /* nowhere left to complain */
}

void
log_message(enum log_level level, const char *format, ...)
{
	va_list arguments;

	if (level > threshold)
		return;
	va_start(arguments, format);
	write_line(level, qube_name, format, arguments);
	va_end(arguments);
}

void
log_qube_message(enum log_level level, const char *qube, const char *format, ...)
{
	va_list arguments;

	if (level > threshold)
		return;
	va_start(arguments, format);
	write_line(level, qube, format, arguments);
	va_end(arguments);
}

void
fatal(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	write_line(LOG_LEVEL_ERROR, qube_name, format, arguments);
	va_end(arguments);
	exit(1);
}
