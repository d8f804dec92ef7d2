/* What a clone accepts as its identity, and what not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "qube-init/identity.h"

#define SIXTEEN "00112233445566778899aabbccddeeff"
#define CMDLINE "cmdline=quiet bulkhead.name=disp1\n"
#define ENTROPY "entropy=" SIXTEEN SIXTEEN SIXTEEN SIXTEEN "\n"
#define TIME "time_ns=1700000000000000001\n"
#define BOOT_ID "boot_id=3b59df37-b9f6-4f02-bb6c-ee22bfc287be\n"

static int
parse(const char *text, struct identity *identity)
{
	AUTO_ERR struct err err = ERR_INIT;

	return identity_parse(text, strlen(text), identity, &err);
}

static void
test_whole(void **state)
{
	struct identity identity;

	assert_int_equal(parse(CMDLINE ENTROPY TIME BOOT_ID, &identity), 0);
	assert_string_equal(identity.command_line, "quiet bulkhead.name=disp1");
	assert_int_equal(identity.entropy[1], 0x11);
	assert_int_equal(identity.entropy[63], 0xff);
	assert_true(identity.time_ns == UINT64_C(1700000000000000001));
	assert_string_equal(identity.boot_id, "3b59df37-b9f6-4f02-bb6c-ee22bfc287be");
	assert_int_equal(parse(BOOT_ID TIME ENTROPY CMDLINE, &identity), 0);
}

static void
test_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"\n",
		CMDLINE ENTROPY TIME,
		CMDLINE ENTROPY TIME BOOT_ID BOOT_ID,
		CMDLINE ENTROPY TIME BOOT_ID "name=x\n",
		CMDLINE ENTROPY TIME BOOT_ID "\n",
		CMDLINE ENTROPY TIME "boot_id=3b59df37-b9f6-4f02-bb6c-ee22bfc287be",
		CMDLINE ENTROPY TIME "boot_id=../../etc/passwd\n",
		CMDLINE ENTROPY "time_ns=-1\n" BOOT_ID,
		CMDLINE ENTROPY "time_ns=99999999999999999999\n" BOOT_ID,
		CMDLINE TIME BOOT_ID "entropy=" SIXTEEN "\n",
		CMDLINE TIME BOOT_ID "entropy=" SIXTEEN SIXTEEN SIXTEEN SIXTEEN "00\n",
		CMDLINE TIME BOOT_ID "entropy=" SIXTEEN SIXTEEN SIXTEEN
				     "00112233445566778899AABBCCDDEEFF\n",
		"cmdline\n" ENTROPY TIME BOOT_ID,
	};
	static const char with_nul[] = CMDLINE "\0\n" ENTROPY TIME BOOT_ID;
	struct identity identity;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(parse(texts[i], &identity), -1);
	assert_int_equal(identity_parse(with_nul, sizeof(with_nul) - 1, &identity, NULL), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
