/* Sizes, tables, service arguments, shell words, JSON. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "tools/lib/encode.h"
#include "tools/lib/size.h"
#include "tools/lib/table.h"

static void
test_sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{"0", 0},
		{"4096", 4096},
		{"1k", 1000},
		{"1KB", 1000},
		{"2M", 2000000},
		{"1G", 1000000000},
		{"1gb", 1000000000},
		{"1Ki", 1024},
		{"1MiB", 1048576},
		{"10GIB", UINT64_C(10737418240)},
	};
	static const char *const bad[] = {"", "G", "-1", "+1", "1T", "1 G", " 1", "1.5G", "1K1",
		"0x10", "1KiBs", "12345678901234567890123"};
	uint64_t bytes;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(size_parse(good[i].text, &bytes), 0);
		assert_int_equal(bytes, good[i].bytes);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(size_parse(bad[i], &bytes) < 0);
	assert_int_equal(size_parse("18446744073709551615", &bytes), 0);
	assert_int_equal(size_parse("18446744073709551615K", &bytes), -ERANGE);
	assert_int_equal(size_parse("17179869185GiB", &bytes), -ERANGE);
}

static char *
print(const struct table *t)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	table_print(t, to);
	fclose(to);
	return text;
}

static void
test_tables(void **state)
{
	struct table t;
	char *text;

	table_init(&t, 2);
	text = print(&t);
	assert_string_equal(text, "");
	free(text);

	table_add(&t, "NAME");
	table_add(&t, "VALUE");
	table_add(&t, "\xe2\x94\x94\xe2\x94\x80w");
	table_add(&t, "x");
	table_add(&t, "evil\n\x1b[2J");
	table_add(&t, "");
	text = print(&t);
	assert_string_equal(text, "NAME       VALUE\n"
				  "\xe2\x94\x94\xe2\x94\x80w        x\n"
				  "evil??[2J  \n");
	free(text);
	table_finish(&t);
}

static void
assert_vmexec(const char *expected, const char *const *words, size_t count)
{
	char *text = encode_vmexec(words, count);

	assert_string_equal(text, expected);
	free(text);
}

static void
test_vmexec(void **state)
{
	assert_vmexec("ls+--l", (const char *[]){"ls", "-l"}, 2);
	assert_vmexec("echo+a-20b-2Bc+_.Z9", (const char *[]){"echo", "a b+c", "_.Z9"}, 3);
	assert_vmexec("x++y", (const char *[]){"x", "", "y"}, 3);
	assert_vmexec("-C3-A9-0A-FF", (const char *[]){"\xc3\xa9\n\xff"}, 1);
}

static void
assert_shell(const char *expected, const char *const *words, size_t count)
{
	char *text = encode_shell(words, count);

	assert_string_equal(text, expected);
	free(text);
}

static void
test_shell(void **state)
{
	assert_shell("ls -l /tmp", (const char *[]){"ls", "-l", "/tmp"}, 3);
	assert_shell("echo 'a b' '' '$HOME'", (const char *[]){"echo", "a b", "", "$HOME"}, 4);
	assert_shell("'it'\"'\"'s'", (const char *[]){"it's"}, 1);
	assert_shell("'a\nb' '~' '*'", (const char *[]){"a\nb", "~", "*"}, 3);
}

static void
assert_json(const char *expected, const char *text)
{
	struct buf b;
	char *result;

	buf_init(&b, 65536);
	assert_int_equal(encode_json_string(&b, text), 0);
	result = buf_steal_string(&b);
	assert_string_equal(result, expected);
	free(result);
	buf_finish(&b);
}

static void
test_json(void **state)
{
	assert_json("\"\"", "");
	assert_json("\"a\\\"b\\\\c\\nd\\u0001\\u007f\"", "a\"b\\c\nd\x01\x7f");
	assert_json("\"\xc3\xa9\"", "\xc3\xa9");
	/* Cut short, overlong, a surrogate, beyond the last code point. */
	assert_json("\"\xef\xbf\xbd\"", "\xc3");
	assert_json("\"\xef\xbf\xbd\xef\xbf\xbd\"", "\xc0\x80");
	assert_json("\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"", "\xed\xa0\x80");
	assert_json("\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"", "\xf4\x90\x80\x80");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_vmexec),
		cmocka_unit_test(test_shell),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
