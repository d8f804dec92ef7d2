/* The filter of texts; see title.h. Each byte is looked at once, sequences never reach past a NUL.
 */
#include "gui/daemon/title.h"

#include <locale.h>
#include <stdint.h>
#include <string.h>
#include <wctype.h>

static locale_t unicode;

void
title_init(void)
{
	if (unicode == (locale_t)0)
		unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

/* Characters that are printable by Unicode and can still deceive or reorder. */
static const struct {
	uint32_t first, last;
} refused[] = {
	{0x0000, 0x001f}, {0x007f, 0x009f}, /* controls */
	{0x00ad, 0x00ad},                   /* soft hyphen */
	{0x034f, 0x034f},                   /* grapheme joiner */
	{0x061c, 0x061c},                   /* Arabic letter mark */
	{0x115f, 0x1160},                   /* fillers */
	{0x17b4, 0x17b5}, {0x180b, 0x180f},
	{0x2000, 0x200f}, /* wide, zero-width and directional marks */
	{0x2028, 0x202f}, /* separators, embeddings, overrides */
	{0x205f, 0x206f}, /* isolates, invisible operators */
	{0x3000, 0x3000}, {0x3164, 0x3164}, {0xe000, 0xf8ff}, /* private use */
	{0xfe00, 0xfe0f},                                     /* variation selectors */
	{0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xffff}, {0x1bca0, 0x1bca3},
	{0x1d173, 0x1d17a}, {0xe0000, 0x10ffff}, /* tags, private use */
};

static bool
is_showable(uint32_t character)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		if (character >= refused[i].first && character <= refused[i].last)
			return false;
	}
	return unicode != (locale_t)0 && iswprint_l((wint_t)character, unicode) != 0;
}

/* Bytes after the first, and the smallest character that needs so many. */
static int
sequence_length(uint8_t first, uint32_t *ret_bits, uint32_t *ret_smallest)
{
	if (first >= 0xc2 && first <= 0xdf) {
		*ret_bits = first & 0x1fU;
		*ret_smallest = 0x80;
		return 1;
	}
	if (first >= 0xe0 && first <= 0xef) {
		*ret_bits = first & 0x0fU;
		*ret_smallest = 0x800;
		return 2;
	}
	if (first >= 0xf0 && first <= 0xf4) {
		*ret_bits = first & 0x07U;
		*ret_smallest = 0x10000;
		return 3;
	}
	return 0;
}

/* Bytes of the well-formed sequence at the start, or 0; the character may still be refused. */
static size_t
decode(const char *text, size_t size, uint32_t *ret_character)
{
	uint32_t character, smallest;
	int more = sequence_length((uint8_t)text[0], &character, &smallest);

	if (more == 0 || (size_t)more >= size)
		return 0;
	for (int i = 1; i <= more; i++) {
		uint8_t byte = (uint8_t)text[i];

		if ((byte & 0xc0) != 0x80)
			return 0;
		character = character << 6 | (byte & 0x3fU);
	}
	if (character < smallest || character > 0x10ffff ||
		(character >= 0xd800 && character <= 0xdfff))
		return 0;
	*ret_character = character;
	return (size_t)more + 1;
}

void
title_filter(const char *untrusted, size_t size, bool allow_utf8, char *ret)
{
	size_t length = strnlen(untrusted, size), at = 0, out = 0;

	while (at < length) {
		uint8_t byte = (uint8_t)untrusted[at];
		uint32_t character;
		size_t bytes = 0;

		if (byte >= 0x20 && byte <= 0x7e) {
			ret[out++] = untrusted[at++];
			continue;
		}
		if (allow_utf8)
			bytes = decode(untrusted + at, length - at, &character);
		if (bytes > 0 && is_showable(character)) {
			memcpy(ret + out, untrusted + at, bytes);
			out += bytes;
			at += bytes;
			continue;
		}
		ret[out++] = '_';
		at += bytes > 0 ? bytes : 1;
	}
	ret[out] = '\0';
}

void
title_filter_name(const char *untrusted, size_t size, bool allow_utf8, char *ret)
{
	size_t length = strnlen(untrusted, size);

	title_filter(untrusted, size, allow_utf8, ret);
	if (!allow_utf8 && length >= 3 && memcmp(untrusted + length - 3, "\xe2\x80\xa6", 3) == 0)
		memset(ret + strlen(ret) - 3, '.', 3);
}
