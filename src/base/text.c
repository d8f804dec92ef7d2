/* Strings and names; see text.h. Names may come from anywhere. */
#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/log.h"

char *
text_format(const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		fatal("out of memory");
	va_end(arguments);
	return text;
}

char *
text_copy(const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL)
		fatal("out of memory");
	return copy;
}

void *
xcalloc(size_t count, size_t size)
{
	void *memory = calloc(count > 0 ? count : 1, size > 0 ? size : 1);

	if (memory == NULL)
		fatal("out of memory");
	return memory;
}

bool
text_equal(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

bool
text_starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool
text_ends_with(const char *text, const char *suffix)
{
	size_t length = strlen(text), suffix_length = strlen(suffix);

	return length >= suffix_length && strcmp(text + length - suffix_length, suffix) == 0;
}

int
text_parse_u64(const char *text, uint64_t max, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (text[0] == '\0' || (text[0] == '0' && text[1] != '\0'))
		return -EINVAL;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		if (__builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
			return -ERANGE;
	}
	if (value > max)
		return -ERANGE;
	*ret_value = value;
	return 0;
}

static bool
is_ascii_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool
text_only_has(const char *text, const char *others)
{
	for (; *text != '\0'; text++) {
		bool digit = *text >= '0' && *text <= '9';

		if (!is_ascii_letter(*text) && !digit && strchr(others, *text) == NULL)
			return false;
	}
	return true;
}

static const char *
qube_name_complaint(const char *name)
{
	if (strlen(name) > QUBE_NAME_MAX)
		return "VM name must be shorter than 32 characters";
	if (!is_ascii_letter(name[0]))
		return "VM name cannot start with hyphen, underscore, dot or numbers";
	if (!text_only_has(name, "_-."))
		return "VM name contains illegal characters";
	if (strcmp(name, "Domain-0") == 0)
		return "VM name cannot be 'Domain-0'";
	if (strcmp(name, "none") == 0 || strcmp(name, "default") == 0)
		return "VM name cannot be 'none' nor 'default'";
	if (text_ends_with(name, "-dm"))
		return "VM name cannot end with '-dm'";
	return NULL;
}

bool
qube_name_valid(const char *name, const char **ret_reason)
{
	const char *complaint = qube_name_complaint(name);

	if (complaint != NULL && ret_reason != NULL)
		*ret_reason = complaint;
	return complaint == NULL;
}

void
uuid_generate(char ret_uuid[UUID_LENGTH + 1])
{
	uint8_t b[16];

	random_bytes(b, sizeof(b));
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40); /* version 4 */
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80); /* the standard variant */
	snprintf(ret_uuid, UUID_LENGTH + 1,
		"%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
		b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
		b[15]);
}

bool
uuid_valid(const char *text)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	if (strlen(text) != UUID_LENGTH)
		return false;
	for (size_t i = 0; i < UUID_LENGTH; i++) {
		bool hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');

		if (form[i] == '-' ? text[i] != '-' : !hex)
			return false;
	}
	return true;
}
