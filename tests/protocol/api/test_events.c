/* Streams of events: their bytes, and their verified orders (spec admin-api.md section 12). */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cmocka_all.h"
#include "fixture.h"

#define MACHINE_CHANGED                                                                            \
	"work property-reset:xid name=xid\n"                                                       \
	"work property-reset:stubdom_xid name=stubdom_xid\n"                                       \
	"work property-reset:start_time name=start_time\n"

static int
start(void **state)
{
	struct fixture *f;

	fixture_start(state);
	f = *state;
	assert_call(f, "admin.vm.Create.TemplateVM", "dom0", "name=tmpl label=black", "");
	assert_call(f, "admin.vm.Create.AppVM+tmpl", "dom0", "name=work label=blue", "");
	return 0;
}

static void
test_life(void **state)
{
	struct fixture *f = *state;
	struct event_log log;

	event_log_open(&log, f, "dom0");
	assert_call(f, "admin.vm.Create.AppVM+tmpl", "dom0", "name=x label=red", "");
	assert_events(&log, "- domain-add vm=x\n"
			    "x domain-tag-add:created-by-dom0 tag=created-by-dom0\n"
			    "x domain-create-on-disk\n");
	assert_call(f, "admin.vm.Remove", "x", "", "");
	assert_events(&log, "- domain-pre-delete vm=x\n- domain-delete vm=x\n");
	assert_call(f, "admin.vm.Start", "work", "", "");
	assert_events(&log, MACHINE_CHANGED "work domain-start start_guid=True\n");
	assert_call(f, "admin.vm.Kill", "work", "", "");
	assert_events(&log, "work domain-stopped\n" MACHINE_CHANGED "work domain-shutdown\n");
	event_log_close(&log);
}

static void
test_properties(void **state)
{
	struct fixture *f = *state;
	struct event_log log;

	event_log_open(&log, f, "dom0");
	assert_call(f, "admin.vm.property.Set+label", "work", "red", "");
	assert_events(&log, "work property-pre-set:label name=label newvalue=red oldvalue=blue\n"
			    "work property-reset:icon name=icon\n"
			    "work property-set:label name=label newvalue=red oldvalue=blue\n");
	/* Also when nothing changes. */
	assert_call(f, "admin.vm.property.Set+memory", "work", "400", "");
	assert_events(&log, "work property-pre-set:memory name=memory newvalue=400 oldvalue=400\n"
			    "work property-set:memory name=memory newvalue=400 oldvalue=400\n");
	assert_call(f, "admin.vm.property.Reset+memory", "work", "", "");
	assert_events(&log, "work property-pre-reset:memory name=memory oldvalue=400\n"
			    "work property-pre-del:memory name=memory oldvalue=400\n"
			    "work property-reset:memory name=memory oldvalue=400\n"
			    "work property-del:memory name=memory oldvalue=400\n");
	/* No old value the first time of what had none. */
	assert_call(f, "admin.property.Set+default_template", "dom0", "tmpl", "");
	assert_events(&log,
		"- property-pre-set:default_template name=default_template newvalue=tmpl\n"
		"- property-set:default_template name=default_template newvalue=tmpl\n");
	assert_call(f, "admin.vm.property.Set+netvm", "work", "", "");
	assert_events(&log, "work property-pre-set:netvm name=netvm newvalue=None oldvalue=None\n"
			    "work property-set:netvm name=netvm newvalue=None oldvalue=None\n");
	/* A veto comes after the pre-event. */
	assert_call(f, "admin.vm.Start", "work", "", "");
	free(event_log_take(&log));
	assert_refused(f, "admin.vm.property.Set+template", "work", "tmpl", "QubesVMNotHaltedError",
		"Cannot change template while qube is running");
	assert_events(
		&log, "work property-pre-set:template name=template newvalue=tmpl oldvalue=tmpl\n");
	/* A bad value gives no event. */
	assert_refused(f, "admin.vm.property.Set+memory", "work", "0", "QubesPropertyValueError",
		"memory must be positive");
	assert_events(&log, "");
	event_log_close(&log);
}

