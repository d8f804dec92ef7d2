/* The parser of requests, and the order of the table of methods. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "admin/api/method.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "cmocka_all.h"

static int
parse(const char *bytes, size_t size, struct request_parts *ret_parts, char **ret_copy)
{
	char *copy = xcalloc(1, size + 1);

	memcpy(copy, bytes, size);
	*ret_copy = copy;
	return request_parse(copy, size, ret_parts);
}

#define PARSE(literal, parts, copy) parse((literal), sizeof(literal) - 1, (parts), (copy))

static void
test_good(void **state)
{
	struct request_parts parts;
	AUTO_FREE char *first = NULL;
	AUTO_FREE char *second = NULL;
	AUTO_FREE char *third = NULL;

	(void)state;
	assert_int_equal(PARSE("a.b+c+d work name dom0\0pay\0load", &parts, &first), 0);
	assert_string_equal(parts.method, "a.b");
	assert_string_equal(parts.argument, "c+d");
	assert_string_equal(parts.source, "work");
	assert_string_equal(parts.destination, "dom0");
	assert_int_equal(parts.payload_size, 8);
	assert_memory_equal(parts.payload, "pay\0load", 9);
	assert_int_equal(PARSE("a dom0 keyword adminvm\0", &parts, &second), 0);
	assert_string_equal(parts.argument, "");
	assert_string_equal(parts.destination, "dom0");
	assert_int_equal(parts.payload_size, 0);
	assert_string_equal(parts.payload, "");
	assert_int_equal(PARSE("a  name b c \0", &parts, &third), 0);
	assert_string_equal(parts.source, "");
	assert_string_equal(parts.destination, "b c ");
}

static void
test_bad(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
	} bad[] = {
		{"", 0},
		{"\0", 1},
		{"a b name c", 10},
		{"a b c\0", 6},
		{"a b nome c\0", 11},
		{"a b keyword dom0\0", 17},
		{"a b name\0c", 10},
		{"a\tb name c\0", 11},
		{"a b name c\x7f\0", 12},
		{"a b name \xff\0", 11},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct request_parts parts = {.method = "untouched"};
		AUTO_FREE char *copy = NULL;

		assert_int_equal(parse(bad[i].bytes, bad[i].size, &parts, &copy), -EBADMSG);
		assert_string_equal(parts.method, "untouched");
	}
}

static void
test_table(void **state)
{
	size_t count;
	const struct method *methods = method_table(&count);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		bool internal = text_starts_with(methods[i].name, "internal.");

		if (i > 0)
			assert_true(strcmp(methods[i - 1].name, methods[i].name) < 0);
		assert_ptr_equal(method_find(methods[i].name, internal), &methods[i]);
		assert_null(method_find(methods[i].name, !internal));
		assert_non_null(methods[i].handle);
	}
	assert_null(method_find("admin.vm.Li", false));
	assert_null(method_find("", false));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests_name("api requests", tests, NULL, NULL);
}
