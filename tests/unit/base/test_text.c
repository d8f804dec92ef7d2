/* Numbers are strict, names obey spec admin-api.md section 2, log lines can not be forged. */
#include "cmocka_all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"

static void
numbers_are_strict(void **state)
{
	uint64_t value = 5;

	assert_int_equal(text_parse_u64("0", 10, &value), 0);
	assert_true(value == 0);
	assert_int_equal(text_parse_u64("18446744073709551615", UINT64_MAX, &value), 0);
	assert_true(value == UINT64_MAX);
	assert_int_equal(text_parse_u64("18446744073709551616", UINT64_MAX, &value), -ERANGE);
	assert_int_equal(text_parse_u64("11", 10, &value), -ERANGE);
	for (const char *const *bad =
			(const char *[]){"", "-1", "+1", " 1", "1 ", "01", "1a", NULL};
		*bad != NULL; bad++)
		assert_int_equal(text_parse_u64(*bad, UINT64_MAX, &value), -EINVAL);
}

static void
qube_names_are_checked(void **state)
{
	const char *reason = NULL;

	assert_true(qube_name_valid("work", NULL));
	assert_true(qube_name_valid("a234567890123456789012345678901", NULL));
	assert_false(qube_name_valid("a2345678901234567890123456789012", &reason));
	assert_string_equal(reason, "VM name must be shorter than 32 characters");
	for (const char *const *bad = (const char *[]){"", "1a", "-a", "a b", "a/b", "none",
		     "default", "Domain-0", "x-dm", "\xc3\xa4", "a\n", NULL};
		*bad != NULL; bad++)
		assert_false(qube_name_valid(*bad, NULL));
}

static void
uuids_are_random_and_canonical(void **state)
{
	char a[UUID_LENGTH + 1], b[UUID_LENGTH + 1];

	uuid_generate(a);
	uuid_generate(b);
	assert_true(uuid_valid(a));
	assert_int_equal(a[14], '4');
	assert_string_not_equal(a, b);
	assert_false(uuid_valid("00000000-0000-0000-0000-00000000000"));
	assert_false(uuid_valid("00000000-0000-0000-0000-00000000000G"));
	assert_false(uuid_valid("00000000-0000-0000-0000-00000000000A"));
}

static void
log_lines_can_not_be_forged(void **state)
{
	char line[512];
	int fds[2], saved = dup(STDERR_FILENO);
	ssize_t length;

	assert_int_equal(pipe(fds), 0);
	dup2(fds[1], STDERR_FILENO);
	log_init("test");
	log_qube_message(LOG_LEVEL_WARNING, "work", "said '%s'", "a\nb\x1b[31m\xff");
	dup2(saved, STDERR_FILENO);
	length = read(fds[0], line, sizeof(line) - 1);
	assert_true(length > 0);
	line[length] = '\0';
	assert_string_equal(line, "test[work]: warning: said 'a\\x0ab\\x1b[31m\\xff'\n");
	close(fds[0]);
	close(fds[1]);
	close(saved);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_strict),
		cmocka_unit_test(qube_names_are_checked),
		cmocka_unit_test(uuids_are_random_and_canonical),
		cmocka_unit_test(log_lines_can_not_be_forged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