static void
test_network(void **state)
{
	struct fixture *f = *state;
	struct event_log log;

	assert_call(f, "admin.vm.Create.AppVM+tmpl", "dom0", "name=net label=green", "");
	assert_call(f, "admin.vm.property.Set+netvm", "net", "", "");
	event_log_open(&log, f, "dom0");
	assert_call(f, "admin.vm.property.Set+provides_network", "net", "True", "");
	assert_events(&log,
		"net property-pre-set:provides_network name=provides_network newvalue=True "
		"oldvalue=False\n"
		"net domain-feature-pre-set:servicevm feature=servicevm value=1\n"
		"net domain-feature-set:servicevm feature=servicevm value=1\n"
		"net property-reset:icon name=icon\n"
		"net property-reset:gateway name=gateway\n"
		"net property-reset:gateway6 name=gateway6\n"
		"net property-set:provides_network name=provides_network newvalue=True "
		"oldvalue=False\n");
	assert_call(f, "admin.property.Set+default_netvm", "dom0", "net", "");
	assert_events(&log,
		"- property-pre-set:default_netvm name=default_netvm newvalue=net oldvalue=None\n"
		"work property-pre-set:netvm name=netvm newvalue=net oldvalue=None\n"
		"work property-set:netvm name=netvm newvalue=net oldvalue=None\n"
		"work property-reset:netvm name=netvm\n"
		"- property-set:default_netvm name=default_netvm newvalue=net oldvalue=None\n");
	event_log_close(&log);
}

static void
test_defaults(void **state)
{
	struct fixture *f = *state;
	struct event_log log;

	assert_call(f, "admin.vm.property.Set+template_for_dispvms", "work", "True", "");
	assert_call(f, "admin.vm.property.Set+default_dispvm", "tmpl", "", "");
	event_log_open(&log, f, "dom0");
	assert_call(f, "admin.property.Set+default_dispvm", "dom0", "work", "");
	assert_events(&log,
		"- property-pre-set:default_dispvm name=default_dispvm newvalue=work "
		"oldvalue=None\n"
		"dom0 property-reset:default_dispvm name=default_dispvm\n"
		"work property-reset:default_dispvm name=default_dispvm\n"
		"- property-set:default_dispvm name=default_dispvm newvalue=work oldvalue=None\n");
	assert_call(f, "admin.vm.property.Set+guivm", "tmpl", "", "");
	free(event_log_take(&log));
	assert_call(f, "admin.property.Set+default_guivm", "dom0", "work", "");
	assert_events(&log,
		"- property-pre-set:default_guivm name=default_guivm newvalue=work oldvalue=dom0\n"
		"work domain-tag-delete:guivm-dom0 tag=guivm-dom0\n"
		"work domain-tag-add:guivm-work tag=guivm-work\n"
		"work property-set:guivm name=guivm newvalue=work oldvalue=dom0\n"
		"- property-set:default_guivm name=default_guivm newvalue=work oldvalue=dom0\n");
	assert_call(f, "admin.property.Reset+default_guivm", "dom0", "", "");
	assert_call(f, "admin.vm.tag.Get+guivm-dom0", "work", "", "1");
	assert_call(f, "admin.vm.tag.Get+guivm-work", "work", "", "0");
	free(event_log_take(&log));
	assert_call(f, "admin.property.Set+clockvm", "dom0", "work", "");
	assert_events(&log,
		"- property-pre-set:clockvm name=clockvm newvalue=work oldvalue=None\n"
		"work domain-feature-pre-set:service.clocksync feature=service.clocksync value=1\n"
		"work domain-feature-set:service.clocksync feature=service.clocksync value=1\n"
		"- property-set:clockvm name=clockvm newvalue=work oldvalue=None\n");
	assert_call(f, "admin.property.Set+clockvm", "dom0", "tmpl", "");
	assert_call(f, "admin.vm.feature.Get+service.clocksync", "tmpl", "", "1");
	assert_refused(f, "admin.vm.feature.Get+service.clocksync", "work", "",
		"QubesFeatureNotFoundError", "Feature not set for domain work: service.clocksync");
	event_log_close(&log);
}

