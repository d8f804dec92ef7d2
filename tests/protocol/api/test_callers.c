/* What callers other than dom0 see (spec admin-api.md 9.3): as much as the policy grants. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"
#include "cmocka_all.h"
#include "fixture.h"

/* mgmt manages what it made; viewer may look at everything but dom0. */
#define POLICY                                                                                     \
	"admin.vm.List * mgmt @tag:created-by-mgmt allow target=@adminvm\n"                        \
	"admin.vm.List * viewer @anyvm allow target=@adminvm\n"                                    \
	"admin.vm.List * asker * ask default_target=@adminvm\n"                                    \
	"admin.vm.property.GetAll * viewer work allow target=@adminvm\n"                           \
	"admin.Events +domain-tag-add_t viewer work allow target=@adminvm\n"                       \
	"admin.Events +property-set_default_template viewer @adminvm allow target=@adminvm\n"      \
	"admin.Events * mgmt @tag:created-by-mgmt allow target=@adminvm\n"

static void
write_policy(const char *text)
{
	AUTO_FREE char *system = root_path("/etc/qubes/policy.d");
	AUTO_FREE char *runtime = root_path("/run/qubes/policy.d");
	AUTO_FREE char *file = root_path("/etc/qubes/policy.d/30-test.policy");

	assert_int_equal(make_directories(system, 0755, NULL), 0);
	assert_int_equal(make_directories(runtime, 0755, NULL), 0);
	assert_int_equal(write_file(file, text, strlen(text), 0644, NULL), 0);
}

static int
start(void **state)
{
	static const char *const names[] = {"asker", "mgmt", "viewer", "work"};
	struct fixture *f;

	fixture_start(state);
	f = *state;
	write_policy(POLICY);
	assert_call(f, "admin.vm.Create.TemplateVM", "dom0", "name=tmpl label=black", "");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		AUTO_FREE char *payload = text_format("name=%s label=blue", names[i]);

		assert_call(f, "admin.vm.Create.AppVM+tmpl", "dom0", payload, "");
	}
	return 0;
}

/* The names in a list, with a blank behind each. */
static char *
seen_by(struct fixture *f, const char *source, const char *method)
{
	AUTO_FREE char *answer = call_ok_from(f, source, method, "dom0", "");
	AUTO_BUF struct buf names;
	char *rest = answer, *line;

	buf_init(&names, 4096);
	while ((line = strsep(&rest, "\n")) != NULL) {
		line[strcspn(line, " ")] = '\0';
		if (line[0] != '\0')
			assert_int_equal(buf_printf(&names, "%s ", line), 0);
	}
	return buf_len(&names) > 0 ? buf_steal_string(&names) : text_copy("");
}

static void
assert_sees(struct fixture *f, const char *source, const char *expected)
{
	AUTO_FREE char *list = seen_by(f, source, "admin.vm.List");
	AUTO_FREE char *overview = seen_by(f, source, "bulkhead.vm.Overview");

	assert_string_equal(list, expected);
	assert_string_equal(overview, expected);
}

static void
lists_show_what_the_policy_grants(void **state)
{
	struct fixture *f = *state;

	assert_sees(f, "dom0", "dom0 asker mgmt tmpl viewer work ");
	assert_sees(f, "viewer", "asker mgmt tmpl viewer work ");
	assert_sees(f, "mgmt", "");
	/* Nobody is asked for a list. */
	assert_sees(f, "asker", "");
	assert_sees(f, "work", "");

	free(call_ok_from(f, "mgmt", "admin.vm.Create.AppVM+tmpl", "dom0", "name=mine label=red"));
	assert_sees(f, "mgmt", "mine ");
	assert_call(f, "admin.vm.tag.Set+created-by-mgmt", "work", "", "");
	assert_sees(f, "mgmt", "mine work ");
	assert_call(f, "admin.vm.tag.Remove+created-by-mgmt", "work", "", "");
	assert_sees(f, "mgmt", "mine ");
}

/* About one qube the policy has been asked by whoever brought the call. */
static void
one_qube_is_listed_for_whoever_may_ask(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *answer = call_ok_from(f, "work", "admin.vm.List", "tmpl", "");

	assert_non_null(strstr(answer, "tmpl class=TemplateVM state=Halted uuid="));
	assert_ptr_equal(strchr(answer, '\n'), answer + strlen(answer) - 1);
}

static void
properties_are_shown_where_they_may_be_read(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *answer =
		call_ok_from(f, "viewer", "bulkhead.vm.Overview", "dom0", "memory\n");
	const char *work = strstr(answer, "\nwork "), *mgmt = strstr(answer, "\nmgmt ");

	assert_non_null(work);
	assert_non_null(mgmt);
	assert_non_null(strstr(work, " memory=400\n"));
	assert_null(memmem(mgmt, (size_t)(strchr(mgmt + 1, '\n') - mgmt), "memory", 6));
}

static void
a_broken_policy_shows_nothing(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *system = root_path("/etc/qubes/policy.d");

	assert_sees(f, "viewer", "asker mgmt tmpl viewer work ");
	write_policy(POLICY "nonsense\n");
	assert_sees(f, "viewer", "");
	assert_sees(f, "dom0", "dom0 asker mgmt tmpl viewer work ");
	write_policy(POLICY);
	assert_sees(f, "viewer", "asker mgmt tmpl viewer work ");
	assert_int_equal(remove_tree(system, NULL), 0);
	assert_sees(f, "viewer", "");
}

