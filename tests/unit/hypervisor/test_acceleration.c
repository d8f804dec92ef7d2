/* KVM or TCG, by texts of /proc/cpuinfo. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "admin/hypervisor/acceleration.h"

static void
test_flags(void **state)
{
	static const struct {
		const char *text;
		bool expected;
	} cases[] = {
		{"", false},
		{"processor\t: 0\nflags\t\t: fpu vme de vmx smx est\nbugs\t\t:\n", true},
		{"processor\t: 0\nflags\t\t: fpu svm\n", true},
		{"flags\t\t: vmx", true},
		{"processor\t: 0\nflags\t\t: fpu vme de hypervisor\n", false},
		/* Only whole words, only in the flags, only of the first CPU. */
		{"flags\t\t: fpu vmxx xsvm svm_lock\n", false},
		{"model name\t: vmx svm\nflags\t\t: fpu\n", false},
		{"vmx flags\t: vnmi\nflags\t\t: fpu\n", false},
		{"flags\t\t: fpu\nvmx flags\t: vmx\n\nflags\t\t: vmx\n", false},
		{"flags", false},
		{"flags\t\t:", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(acceleration_cpuinfo_shows_virtualisation(cases[i].text),
			cases[i].expected);
}

static void
test_names(void **state)
{
	const char *reason = NULL;

	assert_string_equal(acceleration_name(ACCELERATION_KVM), "kvm");
	assert_string_equal(acceleration_name(ACCELERATION_TCG), "tcg");
	(void)acceleration_detect(&reason);
	assert_non_null(reason);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("acceleration", tests, NULL, NULL);
}
