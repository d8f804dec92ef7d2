/* The argument of qubes.VMExec (spec guest.md 10.5, case 93). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "qube-init/vmexec.h"

static void
expect(const char *encoded, size_t count, const char *const *words)
{
	char **argv;
	size_t found;

	assert_int_equal(vmexec_decode(encoded, &argv, &found), 0);
	assert_int_equal(found, count);
	for (size_t i = 0; i < count; i++)
		assert_string_equal(argv[i], words[i]);
	assert_null(argv[count]);
	free(argv);
}

static void
expect_refused(const char *encoded)
{
	char **argv = NULL;
	size_t count;

	assert_int_equal(vmexec_decode(encoded, &argv, &count), -EBADMSG);
	assert_null(argv);
}

static void
test_vectors(void **state)
{
	expect("a-20b", 1, (const char *const[]){"a b"});
	expect("--", 1, (const char *const[]){"-"});
	expect("", 1, (const char *const[]){""});
	expect("-C3-A4", 1, (const char *const[]){"\xc3\xa4"});
	expect("-2B", 1, (const char *const[]){"+"});
}

static void
test_lists(void **state)
{
	expect("ls+--la+.", 3, (const char *const[]){"ls", "-la", "."});
	expect("+", 2, (const char *const[]){"", ""});
	expect("a++b", 3, (const char *const[]){"a", "", "b"});
	expect("-0A", 1, (const char *const[]){"\n"});
	expect("-FF-01", 1, (const char *const[]){"\xff\x01"});
	expect("----", 1, (const char *const[]){"--"});
	expect("--20", 1, (const char *const[]){"-20"});
}

static void
test_refused(void **state)
{
	static const char *const bad[] = {"-2b", "-", "-GG", "-00", "a b", "a-", "a-2", "a\n",
		"\xc3\xa4", "a/b", "a-2 ", "-+2", "$", "'", "a-00b"};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		expect_refused(bad[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
