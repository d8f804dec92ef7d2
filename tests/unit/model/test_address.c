/* The arithmetic of addresses (spec admin-api.md section 2). */
#include "admin/model/address.h"

#include "cmocka_all.h"

static void
test_ipv4(void **state)
{
	static const struct {
		bool is_disposable;
		unsigned int number;
		const char *text;
	} cases[] = {
		{false, 0, "10.137.0.0"},
		{false, 1, "10.137.0.1"},
		{false, 254, "10.137.0.254"},
		{false, 255, "10.137.1.1"},
		{false, 508, "10.137.1.254"},
		{false, 509, "10.137.2.1"},
		{false, 9999, "10.137.39.93"},
		{true, 2557, "10.138.10.17"},
		{true, 0, "10.138.0.0"},
	};
	char text[ADDRESS_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		address_format_ipv4(text, cases[i].is_disposable, cases[i].number);
		assert_string_equal(text, cases[i].text);
	}
}

static void
test_ipv6(void **state)
{
	char text[ADDRESS_TEXT_SIZE];

	(void)state;
	address_format_ipv6(text, false, 26);
	assert_string_equal(text, "fd09:24ef:4179:0000::a89:1a");
	address_format_ipv6(text, true, 9999);
	assert_string_equal(text, "fd09:24ef:4179:0000::a8a:270f");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ipv4),
		cmocka_unit_test(test_ipv6),
	};

	return cmocka_run_group_tests_name("model addresses", tests, NULL, NULL);
}
