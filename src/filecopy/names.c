/*
 * The rules for names and link targets (names.h). Pure functions over bytes of a stranger; used
 * in the confined receiver and before sending.
 */
#include "filecopy/names.h"

#include <errno.h>
#include <string.h>

/*
 * Decodes one character of well-formed UTF-8: no overlong form, no surrogate, nothing above
 * U+10FFFF. Returns its length in bytes, or 0.
 */
static size_t
decode_character(const uint8_t *bytes, size_t length, uint32_t *ret_character)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint32_t character;
	size_t size;

	if (bytes[0] < 0x80) {
		*ret_character = bytes[0];
		return 1;
	}
	size = bytes[0] >= 0xf0 ? 4 : bytes[0] >= 0xe0 ? 3 : 2;
	if (bytes[0] < 0xc2 || bytes[0] > 0xf4 || size > length)
		return 0;
	character = bytes[0] & (0x7fu >> size);
	for (size_t i = 1; i < size; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		character = character << 6 | (bytes[i] & 0x3fu);
	}
	if (character < least[size] || character > 0x10ffff ||
		(character >= 0xd800 && character <= 0xdfff))
		return 0;
	*ret_character = character;
	return size;
}

bool
filecopy_text_safe(const char *untrusted_text, size_t length)
{
	const uint8_t *bytes = (const uint8_t *)untrusted_text;

	while (length > 0) {
		uint32_t character;
		size_t size = decode_character(bytes, length, &character);

		if (size == 0 || !filecopy_character_safe(character))
			return false;
		bytes += size;
		length -= size;
	}
	return true;
}

static bool
is_dots(const char *component, size_t length)
{
	return (length == 1 && component[0] == '.') ||
	       (length == 2 && component[0] == '.' && component[1] == '.');
}

uint32_t
filecopy_name_check(const char *untrusted_name, size_t length, unsigned int flags)
{
	const char *component = untrusted_name, *end = untrusted_name + length;

	if (length == 0 || memchr(untrusted_name, '\0', length) != NULL)
		return EILSEQ;
	for (;;) {
		const char *slash = memchr(component, '/', (size_t)(end - component));
		size_t size = (size_t)((slash != NULL ? slash : end) - component);

		if (size == 0 || is_dots(component, size))
			return EILSEQ;
		if (slash == NULL)
			break;
		component = slash + 1;
	}
	if ((flags & FILECOPY_ALLOW_UNSAFE_CHARACTERS) == 0 &&
		!filecopy_text_safe(untrusted_name, length))
		return EILSEQ;
	return 0;
}

/*
 * How many directories up the target begins, or ENOLINK as *ret_code when a ".." follows a
 * normal component: where that leads can not be told without following links.
 */
static size_t
count_leading_ups(const char *target, size_t length, unsigned int flags, uint32_t *ret_code)
{
	const char *component = target, *end = target + length;
	bool normal = false;
	size_t ups = 0;

	*ret_code = 0;
	while (component <= end) {
		const char *slash = memchr(component, '/', (size_t)(end - component));
		size_t size = (size_t)((slash != NULL ? slash : end) - component);

		if (size == 2 && is_dots(component, size)) {
			if (normal)
				*ret_code = ENOLINK;
			ups++;
		} else if (size == 0 || is_dots(component, size)) {
			if ((flags & FILECOPY_ALLOW_NON_CANONICAL_SYMLINKS) == 0 && *ret_code == 0)
				*ret_code = EILSEQ;
		} else {
			normal = true;
		}
		component += size + 1;
	}
	return ups;
}

uint32_t
filecopy_target_check(
	const char *name, const char *untrusted_target, size_t length, unsigned int flags)
{
	size_t depth = 1, ups;
	uint32_t code;

	if (memchr(untrusted_target, '\0', length) != NULL)
		return EILSEQ;
	if ((flags & FILECOPY_ALLOW_UNSAFE_SYMLINKS) != 0)
		return 0;
	for (const char *c = name; *c != '\0'; c++)
		depth += *c == '/';
	if (depth < 2 || (length > 0 && untrusted_target[0] == '/'))
		return ENOLINK;
	if (length > 0) {
		ups = count_leading_ups(untrusted_target, length, flags, &code);
		if (code != 0)
			return code;
		if (ups > depth - 2)
			return ENOLINK;
	}
	if ((flags & FILECOPY_ALLOW_UNSAFE_CHARACTERS) == 0 &&
		!filecopy_text_safe(untrusted_target, length))
		return EILSEQ;
	return 0;
}
