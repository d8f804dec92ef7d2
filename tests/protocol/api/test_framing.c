/* The bytes of requests and answers (spec admin-api.md section 8). */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/text.h"
#include "cmocka_all.h"
#include "fixture.h"

static void
assert_bytes(
	struct fixture *f, const char *request, size_t size, const char *answer, size_t answer_size)
{
	AUTO_BUF struct buf got;

	fixture_exchange(f, false, request, size, &got);
	assert_int_equal(buf_len(&got), answer_size);
	if (answer_size > 0)
		assert_memory_equal(buf_data(&got), answer, answer_size);
}

#define ASSERT_BYTES(f, request, answer)                                                           \
	assert_bytes((f), (request), sizeof(request) - 1, (answer), sizeof(answer) - 1)

static void
test_answers(void **state)
{
	struct fixture *f = *state;

	ASSERT_BYTES(f, "admin.vmclass.List dom0 name dom0\0",
		"0\0AdminVM\nAppVM\nDispVM\nRemoteVM\nStandaloneVM\nTemplateVM\n");
	ASSERT_BYTES(f, "admin.vmclass.List dom0 keyword adminvm\0",
		"0\0AdminVM\nAppVM\nDispVM\nRemoteVM\nStandaloneVM\nTemplateVM\n");
	ASSERT_BYTES(f, "admin.vmclass.List+ dom0 name dom0\0",
		"0\0AdminVM\nAppVM\nDispVM\nRemoteVM\nStandaloneVM\nTemplateVM\n");
	/* A method without a result. */
	ASSERT_BYTES(f, "admin.vm.tag.Set+mine dom0 name dom0\0", "0\0");
	ASSERT_BYTES(f, "admin.nothing dom0 name dom0\0",
		"2\0ProtocolError\0\0no such method: 'admin.nothing'\0");
	/* Percent signs are doubled. */
	ASSERT_BYTES(f, "admin.%s dom0 name dom0\0",
		"2\0ProtocolError\0\0no such method: 'admin.%%s'\0");
	ASSERT_BYTES(f, "admin.vm.List dom0 name dom0\0",
		"0\0dom0 class=AdminVM state=Running "
		"uuid=00000000-0000-0000-0000-000000000000\n");
	ASSERT_BYTES(f, "admin.vm.List dom0 name uuid:00000000-0000-0000-0000-000000000000\0",
		"0\0dom0 class=AdminVM state=Running "
		"uuid=00000000-0000-0000-0000-000000000000\n");
}

static void
test_framing_errors(void **state)
{
	struct fixture *f = *state;

	ASSERT_BYTES(f, "", "");
	ASSERT_BYTES(f, "\0", "");
	ASSERT_BYTES(f, "admin.vm.List dom0 name dom0", "");
	ASSERT_BYTES(f, "admin.vm.List dom0 dom0\0", "");
	ASSERT_BYTES(f, "admin.vm.List\0", "");
	ASSERT_BYTES(f, "admin.vm.List dom0 names dom0\0", "");
	ASSERT_BYTES(f, "admin.vm.List dom0 keyword dom0\0", "");
	ASSERT_BYTES(f, "admin.vm.List dom0 NAME dom0\0", "");
	ASSERT_BYTES(f, "admin.vm.List\ndom0 name dom0 \0", "");
	ASSERT_BYTES(f, "admin.vm.L\xc3\xa9st dom0 name dom0\0", "");
	/* The daemon is well. */
	assert_call(f, "admin.label.Index+red", "dom0", "", "1");
}

