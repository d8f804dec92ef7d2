/* What a qube learns from the kernel's command line. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "qube-init/cmdline.h"
#include "qube-init/config.h"

static void
test_find(void **state)
{
	const char *text = "quiet root=/dev/x  a.b=1 name=one\tname=two empty= tail=end\n";
	char value[8];

	assert_int_equal(cmdline_find(text, "name", value, sizeof value), 0);
	assert_string_equal(value, "two");
	assert_int_equal(cmdline_find(text, "tail", value, sizeof value), 0);
	assert_string_equal(value, "end");
	assert_int_equal(cmdline_find(text, "empty", value, sizeof value), 0);
	assert_string_equal(value, "");
	assert_int_equal(cmdline_find(text, "quiet", value, sizeof value), -ENOENT);
	assert_int_equal(cmdline_find(text, "ame", value, sizeof value), -ENOENT);
	assert_int_equal(cmdline_find(text, "b", value, sizeof value), -ENOENT);
	assert_int_equal(cmdline_find("k=1234567", "k", value, sizeof value), 0);
	assert_int_equal(cmdline_find("k=12345678", "k", value, sizeof value), -ENAMETOOLONG);
}

static void
test_defaults(void **state)
{
	struct qube_config config;

	assert_int_equal(qube_config_parse("quiet", &config, NULL), 0);
	assert_string_equal(config.name, "qube");
	assert_string_equal(config.user, "user");
	assert_int_equal(config.kind, QUBE_KIND_APPVM);
	assert_int_equal(config.persistence, QUBE_PERSISTENCE_RW_ONLY);
}

static void
test_all(void **state)
{
	struct qube_config config;

	assert_int_equal(qube_config_parse("bulkhead.name=deb-12 bulkhead.type=TemplateVM "
					   "bulkhead.persistence=full bulkhead.user=joe",
				 &config, NULL),
		0);
	assert_string_equal(config.name, "deb-12");
	assert_string_equal(config.user, "joe");
	assert_string_equal(qube_kind_name(config.kind), "templatevm");
	assert_string_equal(qube_persistence_name(config.persistence), "full");
}

static void
test_refused(void **state)
{
	static const char *const bad[] = {
		"bulkhead.type=Other",
		"bulkhead.type=",
		"bulkhead.persistence=some",
		"bulkhead.name=../x",
		"bulkhead.name=",
		"bulkhead.name=-x",
		"bulkhead.name=a123456789012345678901234567890123456789",
		"bulkhead.user=-x",
		"bulkhead.user=",
		"bulkhead.user=a/b",
	};
	struct qube_config config;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err err = ERR_INIT;

		assert_int_equal(qube_config_parse(bad[i], &config, &err), -1);
		assert_non_null(strstr(err_message(&err), "kernel command line"));
		err_clear(&err);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
