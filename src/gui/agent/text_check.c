/* Whether text from elsewhere is nothing but text; see text_check.h. */
#include "gui/agent/text_check.h"

#include <stdint.h>

/* Bytes of the well-formed character (RFC 3629) at the beginning, 0 if there is none. */
static size_t
character_size(const uint8_t *at, size_t left)
{
	uint8_t first = at[0], low = 0x80, high = 0xbf;
	size_t size;

	if (first >= 0xc2 && first <= 0xdf)
		size = 2;
	else if (first >= 0xe0 && first <= 0xef)
		size = 3;
	else if (first >= 0xf0 && first <= 0xf4)
		size = 4;
	else
		return 0;
	/* Not longer than need be, no surrogates, not above U+10FFFF. */
	if (first == 0xe0)
		low = 0xa0;
	else if (first == 0xed)
		high = 0x9f;
	else if (first == 0xf0)
		low = 0x90;
	else if (first == 0xf4)
		high = 0x8f;
	if (size > left || at[1] < low || at[1] > high)
		return 0;
	for (size_t i = 2; i < size; i++) {
		if (at[i] < 0x80 || at[i] > 0xbf)
			return 0;
	}
	return size;
}

static size_t
clean_size(const uint8_t *at, size_t left)
{
	if ((at[0] >= 0x20 && at[0] < 0x7f) || at[0] == '\n' || at[0] == '\t')
		return 1;
	if (at[0] == '\r')
		return left > 1 && at[1] == '\n' ? 1 : 0;
	return character_size(at, left);
}

bool
text_is_clean(const char *text, size_t size)
{
	const uint8_t *at = (const uint8_t *)text;

	for (size_t i = 0; i < size;) {
		size_t step = clean_size(at + i, size - i);

		if (step == 0)
			return false;
		i += step;
	}
	return true;
}
