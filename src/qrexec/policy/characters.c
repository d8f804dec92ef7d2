/* Checking the characters of a line; see characters.h. */
#include "qrexec/policy/characters.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Decodes one UTF-8 sequence, strictly (no surrogates, no over-long forms). Returns its length,
 * or 0 when the bytes are none.
 */
static size_t
decode_utf8(const uint8_t *bytes, size_t size, uint32_t *ret_character)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	uint32_t character;
	size_t length;

	if (bytes[0] < 0x80) {
		*ret_character = bytes[0];
		return 1;
	}
	length = bytes[0] >= 0xf0 ? 4 : bytes[0] >= 0xe0 ? 3 : 2;
	if (bytes[0] < 0xc2 || bytes[0] > 0xf4 || length > size)
		return 0;
	character = bytes[0] & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		character = character << 6 | (bytes[i] & 0x3f);
	}
	if (character < smallest[length] || character > 0x10ffff ||
		(character >= 0xd800 && character <= 0xdfff))
		return 0;
	*ret_character = character;
	return length;
}

/* Controls, line and paragraph separators, bidirectional marks, the byte order mark. */
static bool
deceives(uint32_t c)
{
	if (c < 0x20)
		return c != '\t';
	return (c >= 0x7f && c <= 0x9f) || c == 0x200e || c == 0x200f || c == 0x2028 ||
	       c == 0x2029 || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
	       c == 0xfeff;
}

static bool
is_comment(const char *line, size_t length)
{
	size_t i = 0;

	while (i < length && (line[i] == ' ' || line[i] == '\t'))
		i++;
	return i < length && line[i] == '#';
}

int
policy_characters_check(const char *line, size_t length, struct err *err)
{
	bool comment = is_comment(line, length);
	uint32_t character;

	for (size_t i = 0; i < length;) {
		size_t used = decode_utf8((const uint8_t *)line + i, length - i, &character);

		if (used == 0)
			return err_set(err, EILSEQ, "column %zu: the bytes are not UTF-8", i + 1);
		if (deceives(character) || (!comment && character > 0x7e))
			return err_set(err, EILSEQ, "column %zu: character U+%04X is not allowed",
				i + 1, (unsigned)character);
		i += used;
	}
	return 0;
}
