/* Small pure parts: requests on the local socket, names of sockets, command strings. */
#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "qrexec/host/call.h"
#include "qrexec/host/local_server.h"
#include "qrexec/host/socket_names.h"

static bool
parse(uint32_t type, uint32_t domain, uint32_t port, const char *text, size_t size,
	struct local_request *ret)
{
	static uint8_t body[70000];

	domain = htole32(domain);
	port = htole32(port);
	memcpy(body, &domain, 4);
	memcpy(body + 4, &port, 4);
	memcpy(body + 8, text, size);
	return local_request_parse(type, body, size + 8, ret) == NULL;
}

static void
test_request(void **state)
{
	struct local_request r;

	(void)state;
	assert_true(parse(QREXEC_EXEC_CMDLINE, 7, 0, "u:ls", 5, &r));
	assert_int_equal(r.domain, 7);
	assert_int_equal(r.port, 0);
	assert_string_equal(r.text, "u:ls");
	assert_int_equal(r.size, 5);
	assert_true(parse(QREXEC_JUST_EXEC, 7, 768, "", 1, &r));
	assert_true(parse(QREXEC_SERVICE_CONNECT, 7, 513, "ID\0\0\0", 6, &r));
	assert_int_equal(r.size, 6);
}

static void
test_request_refused(void **state)
{
	static char big[65536];
	struct local_request r;

	(void)state;
	memset(big, 'x', sizeof(big));
	assert_false(parse(QREXEC_EXEC_CMDLINE, 7, 0, "", 0, &r));
	assert_false(parse(QREXEC_EXEC_CMDLINE, 7, 0, "ls", 2, &r));
	assert_false(parse(QREXEC_EXEC_CMDLINE, 7, 0, "l\0s", 4, &r));
	assert_false(parse(QREXEC_EXEC_CMDLINE, 7, 512, "ls", 3, &r));
	assert_false(parse(QREXEC_EXEC_CMDLINE, 7, 769, "ls", 3, &r));
	assert_false(parse(QREXEC_EXEC_CMDLINE, 7, UINT32_MAX, "ls", 3, &r));
	big[65535 - 8 - 1] = '\0';
	assert_true(parse(QREXEC_EXEC_CMDLINE, 7, 0, big, 65535 - 8, &r));
	big[65535 - 8 - 1] = 'x';
	big[65536 - 8 - 1] = '\0';
	assert_false(parse(QREXEC_EXEC_CMDLINE, 7, 0, big, 65536 - 8, &r));
}

static void
test_socket_targets(void **state)
{
	(void)state;
	assert_true(socket_target_valid("work"));
	assert_true(socket_target_valid("sys-net_1.x"));
	assert_true(socket_target_valid("42"));
	assert_true(socket_target_valid("uuid:5d0c2a11-0000-4000-8000-0123456789ab"));
	assert_false(socket_target_valid(""));
	assert_false(socket_target_valid("."));
	assert_false(socket_target_valid(".."));
	assert_false(socket_target_valid("-x"));
	assert_false(socket_target_valid("a/b"));
	assert_false(socket_target_valid("a b"));
	assert_false(socket_target_valid("@default"));
	assert_false(socket_target_valid("uuid:"));
	assert_false(socket_target_valid("uuid:../../etc/passwd"));
}

static void
check_command(const char *expected, const char *user, const char *service, const char *requested)
{
	AUTO_FREE char *command = requested == NULL
					  ? call_command_for_qube(user, service, "alpha")
					  : call_command_for_dom0(service, "alpha", requested);

	assert_string_equal(command, expected);
}

static void
test_commands(void **state)
{
	(void)state;
	check_command("DEFAULT:QUBESRPC test.Svc+ alpha", "DEFAULT", "test.Svc", NULL);
	check_command("DEFAULT:QUBESRPC test.Svc+a+b alpha", "", "test.Svc+a+b", NULL);
	check_command("joe:QUBESRPC test.Svc+ alpha", "joe", "test.Svc+", NULL);
	check_command("QUBESRPC test.Svc+ alpha name dom0", NULL, "test.Svc", "dom0");
	check_command("QUBESRPC test.Svc+x alpha keyword adminvm", NULL, "test.Svc+x", "@adminvm");
	check_command("QUBESRPC test.Svc+ alpha keyword dispvm:b", NULL, "test.Svc", "@dispvm:b");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_request_refused),
		cmocka_unit_test(test_socket_targets),
		cmocka_unit_test(test_commands),
	};

	return cmocka_run_group_tests_name("requests", tests, NULL, NULL);
}
