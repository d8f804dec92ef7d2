/*
 * Which names and link targets a receiver takes, and a sender need not try. Judged before the
 * file system is touched; nothing here does I/O.
 */
#ifndef BULKHEAD_FILECOPY_NAMES_H
#define BULKHEAD_FILECOPY_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a receiver accepts, as bits; the numbers are those of the original's interface. */
enum filecopy_flag {
	FILECOPY_ALLOW_SYMLINKS = 1,
	FILECOPY_ALLOW_DIRECTORIES = 2,
	FILECOPY_ALLOW_UNSAFE_CHARACTERS = 4,
	FILECOPY_ALLOW_NON_CANONICAL_SYMLINKS = 8,
	FILECOPY_ALLOW_UNSAFE_SYMLINKS = 16,
};

/* What a qube's qubes.Filecopy accepts. */
#define FILECOPY_QUBE_FLAGS                                                                        \
	(FILECOPY_ALLOW_SYMLINKS | FILECOPY_ALLOW_DIRECTORIES |                                    \
		FILECOPY_ALLOW_NON_CANONICAL_SYMLINKS)

/*
 * Whether the bytes are UTF-8 of characters that can not mislead: ASCII without controls, and
 * scripts that run left to right without marks, invisible or lookalike format characters.
 */
bool filecopy_text_safe(const char *untrusted_text, size_t length);

/*
 * An entry's path: relative, no empty component, no "." or "..", no NUL among its `length`
 * bytes (the closing one not counted). 0 or EILSEQ.
 */
uint32_t filecopy_name_check(const char *untrusted_name, size_t length, unsigned int flags);

/*
 * A link at the path `name` (checked) to the target: 0, EILSEQ, or ENOLINK when it could lead
 * out of the top-level directory that it came in. An empty target passes; it fails when made.
 */
uint32_t filecopy_target_check(
	const char *name, const char *untrusted_target, size_t length, unsigned int flags);

/* One character in the table; for the tests. */
bool filecopy_character_safe(uint32_t character);

#endif
