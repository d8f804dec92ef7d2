/* Names, link targets and the table of characters, against slow but obvious twins. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "filecopy/names.h"

static void
test_character_count(void **state)
{
	unsigned int count = 0;

	for (uint32_t c = 0; c <= 0x110000; c++)
		count += filecopy_character_safe(c);
	/* The number that the rule gives for the data it was made from. */
	assert_int_equal(count, 115608);
}

static void
test_characters(void **state)
{
	static const uint32_t safe[] = {
		' ', '~', 0xa1, 0xdf, 0x3b2, 0x416, 0x4e00, 0x9fff, 0xac00, 0x323af};
	static const uint32_t unsafe[] = {0, 0x1f, 0x7f, 0x80, 0xa0, 0xad, 0x300, 0x5d0, 0x627,
		0x200b, 0x200f, 0x202e, 0x2066, 0x3000, 0xd800, 0xe000, 0xfeff, 0xfffd, 0xffff,
		0x1f600, 0xe0001, 0x323b0};

	for (size_t i = 0; i < sizeof(safe) / sizeof(safe[0]); i++)
		assert_true(filecopy_character_safe(safe[i]));
	for (size_t i = 0; i < sizeof(unsafe) / sizeof(unsafe[0]); i++)
		assert_false(filecopy_character_safe(unsafe[i]));
}

static size_t
encode(uint32_t c, char *out)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* Every character, encoded: accepted exactly when the table has it; cut short: never. */
static void
test_utf8(void **state)
{
	for (uint32_t c = 1; c <= 0x10ffff; c++) {
		char text[4];
		size_t size = encode(c, text);

		assert_int_equal(filecopy_text_safe(text, size), filecopy_character_safe(c));
		for (size_t part = 1; part < size; part++)
			assert_false(filecopy_text_safe(text, part));
	}
}

/* All sequences of two bytes: a character of two, or two of ASCII. */
static void
test_pairs(void **state)
{
	for (unsigned int i = 0; i < 65536; i++) {
		const char text[2] = {(char)(i >> 8), (char)i};
		const unsigned int a = i >> 8, b = i & 0xff;
		bool expected = a < 0x80 && b < 0x80 && filecopy_character_safe(a) &&
				filecopy_character_safe(b);

		if (a >= 0xc2 && a < 0xe0 && b >= 0x80 && b < 0xc0)
			expected = filecopy_character_safe((a & 0x1f) << 6 | (b & 0x3f));
		assert_int_equal(filecopy_text_safe(text, 2), expected);
	}
}

static void
test_targets(void **state)
{
	static const struct {
		const char *name, *target;
		unsigned int flags;
		uint32_t code;
	} cases[] = {
		{"a/x", "y", 0, 0},
		{"a/b/x", "../y", 0, 0},
		{"a/b/x", "../../y", 0, ENOLINK},
		{"a/b/c", "..", 0, 0},
		{"a/x", "../y", 0, ENOLINK},
		{"x", "y", 0, ENOLINK},
		{"a/x", "/y", 0, ENOLINK},
		{"a/b/x", "y/../z", 0, ENOLINK},
		{"a/x", "./y", 0, EILSEQ},
		{"a/x", "y/", 0, EILSEQ},
		{"a/x", "y//z", 0, EILSEQ},
		{"a/b/x", ".//./y/", FILECOPY_ALLOW_NON_CANONICAL_SYMLINKS, 0},
		{"a/b/x", ".././/y", FILECOPY_ALLOW_NON_CANONICAL_SYMLINKS, 0},
		{"a/b/x", "./../../y", FILECOPY_ALLOW_NON_CANONICAL_SYMLINKS, ENOLINK},
		{"a/x", "y\n", 0, EILSEQ},
		{"a/x", "y\n", FILECOPY_ALLOW_UNSAFE_CHARACTERS, 0},
		{"x", "/etc/passwd", FILECOPY_ALLOW_UNSAFE_SYMLINKS, 0},
		{"a/x", "", 0, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t code = filecopy_target_check(
			cases[i].name, cases[i].target, strlen(cases[i].target), cases[i].flags);

		if (code != cases[i].code)
			fail_msg("%s -> %s: %u", cases[i].name, cases[i].target, code);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_character_count),
		cmocka_unit_test(test_characters),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_targets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
