/* admin.vm.property.* and admin.property.*: lists, values and every complaint (spec 4 and 11.2). */
#include <stdlib.h>
#include <string.h>

#include "admin/model/kernels.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"
#include "cmocka_all.h"
#include "fixture.h"

/* A template, a network qube behind nothing, an AppVM and a disposable template. */
static int
start(void **state)
{
	struct fixture *f;

	fixture_start(state);
	f = *state;
	assert_call(f, "admin.vm.Create.TemplateVM", "dom0", "name=tmpl label=black", "");
	assert_call(f, "admin.property.Set+default_template", "dom0", "tmpl", "");
	assert_call(f, "admin.vm.Create.AppVM", "dom0", "name=net label=green", "");
	assert_call(f, "admin.vm.property.Set+provides_network", "net", "True", "");
	assert_call(f, "admin.vm.property.Set+netvm", "net", "", "");
	assert_call(f, "admin.vm.Create.AppVM+tmpl", "dom0", "label=red name=work", "");
	assert_call(f, "admin.vm.Create.AppVM+tmpl", "dom0", "name=dvm label=3", "");
	assert_call(f, "admin.vm.property.Set+template_for_dispvms", "dvm", "yes", "");
	return 0;
}

static void
test_lists(void **state)
{
	struct fixture *f = *state;

	assert_call(f, "admin.vm.property.List", "work", "",
		"autostart\nbackup_timestamp\ndebug\ndefault_user\ndevices_denied\ndns\n"
		"ephemeral\ngateway\ngateway6\nicon\ninclude_in_backups\ninstalled_by_"
		"rpm\nip\nip6\nkernel\n"
		"keyboard_layout\nklass\nlabel\nmac\nmaxmem\nmemory\nname\nprovides_network\nqid\n"
		"qrexec_timeout\nshutdown_timeout\nstart_time\nstubdom_mem\nstubdom_uuid\n"
		"stubdom_xid\ntemplate_for_dispvms\nupdateable\nuuid\nvcpus\nvirt_mode\n"
		"visible_gateway\nvisible_gateway6\nvisible_ip\nvisible_ip6\nvisible_netmask\nxid\n"
		"audiovm\nbootmode\ndefault_dispvm\nguivm\nkernelopts\nmanagement_dispvm\nnetvm\n"
		"template\n");
	assert_call(f, "admin.vm.property.List", "dom0", "",
		"devices_denied\nicon\ninclude_in_backups\nkeyboard_layout\nklass\nlabel\nmaxmem\n"
		"name\nqid\nupdateable\nuuid\ndefault_dispvm\n");
	assert_call(f, "admin.vm.Create.RemoteVM", "dom0", "name=far label=red", "");
	assert_call(f, "admin.vm.property.List", "far", "",
		"icon\ninclude_in_backups\nklass\nlabel\nname\nqid\nremote_name\ntransport_rpc\n"
		"uuid\nrelayvm\n");
	assert_call(f, "admin.property.List", "dom0", "",
		"check_updates_vm\nclockvm\ndefault_audiovm\ndefault_dispvm\ndefault_guivm\n"
		"default_kernel\ndefault_netvm\ndefault_pool\ndefault_pool_kernel\n"
		"default_pool_private\ndefault_pool_root\ndefault_pool_volatile\n"
		"default_qrexec_timeout\ndefault_shutdown_timeout\ndefault_template\n"
		"management_dispvm\nmaxmem\nno_cpus\nstats_interval\nupdatevm\n");
	AUTO_FREE char *disposable = call_ok(f, "admin.vm.CreateDisposable", "dvm", "");
	AUTO_FREE char *list = call_ok(f, "admin.vm.property.List", disposable, "");
	assert_true(
		text_starts_with(list, "auto_cleanup\nautostart\nbackup_timestamp\ndebug\n"
				       "default_user\ndevices_denied\ndispid\ndns\nephemeral\n"));
	assert_non_null(strstr(list, "ip6\nis_preload\nkernel\n"));
	AUTO_FREE char *template = call_ok(f, "admin.vm.property.List", "tmpl", "");
	assert_true(text_ends_with(template,
		"xid\nappvm_default_bootmode\naudiovm\nbootmode\ndefault_dispvm\nguivm\n"
		"kernelopts\nmanagement_dispvm\nnetvm\n"));
}