static void
events_are_those_the_policy_grants(void **state)
{
	struct fixture *f = *state;
	struct event_log viewer, stranger;

	event_log_open_from(&viewer, f, "admin.Events", "viewer", "dom0");
	event_log_open_from(&stranger, f, "admin.Events", "work", "dom0");
	assert_call(f, "admin.vm.tag.Set+t", "work", "", "");
	assert_call(f, "admin.vm.tag.Set+u", "work", "", "");
	assert_call(f, "admin.vm.tag.Set+t", "tmpl", "", "");
	assert_call(f, "admin.property.Set+default_template", "dom0", "tmpl", "");
	assert_events(&viewer, "work domain-tag-add:t tag=t\n"
			       "- property-set:default_template name=default_template "
			       "newvalue=tmpl\n");
	assert_events(&stranger, "");
	/* A change of policy counts at the next event. */
	write_policy("");
	assert_call(f, "admin.vm.tag.Remove+t", "work", "", "");
	assert_call(f, "admin.vm.tag.Set+t", "work", "", "");
	assert_events(&viewer, "");
	event_log_close(&viewer);
	event_log_close(&stranger);
}

/* From its making to its removal a qube is heard of by its maker. */
static void
a_life_is_heard_by_its_maker(void **state)
{
	struct fixture *f = *state;
	struct event_log mgmt;

	event_log_open_from(&mgmt, f, "admin.Events", "mgmt", "dom0");
	assert_call(f, "admin.vm.Create.AppVM+tmpl", "dom0", "name=other label=red", "");
	free(call_ok_from(f, "mgmt", "admin.vm.Create.AppVM+tmpl", "dom0", "name=mine label=red"));
	assert_call(f, "admin.vm.Remove", "other", "", "");
	assert_call(f, "admin.vm.Remove", "mine", "", "");
	assert_events(&mgmt, "- domain-add vm=mine\n"
			     "mine domain-tag-add:created-by-mgmt tag=created-by-mgmt\n"
			     "mine domain-create-on-disk\n"
			     "- domain-pre-delete vm=mine\n"
			     "- domain-delete vm=mine\n");
	event_log_close(&mgmt);
}

/* What features of a creator say about what it creates (5.3). */
static void
a_maker_leaves_its_marks(void **state)
{
	struct fixture *f = *state;
	struct event_log all;

	assert_call(f, "admin.vm.feature.Set+tag-created-vm-with", "mgmt",
		"office created-by-work b@d  extra", "");
	assert_call(f, "admin.vm.feature.Set+set-created-guivm", "mgmt", "viewer", "");
	event_log_open(&all, f, "dom0");
	free(call_ok_from(f, "mgmt", "admin.vm.Create.AppVM+tmpl", "dom0", "name=mine label=red"));
	assert_events(&all, "- domain-add vm=mine\n"
			    "mine domain-tag-add:created-by-mgmt tag=created-by-mgmt\n"
			    "mine domain-tag-add:office tag=office\n"
			    "mine domain-tag-add:extra tag=extra\n"
			    "mine domain-create-on-disk\n");
	event_log_close(&all);
	assert_call(f, "admin.vm.tag.List", "mine", "",
		"audiovm-dom0\ncreated-by-mgmt\nextra\nguivm-viewer\noffice\n");
	assert_call(f, "admin.vm.property.Get+guivm", "mine", "", "default=False type=vm viewer");
	/* Not of what others create. */
	assert_call(f, "admin.vm.Create.AppVM+tmpl", "dom0", "name=other label=red", "");
	assert_call(
		f, "admin.vm.tag.List", "other", "", "audiovm-dom0\ncreated-by-dom0\nguivm-dom0\n");
}

static void
what_only_dom0_may_do_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_refused_from(f, "mgmt", "admin.vm.tag.Set+created-by-mgmt", "work", "",
		"PermissionDenied",
		"changing this tag is prohibited by qubes.ext.admin.AdminExtension");
	assert_refused_from(f, "mgmt", "admin.vm.feature.Set+preload-dispvm", "work", "1",
		"PermissionDenied",
		"changing this feature is prohibited by qubes.ext.admin.AdminExtension");
	assert_refused_from(f, "mgmt", "internal.GetSystemInfo", "dom0", "", "PermissionDenied",
		"only dom0 may call 'internal.GetSystemInfo'");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			lists_show_what_the_policy_grants, start, fixture_stop),
		cmocka_unit_test_setup_teardown(
			one_qube_is_listed_for_whoever_may_ask, start, fixture_stop),
		cmocka_unit_test_setup_teardown(
			properties_are_shown_where_they_may_be_read, start, fixture_stop),
		cmocka_unit_test_setup_teardown(a_broken_policy_shows_nothing, start, fixture_stop),
		cmocka_unit_test_setup_teardown(
			events_are_those_the_policy_grants, start, fixture_stop),
		cmocka_unit_test_setup_teardown(a_life_is_heard_by_its_maker, start, fixture_stop),
		cmocka_unit_test_setup_teardown(a_maker_leaves_its_marks, start, fixture_stop),
		cmocka_unit_test_setup_teardown(
			what_only_dom0_may_do_is_refused, start, fixture_stop),
	};

	return cmocka_run_group_tests_name("api callers", tests, root_create, root_remove);
}
