/* See log_line.h. */
#include "qrexec/policy/tools/log_line.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

#define DISPOSABLE_PREFIX "@dispvm:"

static bool
is_printable(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text < 0x20 || *text > 0x7e)
			return false;
	}
	return true;
}

static bool
is_time(const char *text)
{
	return strlen(text) == strlen("2026-01-31T23:59:59.000Z") && text[4] == '-' &&
	       text[10] == 'T' && text_ends_with(text, "Z");
}

int
log_line_parse(char *untrusted_text, struct log_line *ret)
{
	struct log_line line = {0};
	char *rest = untrusted_text, *word;

	if (!is_printable(untrusted_text))
		return -EBADMSG;
	line.time = strsep(&rest, " ");
	if (!is_time(line.time))
		return -EBADMSG;
	while ((word = strsep(&rest, " ")) != NULL) {
		char *value = strchr(word, '=');

		if (value == NULL || value == word || line.count == LOG_LINE_FIELDS_MAX)
			return -EBADMSG;
		*value++ = '\0';
		line.fields[line.count++] = (struct log_field){.key = word, .value = value};
	}
	if (line.count == 0)
		return -EBADMSG;
	*ret = line;
	return 0;
}

const char *
log_line_get(const struct log_line *line, const char *key)
{
	for (size_t i = 0; i < line->count; i++) {
		if (text_equal(line->fields[i].key, key))
			return line->fields[i].value;
	}
	return "";
}

static bool
is_source(const struct log_line *line, const char *name)
{
	return text_equal(log_line_get(line, "source"), name) ||
	       text_equal(log_line_get(line, "for"), name);
}

static bool
names(const char *target, const char *name)
{
	if (text_equal(target, name))
		return true;
	return text_starts_with(target, DISPOSABLE_PREFIX) &&
	       text_equal(target + strlen(DISPOSABLE_PREFIX), name);
}

static bool
is_target(const struct log_line *line, const char *name)
{
	return names(log_line_get(line, "asked"), name) || names(log_line_get(line, "given"), name);
}

static bool
is_service(const struct log_line *line, const char *service)
{
	size_t length = strcspn(service, "+");
	const char *name = log_line_get(line, "service");

	if (strlen(name) != length || strncmp(name, service, length) != 0)
		return false;
	return service[length] == '\0' ||
	       text_equal(log_line_get(line, "argument"), service + length);
}

bool
log_filter_matches(const struct log_filter *f, const struct log_line *line)
{
	if (f->since != NULL && strcmp(line->time, f->since) < 0)
		return false;
	if (f->result != NULL && !text_equal(log_line_get(line, "answer"), f->result))
		return false;
	if (f->service != NULL && !is_service(line, f->service))
		return false;
	if (f->source != NULL && !is_source(line, f->source))
		return false;
	if (f->target != NULL && !is_target(line, f->target))
		return false;
	return f->qube == NULL || is_source(line, f->qube) || is_target(line, f->qube);
}