static void
test_get(void **state)
{
	struct fixture *f = *state;

	assert_call(f, "admin.vm.property.Get+memory", "work", "", "default=True type=int 400");
	assert_call(f, "admin.vm.property.Get+label", "work", "", "default=False type=label red");
	assert_call(f, "admin.vm.property.Get+template", "work", "", "default=False type=vm tmpl");
	assert_call(f, "admin.vm.property.Get+debug", "work", "", "default=True type=bool False");
	assert_call(f, "admin.vm.property.Get+netvm", "net", "", "default=False type=vm ");
	assert_call(f, "admin.vm.property.Get+netvm", "work", "", "default=True type=vm ");
	assert_call(f, "admin.vm.property.Get+name", "work", "", "default=False type=str work");
	assert_call(f, "admin.vm.property.Get+name", "dom0", "", "default=True type=str dom0");
	assert_call(
		f, "admin.vm.property.Get+backup_timestamp", "work", "", "default=True type=int ");
	assert_call(f, "admin.vm.property.Get+xid", "work", "", "default=True type=int -1");
	assert_call(f, "admin.vm.property.Get+kernelopts", "work", "",
		"default=True type=str swiotlb=2048");
	assert_call(f, "admin.vm.property.Get+maxmem", "work", "", "default=True type=int 0");
	assert_call(f, "admin.vm.property.Get+keyboard_layout", "dom0", "",
		"default=True type=str us++");
	assert_call(f, "admin.vm.property.Get+guivm", "work", "", "default=True type=vm dom0");
	assert_call(f, "admin.vm.property.GetDefault+guivm", "work", "", "type=vm dom0");
	assert_call(f, "admin.vm.property.GetDefault+label", "work", "", "");
	assert_call(f, "admin.vm.property.GetDefault+netvm", "work", "", "type=vm ");
	assert_call(f, "admin.property.Get+default_kernel", "dom0", "", "default=True type=str ");
	assert_call(f, "admin.property.GetDefault+default_kernel", "dom0", "", "");
	assert_call(f, "admin.property.Get+default_pool_kernel", "dom0", "",
		"default=False type=str linux-kernel");
	assert_call(f, "admin.property.Get+default_pool_root", "dom0", "",
		"default=True type=str varlibqubes");
	assert_refused(f, "admin.vm.property.Get+nothing", "work", "", "QubesNoSuchPropertyError",
		"Invalid property 'nothing' of work");
	assert_refused(f, "admin.property.Get+memory", "dom0", "", "QubesNoSuchPropertyError",
		"Invalid property 'memory' of Qubes");
	AUTO_FREE char *help = call_ok(f, "admin.vm.property.Help+memory", "work", "");
	assert_true(strlen(help) > 10 && strchr(help, '\n') == NULL);
}

static void
test_get_all(void **state)
{
	struct fixture *f = *state;

	assert_call(f, "admin.vm.property.Set+kernelopts", "work", "a\\b\nc\td", "");
	assert_call(f, "admin.vm.property.Get+kernelopts", "work", "",
		"default=False type=str a\\b\nc\td");
	AUTO_FREE char *all = call_ok(f, "admin.vm.property.GetAll", "work", "");
	assert_true(text_starts_with(all, "autostart default=True type=bool False\n"));
	assert_non_null(strstr(all, "\nkernelopts default=False type=str a\\\\b\\nc\td\n"));
	assert_non_null(strstr(all, "\nkernel default=True type=str \n"));
	AUTO_FREE char *global = call_ok(f, "admin.property.GetAll", "dom0", "");
	assert_non_null(strstr(global, "\ndefault_template default=False type=vm tmpl\n"));
	assert_non_null(strstr(global, "\ndefault_qrexec_timeout default=True type=int 60\n"));
}