static void
test_features_and_tags(void **state)
{
	struct fixture *f = *state;
	struct event_log log;

	event_log_open(&log, f, "dom0");
	assert_call(f, "admin.vm.feature.Set+a", "work", "1", "");
	assert_call(f, "admin.vm.feature.Set+a", "work", "2", "");
	assert_call(f, "admin.vm.feature.Remove+a", "work", "", "");
	assert_call(f, "admin.vm.tag.Set+t", "work", "", "");
	assert_call(f, "admin.vm.tag.Set+t", "work", "", "");
	assert_call(f, "admin.vm.tag.Remove+t", "work", "", "");
	assert_events(&log, "work domain-feature-pre-set:a feature=a value=1\n"
			    "work domain-feature-set:a feature=a value=1\n"
			    "work domain-feature-pre-set:a feature=a value=2 oldvalue=1\n"
			    "work domain-feature-set:a feature=a value=2 oldvalue=1\n"
			    "work domain-feature-pre-delete:a feature=a\n"
			    "work domain-feature-delete:a feature=a\n"
			    "work domain-tag-add:t tag=t\n"
			    "work domain-tag-delete:t tag=t\n");
	event_log_close(&log);
}

static void
test_disposable(void **state)
{
	struct fixture *f = *state;
	struct event_log log;

	assert_call(f, "admin.vm.property.Set+template_for_dispvms", "work", "True", "");
	event_log_open(&log, f, "dom0");
	AUTO_FREE char *name = call_ok(f, "admin.vm.CreateDisposable", "work", "");
	AUTO_FREE char *created = text_format("- domain-add vm=%s\n%s domain-create-on-disk\n"
					      "%s domain-tag-add:disp-created-by-dom0 "
					      "tag=disp-created-by-dom0\n",
		name, name, name);
	assert_events(&log, created);
	assert_call(f, "admin.vm.Start", name, "", "");
	assert_call(f, "admin.vm.Shutdown+wait", name, "", "");
	AUTO_FREE char *rest = event_log_take(&log);
	AUTO_FREE char *ending = text_format("%s domain-shutdown\n- domain-pre-delete vm=%s\n"
					     "- domain-delete vm=%s\n",
		name, name, name);
	assert_true(text_ends_with(rest, ending));
	event_log_close(&log);
}

/* A stream about one qube has only its events; one of another caller without policy has none. */
static void
test_filters(void **state)
{
	struct fixture *f = *state;
	struct event_log all, work, stranger;

	event_log_open(&all, f, "dom0");
	event_log_open(&work, f, "work");
	event_log_open_from(&stranger, f, "admin.Events", "work", "dom0");

	assert_call(f, "admin.vm.tag.Set+t", "tmpl", "", "");
	assert_call(f, "admin.vm.tag.Set+t", "work", "", "");
	assert_events(&all, "tmpl domain-tag-add:t tag=t\nwork domain-tag-add:t tag=t\n");
	assert_events(&work, "work domain-tag-add:t tag=t\n");
	assert_events(&stranger, "");
	event_log_close(&all);
	event_log_close(&work);
	event_log_close(&stranger);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_life, start, fixture_stop),
		cmocka_unit_test_setup_teardown(test_properties, start, fixture_stop),
		cmocka_unit_test_setup_teardown(test_network, start, fixture_stop),
		cmocka_unit_test_setup_teardown(test_defaults, start, fixture_stop),
		cmocka_unit_test_setup_teardown(test_features_and_tags, start, fixture_stop),
		cmocka_unit_test_setup_teardown(test_disposable, start, fixture_stop),
		cmocka_unit_test_setup_teardown(test_filters, start, fixture_stop),
	};

	return cmocka_run_group_tests_name("api events", tests, root_create, root_remove);
}