static void
test_order_of_checks(void **state)
{
	struct fixture *f = *state;

	assert_refused_from(f, "nobody", "admin.nothing", "nowhere", "", "QubesVMNotFoundError",
		"No such domain: 'nobody'");
	assert_refused(f, "admin.nothing", "nowhere", "", "QubesVMNotFoundError",
		"No such domain: 'nowhere'");
	assert_refused(f, "admin.vm.List", "uuid:00000000-0000-0000-0000-00000000000", "",
		"QubesVMInvalidUUIDError",
		"VM UUID is not valid: '00000000-0000-0000-0000-00000000000'");
	assert_refused(f, "admin.vm.List", "uuid:00000000-0000-0000-0000-000000000001", "",
		"QubesVMNotFoundError",
		"No such domain: 'uuid:00000000-0000-0000-0000-000000000001'");
	assert_refused(
		f, "admin.vm.List", "a b", "", "QubesVMNotFoundError", "No such domain: 'a b'");
	assert_refused(f, "admin.label.Create", "dom0", "", "ProtocolError", "expected payload");
	assert_refused(f, "admin.label.List+x", "dom0", "y", "ProtocolError", "unexpected payload");
	assert_refused(f, "admin.label.Get", "dom0", "", "ProtocolError", "expected an argument");
	assert_refused(f, "admin.label.List+x", "dom0", "", "ProtocolError", "unexpected argument");
	assert_refused(f, "admin.vm.Create.RemoteVM", "dom0", "name=far label=red pool=x",
		"ProtocolError", "Pool option specified but 'allow_pool' is False");
	assert_call(f, "admin.vm.Create.RemoteVM", "dom0", "name=far label=red", "");
	assert_refused(f, "admin.label.List", "far", "", "ProtocolError",
		"expected destination to be AdminVM");
	/* Internal methods are not on the public socket, nor the others on the internal one. */
	ASSERT_BYTES(f, "internal.GetSystemInfo dom0 name dom0\0",
		"2\0ProtocolError\0\0no such method: 'internal.GetSystemInfo'\0");
	assert_refused_from(f, "far", "internal.GetSystemInfo", "dom0", "", "PermissionDenied",
		"only dom0 may call 'internal.GetSystemInfo'");
}

static void
test_size_limit(void **state)
{
	struct fixture *f = *state;
	static const char header[] = "admin.vm.feature.Set+f dom0 name dom0";
	size_t limit = 65536, big = 1024 * 1024;
	AUTO_FREE char *request = xcalloc(1, big);
	AUTO_BUF struct buf answer;
	AUTO_BUF struct buf too_big;
	AUTO_BUF struct buf much_too_big;

	memset(request, 'x', big);
	memcpy(request, header, sizeof(header));
	fixture_exchange(f, false, request, limit, &answer);
	assert_int_equal(buf_len(&answer), 2);
	assert_memory_equal(buf_data(&answer), "0\0", 2);
	fixture_exchange(f, false, request, limit + 1, &too_big);
	assert_int_equal(buf_len(&too_big), 0);
	fixture_exchange(f, false, request, big, &much_too_big);
	assert_int_equal(buf_len(&much_too_big), 0);

	AUTO_FREE char *value = call_ok(f, "admin.vm.feature.Get+f", "dom0", "");
	assert_int_equal(strlen(value), limit - sizeof(header));
}

/* One byte at a time, and a payload with NULs in it. */
static void
test_pieces(void **state)
{
	static const char request[] = "admin.vm.feature.Set+f dom0 name dom0\0a\0b";
	static const char refusal[] = "2\0ProtocolError\0\0NUL byte in payload";
	struct fixture *f = *state;
	AUTO_FD int fd = fixture_connect(f, false);
	AUTO_BUF struct buf answer;

	for (size_t i = 0; i < sizeof(request) - 1; i++) {
		assert_int_equal(write_all(fd, request + i, 1), 0);
		(void)loop_step(f->loop, 0);
	}
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	fixture_read_all(f, fd, &answer);
	assert_int_equal(buf_len(&answer), sizeof(refusal));
	assert_memory_equal(buf_data(&answer), refusal, sizeof(refusal));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_answers, fixture_start, fixture_stop),
		cmocka_unit_test_setup_teardown(test_framing_errors, fixture_start, fixture_stop),
		cmocka_unit_test_setup_teardown(test_order_of_checks, fixture_start, fixture_stop),
		cmocka_unit_test_setup_teardown(test_size_limit, fixture_start, fixture_stop),
		cmocka_unit_test_setup_teardown(test_pieces, fixture_start, fixture_stop),
	};

	return cmocka_run_group_tests_name("api framing", tests, root_create, root_remove);
}
