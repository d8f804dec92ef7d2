/* Texts in the forms that other programs read (encode.h). */
#include "tools/lib/encode.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static bool
is_plain(unsigned char byte)
{
	return byte < 0x80 && (isalnum(byte) || byte == '_' || byte == '.');
}

char *
encode_vmexec(const char *const *words, size_t count)
{
	size_t size = 1;

	for (size_t i = 0; i < count; i++)
		size += strlen(words[i]) * 3 + 1;

	char *result = xcalloc(size, 1), *to = result;

	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			*to++ = '+';
		for (const char *from = words[i]; *from != '\0'; from++) {
			unsigned char byte = (unsigned char)*from;

			if (is_plain(byte)) {
				*to++ = *from;
			} else if (byte == '-') {
				*to++ = '-';
				*to++ = '-';
			} else {
				to += snprintf(to, 4, "-%02X", byte);
			}
		}
	}
	return result;
}

/* A word that the shell reads as itself needs no quotes. */
static bool
is_shell_plain(const char *word)
{
	return *word != '\0' && text_only_has(word, "@%+=:,./-_");
}

/* The word in single quotes; one inside ends them, is given in double ones, and begins anew. */
static void
print_shell_word(FILE *to, const char *word)
{
	if (is_shell_plain(word)) {
		fputs(word, to);
		return;
	}
	fputc('\'', to);
	for (; *word != '\0'; word++) {
		if (*word == '\'')
			fputs("'\"'\"'", to);
		else
			fputc(*word, to);
	}
	fputc('\'', to);
}

char *
encode_shell(const char *const *words, size_t count)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	if (to == NULL)
		abort();
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			fputc(' ', to);
		print_shell_word(to, words[i]);
	}
	if (fclose(to) != 0)
		abort();
	return text;
}

/* The length of the UTF-8 sequence at `text`, or 0 when there is none that is well formed. */
static size_t
utf8_length(const unsigned char *text)
{
	size_t length = text[0] < 0x80    ? 1
			: text[0] < 0xc2  ? 0
			: text[0] < 0xe0  ? 2
			: text[0] < 0xf0  ? 3
			: text[0] <= 0xf4 ? 4
					  : 0;

	for (size_t i = 1; i < length; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] >= 0xa0) ||
		(text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] >= 0x90))
		return 0;
	return length;
}

int
encode_json_string(struct buf *to, const char *text)
{
	int e = buf_put_u8(to, '"');

	for (const unsigned char *from = (const unsigned char *)text; *from != '\0' && e >= 0;) {
		size_t length = utf8_length(from);

		if (length == 0) {
			e = buf_put_string(to, "\xef\xbf\xbd");
			from++;
			continue;
		}
		if (*from == '"' || *from == '\\')
			e = buf_printf(to, "\\%c", *from);
		else if (*from == '\n')
			e = buf_put_string(to, "\\n");
		else if (*from < 0x20 || *from == 0x7f)
			e = buf_printf(to, "\\u%04x", *from);
		else
			e = buf_put(to, from, length);
		from += length;
	}
	return e < 0 ? e : buf_put_u8(to, '"');
}