/* A bad value: on which qube ("" for the global object), which property, what is said. */
static const struct complaint {
	const char *qube, *property, *value, *kind, *message;
} complaints[] = {
	{"work", "memory", "x", "QubesValueError", "Failed to parse property value as int"},
	{"work", "memory", "", "QubesValueError", "Failed to parse property value as int"},
	{"work", "memory", "1 2", "QubesValueError", "Failed to parse property value as int"},
	{"work", "memory", "99999999999999999999", "QubesValueError",
		"Failed to parse property value as int"},
	{"work", "memory", "0", "QubesPropertyValueError", "memory must be positive"},
	{"work", "memory", "9999999999", "QubesPropertyValueError", "memory is too large"},
	{"work", "vcpus", "-1", "QubesPropertyValueError", "vcpus must be positive"},
	{"work", "maxmem", "-1", "QubesPropertyValueError", "maxmem must be positive or zero"},
	{"work", "qrexec_timeout", "0", "QubesPropertyValueError",
		"qrexec_timeout must be positive"},
	{"work", "debug", "maybe", "QubesValueError",
		"Invalid literal for boolean property: 'maybe'"},
	{"work", "label", "pink", "QubesLabelNotFoundError", "Label does not exist: pink"},
	{"work", "label", "0", "QubesLabelNotFoundError", "Label does not exist: 0"},
	{"work", "ip", "1.2.3", "QubesValueError", "Failed to parse property value as IPv4Address"},
	{"work", "ip6", "1.2.3.4", "QubesValueError",
		"Failed to parse property value as IPv6Address"},
	{"work", "netvm", "none", "QubesValueError", "VM name cannot be 'none' nor 'default'"},
	{"work", "netvm", "9x", "QubesValueError",
		"VM name cannot start with hyphen, underscore, dot or numbers"},
	{"work", "netvm", "a b", "QubesValueError", "VM name contains illegal characters"},
	{"work", "netvm", "Domain-0", "QubesValueError", "VM name cannot be 'Domain-0'"},
	{"work", "netvm", "a234567890123456789012345678901x", "QubesValueError",
		"VM name must be shorter than 32 characters"},
	{"work", "netvm", "nobody", "QubesPropertyValueError",
		"Can't set netvm to non-existing qube nobody"},
	{"work", "netvm", "dvm", "QubesPropertyValueError",
		"The dvm qube does not provide network"},
	{"net", "netvm", "net", "QubesPropertyValueError", "Loops in network are unsupported"},
	{"work", "template", "", "QubesPropertyValueError",
		"Invalid value None for property 'template' of work"},
	{"work", "template", "dvm", "QubesPropertyValueError",
		"wrong VM class: domains['dvm'] is of type AppVM and not TemplateVM"},
	{"work", "virt_mode", "xyz", "QubesPropertyValueError",
		"Invalid virtualization mode, supported values: hvm, pv, pvh"},
	{"work", "kernel", "9.9", "QubesPropertyValueError", "Kernel '9.9' not installed"},
	{"work", "kernel", "..", "QubesPropertyValueError", "Kernel '..' not installed"},
	{"work", "kernel", "a/b", "QubesPropertyValueError", "Kernel name cannot contain '/'"},
	{"work", "default_user", "a b", "QubesPropertyValueError",
		"Username can contain only those characters: "
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+,."},
	{"work", "keyboard_layout", "us", "QubesPropertyValueError",
		"invalid number of keyboard layout parameters"},
	{"work", "keyboard_layout", "u5++", "QubesPropertyValueError",
		"Invalid keyboard layout provided"},
	{"work", "keyboard_layout", "us+a$+", "QubesPropertyValueError",
		"Invalid keyboard layout provided"},
	{"work", "mac", "00:11", "QubesPropertyValueError", "Invalid MAC address: '00:11'"},
	{"work", "bootmode", "rescue", "QubesPropertyValueError",
		"Boot mode 'rescue' is not known to the qube"},
	{"work", "default_dispvm", "net", "QubesPropertyValueError",
		"Cannot set invalid property to qube 'work', default_dispvm 'net' has "
		"template_for_dispvms set to False"},
	{"", "default_dispvm", "net", "QubesPropertyValueError",
		"Cannot set invalid property to system, default_dispvm 'net' has "
		"template_for_dispvms set to False"},
	{"", "default_pool", "nowhere", "QubesPropertyValueError", "No such storage pool"},
	{"", "default_template", "work", "QubesPropertyValueError",
		"wrong VM class: domains['work'] is of type AppVM and not TemplateVM"},
	{"", "maxmem", "5", "QubesPropertyValueError",
		"property 'maxmem' on Qubes instance cannot be set"},
	{"work", "icon", "x", "QubesPropertyValueError",
		"property 'icon' on AppVM instance cannot be set"},
	{"dom0", "maxmem", "5", "QubesPropertyValueError",
		"property 'maxmem' on AdminVM instance cannot be set"},
	{"dom0", "name", "x", "QubesPropertyValueError",
		"property 'name' on AdminVM instance cannot be set"},
	{"work", "name", "x", "QubesPropertyValueError",
		"property 'name' of work is write-once and already set"},
	{"work", "devices_denied", "abc", "QubesValueError",
		"Invalid length of interfaces='abc' (is 3, expected multiple of 7)"},
	{"net", "provides_network", "False", "QubesValueError",
		"The qube is still used by other qubes, change theirs 'netvm' first"},
	{"work", "memory", "\xff", "QubesValueError", "Non-ASCII bytes in property value"},
};

static void
test_complaints(void **state)
{
	struct fixture *f = *state;

	assert_call(f, "admin.vm.property.Set+netvm", "work", "net", "");
	for (size_t i = 0; i < sizeof(complaints) / sizeof(complaints[0]); i++) {
		const struct complaint *c = &complaints[i];
		bool is_global = c->qube[0] == '\0';
		AUTO_FREE char *method =
			text_format("admin.%sproperty.Set+%s", is_global ? "" : "vm.", c->property);
		AUTO_FREE char *get =
			text_format("admin.%sproperty.Get+%s", is_global ? "" : "vm.", c->property);
		const char *dest = is_global ? "dom0" : c->qube;
		AUTO_FREE char *before = call_ok(f, get, dest, "");

		assert_refused(f, method, dest, c->value, c->kind, c->message);
		AUTO_FREE char *after = call_ok(f, get, dest, "");
		assert_string_equal(after, before);
	}
	AUTO_FREE char *long_options = xcalloc(1, 514);
	memset(long_options, 'x', 513);
	assert_refused(f, "admin.vm.property.Set+kernelopts", "work", long_options,
		"QubesPropertyValueError", "Kernelopts value too long (512 chars max)");
	long_options[512] = '\0';
	assert_call(f, "admin.vm.property.Set+kernelopts", "work", long_options, "");
}

static void
test_normal_forms(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *property, *value, *answer;
	} forms[] = {
		{"memory", " +0512\n", "default=False type=int 512"},
		{"memory", "400", "default=False type=int 400"},
		{"debug", "ON", "default=False type=bool True"},
		{"debug", "0", "default=False type=bool False"},
		{"label", "label-4", "default=False type=label green"},
		{"label", "6", "default=False type=label blue"},
		{"virt_mode", "HVM", "default=False type=str hvm"},
		{"mac", "00:16:3E:AA:BB:CC", "default=False type=str 00:16:3e:aa:bb:cc"},
		{"ip6", "0:0::1", "default=False type=str ::1"},
		{"devices_denied", "u03****b******u03****",
			"default=False type=str b******u03****"},
		{"kernel", "", "default=False type=str "},
		{"netvm", "net", "default=False type=vm net"},
		{"netvm", "", "default=False type=vm "},
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		AUTO_FREE char *set = text_format("admin.vm.property.Set+%s", forms[i].property);
		AUTO_FREE char *get = text_format("admin.vm.property.Get+%s", forms[i].property);

		assert_call(f, set, "work", forms[i].value, "");
		assert_call(f, get, "work", "", forms[i].answer);
	}
	/* What was set is there after a restart, and is still what was set. */
	fixture_restart(f);
	assert_call(f, "admin.vm.property.Get+memory", "work", "", "default=False type=int 400");
	assert_call(f, "admin.vm.property.Get+netvm", "work", "", "default=False type=vm ");
	assert_call(f, "admin.vm.property.Get+label", "work", "", "default=False type=label blue");
	assert_call(f, "admin.vm.property.Get+kernel", "work", "", "default=False type=str ");
	assert_call(f, "admin.vm.property.Reset+memory", "work", "", "");
	assert_call(f, "admin.vm.property.Reset+memory", "work", "", "");
	assert_call(f, "admin.vm.property.Get+memory", "work", "", "default=True type=int 400");
}

