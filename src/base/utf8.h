/* UTF-8 from outside, character by character: strict, and with an eye on what misleads. */
#ifndef BULKHEAD_BASE_UTF8_H
#define BULKHEAD_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Decodes one character, strictly (no surrogates, no over-long forms). Returns the number of its
 * bytes, or 0 when the `size` bytes (at least one) do not begin with a character.
 */
size_t utf8_decode(const char *untrusted_bytes, size_t size, uint32_t *ret_character);

/*
 * Whether a character changes or hides what others look like: controls (newlines and tabs among
 * them), line and paragraph separators, marks of direction, the byte order mark.
 */
bool utf8_misleads(uint32_t character);

#endif
