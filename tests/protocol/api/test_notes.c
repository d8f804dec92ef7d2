/* admin.vm.notes.*: clean text, its limits, and its end with the qube. */
#include <stdlib.h>
#include <string.h>

#include "admin/model/note.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "cmocka_all.h"
#include "fixture.h"

static int
start(void **state)
{
	struct fixture *f;

	fixture_start(state);
	f = *state;
	assert_call(f, "admin.vm.Create.StandaloneVM", "dom0", "name=work label=blue", "");
	return 0;
}

static void
notes_are_kept(void **state)
{
	struct fixture *f = *state;

	assert_call(f, "admin.vm.notes.Get", "work", "", "");
	assert_call(f, "admin.vm.notes.Set", "work", "na\xc3\xafve\n\tline", "");
	assert_call(f, "admin.vm.notes.Get", "work", "", "na\xc3\xafve\n\tline");
	fixture_restart(f);
	assert_call(f, "admin.vm.notes.Get", "work", "", "na\xc3\xafve\n\tline");
	assert_call(f, "admin.vm.notes.Set", "work", "", "");
	assert_call(f, "admin.vm.notes.Get", "work", "", "");
}

static void
what_misleads_is_replaced(void **state)
{
	struct fixture *f = *state;

	assert_call(f, "admin.vm.notes.Set", "work", "a\033[1mb\r\xe2\x80\xae.\xc2\x85", "");
	assert_call(f, "admin.vm.notes.Get", "work", "", "a_[1mb__._");
	assert_refused(f, "admin.vm.notes.Set", "work", "a\xc3(", "ProtocolError",
		"Unable to sanitise qube notes: byte 1 is not UTF-8");
	assert_call(f, "admin.vm.notes.Get", "work", "", "a_[1mb__._");
}

static void
notes_have_a_limit(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *text = xcalloc(1, NOTE_MAX_BYTES + 2);
	AUTO_BUF struct buf answer = {0};

	memset(text, 'x', NOTE_MAX_BYTES + 1);
	assert_refused(f, "admin.vm.notes.Set", "work", text, "ProtocolError",
		"Unable to sanitise qube notes: more than 256000 bytes");
	text[NOTE_MAX_BYTES] = '\0';
	assert_call(f, "admin.vm.notes.Set", "work", text, "");
	assert_call(f, "admin.vm.notes.Get", "work", "", text);
	/* Other methods have the small limit: no answer. */
	AUTO_FREE char *other = text_format("admin.vm.tag.Set+t dom0 name work%s", text);
	fixture_exchange(f, false, other, strlen(other), &answer);
	assert_int_equal(buf_len(&answer), 0);
}

static void
notes_go_with_their_qube(void **state)
{
	struct fixture *f = *state;

	assert_call(f, "admin.vm.notes.Set", "work", "old", "");
	assert_call(f, "admin.vm.Remove", "work", "", "");
	/* The same number is given out again. */
	assert_call(f, "admin.vm.Create.StandaloneVM", "dom0", "name=next label=blue", "");
	assert_call(f, "admin.vm.notes.Get", "next", "", "");
}

static void
some_have_none(void **state)
{
	struct fixture *f = *state;

	assert_refused(f, "admin.vm.notes.Get", "dom0", "", "ProtocolError",
		"expected destination to not be AdminVM");
	assert_call(f, "admin.vm.Create.RemoteVM", "dom0", "name=far label=blue", "");
	assert_refused(f, "admin.vm.notes.Get", "far", "", "QubesVMError",
		"'far' is a RemoteVM, which has no notes here");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(notes_are_kept, start, fixture_stop),
		cmocka_unit_test_setup_teardown(what_misleads_is_replaced, start, fixture_stop),
		cmocka_unit_test_setup_teardown(notes_have_a_limit, start, fixture_stop),
		cmocka_unit_test_setup_teardown(notes_go_with_their_qube, start, fixture_stop),
		cmocka_unit_test_setup_teardown(some_have_none, start, fixture_stop),
	};

	return cmocka_run_group_tests_name("api notes", tests, root_create, root_remove);
}