static void
test_resets(void **state)
{
	struct fixture *f = *state;

	assert_refused(f, "admin.vm.property.Reset+label", "work", "", "QubesValueError",
		"Cannot unset label");
	assert_refused(f, "admin.vm.property.Reset+template", "work", "", "QubesValueError",
		"Cannot unset template. You can set it to the current default (tmpl) instead");
	assert_call(f, "admin.vm.Create.DispVM+dvm", "dom0", "name=disp label=red", "");
	assert_refused(f, "admin.vm.property.Reset+template", "disp", "", "QubesValueError",
		"Cannot unset template");
	assert_refused(f, "admin.vm.property.Set+template", "disp", "net",
		"QubesPropertyValueError",
		"template for disposable must have template_for_dispvms=True");
	assert_refused(f, "admin.vm.property.Set+dispid", "disp", "1", "QubesPropertyValueError",
		"property 'dispid' of disp is write-once and already set");
	assert_refused(f, "admin.vm.property.Set+template_for_dispvms", "dvm", "no",
		"QubesVMInUseError",
		"The qube is still used for disposables, change 'default_dispvm', "
		"'management_dispvm' or 'template' of others first");
}

/* Values of templates, of the global object, of installed kernels. */
static void
test_inheritance(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *kernel = root_path("%s/6.1", KERNELS_DIRECTORY);
	AUTO_FREE char *options = path_join(kernel, "default-kernelopts-nopci.txt");

	assert_int_equal(make_directories(kernel, 0755, NULL), 0);
	assert_int_equal(write_file(options, "quiet\n", 6, 0644, NULL), 0);
	assert_call(f, "admin.property.Set+default_kernel", "dom0", "6.1", "");
	assert_call(f, "admin.vm.property.Get+kernel", "work", "", "default=True type=str 6.1");
	assert_call(
		f, "admin.vm.property.Get+kernelopts", "work", "", "default=True type=str quiet");
	assert_call(f, "admin.vm.property.Set+memory", "tmpl", "1000", "");
	assert_call(f, "admin.vm.property.Get+memory", "work", "", "default=True type=int 1000");
	assert_call(f, "admin.vm.property.GetDefault+memory", "work", "", "type=int 1000");
	assert_call(f, "admin.property.Set+default_netvm", "dom0", "net", "");
	assert_call(f, "admin.vm.property.Get+netvm", "work", "", "default=True type=vm net");
	assert_call(f, "admin.vm.property.Get+netvm", "tmpl", "", "default=True type=vm ");
	assert_call(f, "admin.vm.property.Get+ip", "work", "", "default=True type=str 10.137.0.3");
	assert_call(
		f, "admin.vm.property.Get+gateway", "net", "", "default=True type=str 10.137.0.2");
	assert_call(f, "admin.vm.property.Get+visible_gateway", "work", "",
		"default=True type=str 10.137.0.2");
	assert_call(f, "admin.vm.property.Get+dns", "work", "",
		"default=True type=str 10.139.1.1 10.139.1.2");
	assert_call(f, "admin.vm.feature.Set+ipv6", "net", "1", "");
	assert_call(f, "admin.vm.property.Get+ip6", "work", "",
		"default=True type=str fd09:24ef:4179:0000::a89:3");
	assert_call(f, "admin.vm.property.Get+icon", "net", "",
		"default=True type=str servicevm-green");
	assert_call(f, "admin.vm.property.Get+icon", "dvm", "",
		"default=True type=str templatevm-yellow");
	/* The default may not lead back to itself. */
	assert_refused(f, "admin.vm.property.Reset+netvm", "net", "", "QubesPropertyValueError",
		"Loops in network are unsupported");
	assert_call(f, "admin.vm.property.Set+provides_network", "work", "1", "");
	assert_refused(f, "admin.property.Set+default_netvm", "dom0", "work",
		"QubesPropertyValueError", "Network loop on 'work'");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lists, start, fixture_stop),
		cmocka_unit_test_setup_teardown(test_get, start, fixture_stop),
		cmocka_unit_test_setup_teardown(test_get_all, start, fixture_stop),
		cmocka_unit_test_setup_teardown(test_complaints, start, fixture_stop),
		cmocka_unit_test_setup_teardown(test_normal_forms, start, fixture_stop),
		cmocka_unit_test_setup_teardown(test_resets, start, fixture_stop),
		cmocka_unit_test_setup_teardown(test_inheritance, start, fixture_stop),
	};

	return cmocka_run_group_tests_name("api properties", tests, root_create, root_remove);
}
