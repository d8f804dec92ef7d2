/* Checking the characters of a line; see characters.h. */
#include "qrexec/policy/characters.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/utf8.h"

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
		size_t used = utf8_decode(line + i, length - i, &character);

		if (used == 0)
			return err_set(err, EILSEQ, "column %zu: the bytes are not UTF-8", i + 1);
		if ((utf8_misleads(character) && character != '\t') ||
			(!comment && character > 0x7e))
			return err_set(err, EILSEQ, "column %zu: character U+%04X is not allowed",
				i + 1, (unsigned)character);
		i += used;
	}
	return 0;
}
