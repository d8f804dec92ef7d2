/* Titles that are too long, and text that is not text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gui/agent/text_check.h"
#include "gui/agent/title.h"

static void
test_title_fits(void **state)
{
	char title[GUI_TITLE_BYTES];

	memset(title, 'x', sizeof(title));
	title_cut(title, "a title\0hidden", 14);
	assert_string_equal(title, "a title");
	for (size_t i = 7; i < sizeof(title); i++)
		assert_int_equal(title[i], 0);
}

static void
test_title_is_cut_between_characters(void **state)
{
	char title[GUI_TITLE_BYTES], text[200];

	memset(text, 'a', sizeof(text));
	title_cut(title, text, 127);
	assert_int_equal(strlen(title), 127);
	assert_int_equal(title[126], 'a');
	title_cut(title, text, 128);
	assert_int_equal(strlen(title), 127);
	assert_string_equal(title + 124, "\xe2\x80\xa6");
	/* The character at 122 has three bytes and would be cut in two. */
	memcpy(text + 122, "\xe2\x82\xac", 3);
	title_cut(title, text, sizeof(text));
	assert_int_equal(strlen(title), 125);
	assert_string_equal(title + 122, "\xe2\x80\xa6");
}

static void
test_text(void **state)
{
	static const char *const clean[] = {
		"", "abc\n\tdef\r\n", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"};
	static const char *const dirty[] = {"\x1b[2J", "a\rb", "\r", "\x7f", "\xc3", "\xc0\x80",
		"\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\xff"};

	for (size_t i = 0; i < sizeof(clean) / sizeof(clean[0]); i++)
		assert_true(text_is_clean(clean[i], strlen(clean[i])));
	for (size_t i = 0; i < sizeof(dirty) / sizeof(dirty[0]); i++)
		assert_false(text_is_clean(dirty[i], strlen(dirty[i])));
	assert_false(text_is_clean("a\0b", 3));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_title_fits),
		cmocka_unit_test(test_title_is_cut_between_characters),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
