/* Qubes, labels, features, tags, power, volumes over the API (spec admin-api.md section 11). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/path.h"
#include "base/text.h"
#include "cmocka_all.h"
#include "fixture.h"

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
test_create_refusals(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *method, *payload, *kind, *message;
	} refusals[] = {
		{"Create.TemplateVM+tmpl", "name=x label=red", "ProtocolError",
			"TemplateVM cannot be based on template"},
		{"Create.AppVM", "name=x name=y label=red", "ProtocolError",
			"Options must be unique"},
		{"Create.AppVM", "name=9 label=red", "QubesValueError",
			"VM name cannot start with hyphen, underscore, dot or numbers"},
		{"Create.AppVM", "name=../x label=red", "QubesValueError",
			"VM name cannot start with hyphen, underscore, dot or numbers"},
		{"Create.AppVM", "name=x-dm label=red", "QubesValueError",
			"VM name cannot end with '-dm'"},
		{"Create.AppVM", "name=x label=red pool=y", "ProtocolError",
			"Pool option specified but 'allow_pool' is False"},
		{"CreateInPool.AppVM", "name=x label=red pool:disk=y", "ProtocolError",
			"Volume must be one of: root, private, volatile, kernel"},
		{"Create.AppVM", "name=x label=red size=y", "ProtocolError",
			"Options does not match: name, label, pool, pool:"},
		{"Create.AppVM", "label=red", "ProtocolError",
			"Creation requested without key: name"},
		{"Create.AppVM", "name=x", "ProtocolError",
			"Creation requested without key: label"},
		{"Create.AppVM", "name=x label=pink", "ProtocolError",
			"Creation requested without key: label"},
		{"CreateInPool.AppVM", "name=x label=red pool=varlibqubes pool:private=varlibqubes",
			"ProtocolError", "Conflicting options specified: 'pool=', 'pool:volume='"},
		{"Create.AppVM", "name=work label=red", "QubesVMAlreadyExistsError",
			"Qube already exists: work"},
		{"Create.AppVM", "name=dom0 label=red", "QubesVMAlreadyExistsError",
			"Qube already exists: dom0"},
		{"Create.AppVM+nothing", "name=x label=red", "QubesVMNotFoundError",
			"No such domain: 'nothing'"},
		{"CreateInPool.AppVM+tmpl", "name=x label=red pool=nowhere", "QubesException",
			"Unknown storage pool nowhere"},
		{"CreateInPool.AppVM+tmpl", "name=x label=red pool:root=linux-kernel",
			"QubesException",
			"Snapshot volume root must be in the same pool as its origin, "
			"'varlibqubes'"},
		{"Create.AppVM", "name=x label=red", "QubesValueError",
			"Template for the qube not specified, nor default template set."},
		{"Create.AppVM+work", "name=x label=red", "QubesPropertyValueError",
			"wrong VM class: domains['work'] is of type AppVM and not TemplateVM"},
		{"Create.DispVM+work", "name=x label=red", "QubesPropertyValueError",
			"template for disposable must have template_for_dispvms=True"},
		{"Create.AdminVM", "name=x label=red", "ProtocolError",
			"no such method: 'admin.vm.Create.AdminVM'"},
	};
	AUTO_FREE char *before = call_ok(f, "admin.vm.List", "dom0", "");
	AUTO_FREE char *volumes = call_ok(f, "admin.pool.volume.List+varlibqubes", "dom0", "");

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		AUTO_FREE char *method = text_format("admin.vm.%s", refusals[i].method);

		assert_refused(f, method, "dom0", refusals[i].payload, refusals[i].kind,
			refusals[i].message);
	}
	assert_call(f, "admin.vm.List", "dom0", "", before);
	assert_call(f, "admin.pool.volume.List+varlibqubes", "dom0", "", volumes);
	fixture_restart(f);
	assert_call(f, "admin.vm.List", "dom0", "", before);
}

static void
test_create_and_remove(void **state)
{
	struct fixture *f = *state;

	assert_call(f, "admin.vm.CreateInPool.StandaloneVM", "dom0",
		"name=alone label=red pool=varlibqubes", "");
	AUTO_FREE char *list = call_ok(f, "admin.vm.List", "dom0", "");
	assert_true(text_starts_with(list, "dom0 class=AdminVM state=Running uuid=00000000-0000-"
					   "0000-0000-000000000000\nalone class=StandaloneVM "
					   "state=Halted uuid="));
	assert_call(f, "admin.vm.property.Get+qid", "alone", "", "default=False type=int 3");
	assert_call(
		f, "admin.vm.tag.List", "alone", "", "audiovm-dom0\ncreated-by-dom0\nguivm-dom0\n");
	assert_call(f, "admin.pool.volume.List+varlibqubes", "dom0", "",
		"appvms/alone/private\nappvms/alone/root\nappvms/alone/volatile\n"
		"appvms/work/private\nappvms/work/root\nappvms/work/volatile\n"
		"vm-templates/tmpl/private\nvm-templates/tmpl/root\nvm-templates/tmpl/volatile\n");
	assert_refused(
		f, "admin.vm.Remove", "dom0", "", "QubesVMInUseError", "'dom0' cannot be removed");
	assert_refused(f, "admin.vm.Remove", "tmpl", "", "QubesVMInUseError",
		"Domain is in use: 'tmpl';  see 'journalctl -u qubesd -e' in dom0 for details");
	assert_call(f, "admin.vm.property.Set+installed_by_rpm", "alone", "True", "");
	assert_refused(f, "admin.vm.Remove", "alone", "", "QubesVMInUseError",
		"VM installed by package manager: alone");
	assert_call(f, "admin.vm.property.Reset+installed_by_rpm", "alone", "", "");
	assert_call(f, "admin.vm.Start", "alone", "", "");
	assert_refused(f, "admin.vm.Remove", "alone", "", "QubesVMNotHaltedError",
		"Domain is not powered off: 'alone'");
	assert_call(f, "admin.vm.Kill", "alone", "", "");
	assert_call(f, "admin.vm.Remove", "alone", "", "");
	assert_refused(f, "admin.vm.Remove", "alone", "", "QubesVMNotFoundError",
		"No such domain: 'alone'");
	assert_call(f, "admin.pool.volume.List+varlibqubes", "dom0", "",
		"appvms/work/private\nappvms/work/root\nappvms/work/volatile\n"
		"vm-templates/tmpl/private\nvm-templates/tmpl/root\nvm-templates/tmpl/volatile\n");
	/* The number is free again, and what belonged to it is gone. */
	assert_call(f, "admin.vm.Create.AppVM+tmpl", "dom0", "name=alone label=red", "");
	assert_call(f, "admin.vm.property.Get+qid", "alone", "", "default=False type=int 3");
	assert_call(f, "admin.vm.property.Get+installed_by_rpm", "alone", "",
		"default=True type=bool False");
	fixture_restart(f);
	assert_call(
		f, "admin.vm.tag.List", "alone", "", "audiovm-dom0\ncreated-by-dom0\nguivm-dom0\n");
}

static void
test_labels(void **state)
{
	struct fixture *f = *state;

	assert_call(f, "admin.label.List", "dom0", "",
		"red\norange\nyellow\ngreen\ngray\nblue\npurple\nblack\n");
	assert_call(f, "admin.label.Get+orange", "dom0", "", "0xf57900");
	assert_call(f, "admin.label.Get+label-8", "dom0", "", "0x000000");
	assert_call(f, "admin.label.Index+purple", "dom0", "", "7");
	assert_call(f, "admin.label.Create+pink", "dom0", "0xFF00ff", "");
	assert_call(f, "admin.label.Index+pink", "dom0", "", "9");
	fixture_restart(f);
	assert_call(f, "admin.label.Get+pink", "dom0", "", "0xff00ff");
	assert_refused(f, "admin.label.Get+teal", "dom0", "", "QubesLabelNotFoundError",
		"Label does not exist: teal");
	assert_refused(f, "admin.label.Create+12", "dom0", "0x000000", "QubesInvalidLabelError",
		"Label must not be a digit");
	assert_refused(f, "admin.label.Create+teal", "dom0", "0x0000",
		"QubesInvalidLabelValueError", "Label value must have length of 8");
	assert_refused(f, "admin.label.Create+teal", "dom0", "0x00000g",
		"QubesInvalidLabelValueError",
		"Label value must only contain hexadecimal digits after prefix: "
		"0123456789abcdefABCDEF");
	assert_refused(f, "admin.label.Create+pink", "dom0", "0x000000", "QubesLabelInUseError",
		"Label is still in use: 'pink'");
	assert_refused(f, "admin.label.Remove+red", "dom0", "", "ProtocolError",
		"Can only remove custom labels");
	assert_call(f, "admin.vm.property.Set+label", "work", "pink", "");
	assert_refused(f, "admin.label.Remove+pink", "dom0", "", "QubesLabelInUseError",
		"Label is still in use: 'pink'");
	assert_call(f, "admin.vm.property.Set+label", "work", "red", "");
	assert_call(f, "admin.label.Remove+pink", "dom0", "", "");
}

static void
test_features(void **state)
{
	struct fixture *f = *state;

	assert_call(f, "admin.vm.feature.Set+zebra", "work", "1", "");
	assert_call(f, "admin.vm.feature.Set+apple", "work", "", "");
	assert_call(f, "admin.vm.feature.Set+zebra", "work", "2", "");
	assert_call(f, "admin.vm.feature.List", "work", "", "zebra\napple\n");
	fixture_restart(f);
	assert_call(f, "admin.vm.feature.List", "work", "", "zebra\napple\n");
	assert_call(f, "admin.vm.feature.Get+zebra", "work", "", "2");
	assert_call(f, "admin.vm.feature.Set+os", "tmpl", "Linux", "");
	assert_call(f, "admin.vm.feature.CheckWithTemplate+os", "work", "", "Linux");
	assert_call(f, "admin.vm.feature.Set+x", "dom0", "y", "");
	assert_call(f, "admin.vm.feature.CheckWithAdminVM+x", "work", "", "y");
	assert_call(f, "admin.vm.feature.CheckWithTemplateAndAdminVM+os", "work", "", "Linux");
	assert_refused(f, "admin.vm.feature.Get+os", "work", "", "QubesFeatureNotFoundError",
		"Feature not set for domain work: os");
	assert_refused(f, "admin.vm.feature.CheckWithNetvm+os", "work", "",
		"QubesFeatureNotFoundError", "Feature not set for domain work: os");
	assert_refused(f, "admin.vm.feature.Remove+os", "work", "", "QubesFeatureNotFoundError",
		"Feature not set for domain work: os");
	assert_refused(f, "admin.vm.feature.Set+a!", "work", "1", "ProtocolError",
		"feature name contains illegal characters");
	assert_refused(f, "admin.vm.feature.Set+a", "work", "\xe4", "ProtocolError",
		"Feature value contains non-ASCII characters");
	assert_refused(f, "admin.vm.feature.Set+a", "work", "a\nb", "ProtocolError",
		"a value contains illegal characters");
	assert_refused(f, "admin.vm.feature.Set+service.", "work", "1", "QubesValueError",
		"Service name cannot be empty");
	assert_refused(f,
		"admin.vm.feature.Set+service.a234567890123456789012345678901234567890123456789",
		"work", "1", "QubesValueError", "Service name must not exceed 48 bytes");
	assert_refused(f, "admin.vm.feature.Set+vm-config.9", "work", "1", "QubesValueError",
		"Config name must start with an ASCII letter");
	assert_refused(f, "admin.vm.feature.Set+custom-persist.a", "work", "etc", "QubesValueError",
		"invalid value format: 'etc'");
	assert_call(f, "admin.vm.feature.Set+custom-persist.a", "work",
		"dir:user:user:0755:/home/x", "");
	assert_refused(f, "admin.vm.feature.Set+preload-dispvm", "work", "x", "PermissionDenied",
		"changing this feature is prohibited by qubes.ext.admin.AdminExtension");
	/* Not a feature but a switch. */
	assert_call(f, "admin.vm.feature.Set+service.meminfo-writer", "work", "", "");
	assert_call(f, "admin.vm.property.Get+maxmem", "work", "", "default=False type=int 0");
	assert_call(f, "admin.vm.feature.Set+service.meminfo-writer", "work", "1", "");
	assert_call(f, "admin.vm.property.Get+maxmem", "work", "", "default=True type=int 0");
	assert_call(f, "admin.vm.feature.List", "work", "", "zebra\napple\ncustom-persist.a\n");
}

static void
test_tags(void **state)
{
	struct fixture *f = *state;

	assert_call(f, "admin.vm.tag.Set+b", "work", "", "");
	assert_call(f, "admin.vm.tag.Set+a", "work", "", "");
	assert_call(f, "admin.vm.tag.Set+a", "work", "", "");
	assert_call(f, "admin.vm.tag.List", "work", "",
		"a\naudiovm-dom0\nb\ncreated-by-dom0\nguivm-dom0\n");
	assert_call(f, "admin.vm.tag.Get+a", "work", "", "1");
	assert_call(f, "admin.vm.tag.Remove+a", "work", "", "");
	assert_call(f, "admin.vm.tag.Get+a", "work", "", "0");
	assert_refused(f, "admin.vm.tag.Remove+a", "work", "", "QubesTagNotFoundError",
		"Tag not set for domain work: a");
	assert_refused(f, "admin.vm.tag.Set+a.b", "work", "", "QubesInvalidTagError",
		"disallowed characters");
	assert_refused(f, "admin.vm.tag.Set+created-by-x", "work", "", "QubesVMNotFoundError",
		"No such domain: 'x'");
	assert_refused_from(f, "tmpl", "admin.vm.tag.Set+created-by-tmpl", "work", "",
		"PermissionDenied",
		"changing this tag is prohibited by qubes.ext.admin.AdminExtension");
	assert_call(f, "admin.vm.tag.Get+created-by-tmpl", "work", "", "0");
	assert_call(f, "admin.vm.property.Set+guivm", "work", "tmpl", "");
	assert_call(f, "admin.vm.tag.List", "work", "",
		"audiovm-dom0\nb\ncreated-by-dom0\nguivm-tmpl\n");
	fixture_restart(f);
	assert_call(f, "admin.vm.property.Set+guivm", "work", "", "");
	assert_call(f, "admin.vm.tag.List", "work", "", "audiovm-dom0\nb\ncreated-by-dom0\n");
}

static void
test_power(void **state)
{
	struct fixture *f = *state;

	assert_call(f, "admin.vm.CurrentState", "work", "",
		"mem=0 mem_static_max=0 cputime=0 power_state=Halted");
	assert_call(f, "admin.vm.Start", "work", "", "");
	assert_call(f, "admin.vm.Start", "work", "", "");
	assert_call(f, "admin.vm.CurrentState", "work", "",
		"mem=409600 mem_static_max=409600 cputime=0 power_state=Running");
	assert_call(f, "admin.vm.property.Get+xid", "work", "", "default=True type=int 7");
	assert_call(f, "admin.vm.property.Get+start_time", "work", "",
		"default=True type=str 1700000000.250000");
	assert_refused(f, "admin.vm.property.Set+template", "work", "tmpl", "QubesVMNotHaltedError",
		"Cannot change template while qube is running");
	assert_refused(f, "admin.vm.Unpause", "work", "", "QubesVMNotPausedError",
		"Domain is not paused: 'work'");
	assert_call(f, "admin.vm.Pause", "work", "", "");
	assert_call(f, "admin.vm.Unpause", "work", "", "");
	assert_refused(f, "admin.vm.Shutdown+now", "work", "", "ProtocolError",
		"Argument must match: force, wait");
	assert_refused(f, "admin.vm.Shutdown+wait+", "work", "", "ProtocolError",
		"Argument must match: force, wait");
	assert_call(f, "admin.vm.Shutdown+wait+force", "work", "", "");
	assert_refused(f, "admin.vm.Shutdown", "work", "", "QubesVMNotStartedError",
		"Domain is powered off: 'work'");
	assert_refused(f, "admin.vm.Start", "dom0", "", "QubesVMNotHaltedError",
		"Cannot start Dom0 fake domain!");
	assert_refused(
		f, "admin.vm.Kill", "dom0", "", "QubesVMError", "Cannot kill Dom0 fake domain!");
}

static void
test_volumes(void **state)
{
	struct fixture *f = *state;

	assert_call(f, "admin.vm.volume.List", "work", "", "root\nprivate\nvolatile\nkernel\n");
	assert_call(f, "admin.vm.volume.List", "dom0", "", "");
	assert_call(f, "admin.vm.volume.Info+root", "work", "",
		"pool=varlibqubes\nvid=appvms/work/root\nsize=10737418240\nusage=0\nrw=True\n"
		"source=vm-templates/tmpl/root\npath=\nsave_on_stop=False\nsnap_on_start=True\n"
		"revisions_to_keep=0\nephemeral=False\nis_outdated=False\n");
	AUTO_FREE char *private = call_ok(f, "admin.vm.volume.Info+private", "work", "");
	assert_non_null(strstr(private, "\nsize=2147483648\n"));
	assert_non_null(strstr(private, "\nsource=\n"));
	assert_non_null(strstr(private, "\nsave_on_stop=True\n"));
	assert_call(f, "admin.vm.volume.Info+kernel", "work", "",
		"pool=linux-kernel\nvid=\nsize=0\nusage=0\nrw=False\nsource=\npath=\n"
		"save_on_stop=False\nsnap_on_start=False\nrevisions_to_keep=0\nephemeral=False\n"
		"is_outdated=False\n");
	assert_refused(f, "admin.vm.volume.Info+disk", "work", "", "PermissionDenied",
		"Argument not in 'work volumes'");
	assert_refused(f, "admin.vm.volume.Info+root", "dom0", "", "PermissionDenied",
		"Argument not in 'dom0 volumes'");
	assert_call(f, "admin.vm.volume.ListSnapshots+private", "work", "", "");
	assert_refused(f, "admin.vm.volume.Revert+private", "work", "1",
		"QubesVolumeRevisionNotFoundError", "volume 'work:private' has no revision '1'");
	assert_refused(f, "admin.vm.volume.Revert+private", "work", "../1", "ProtocolError",
		"Revision id contains illegal characters");
	assert_call(f, "admin.vm.volume.Resize+private", "work", " 3221225472\n", "");
	AUTO_FREE char *grown = call_ok(f, "admin.vm.volume.Info+private", "work", "");
	assert_non_null(strstr(grown, "\nsize=3221225472\n"));
	static const struct {
		const char *payload, *message;
	} numbers[] = {
		{"1e9", "Volume size contains non ASCII digits"},
		{"-5", "Volume size contains non ASCII digits"},
		{"12345678901234567890", "Volume size is bigger than 19 decimal digits"},
		{"007", "Volume size contains spurious leading zeros"},
	};
	for (size_t i = 0; i < 4; i++)
		assert_refused(f, "admin.vm.volume.Resize+private", "work", numbers[i].payload,
			"ProtocolError", numbers[i].message);
	assert_refused(f, "admin.vm.volume.Set.rw+private", "work", "perhaps", "ProtocolError",
		"Payload is not boolean ASCII");
	assert_refused(f, "admin.vm.volume.Set.revisions_to_keep+private", "work", "-2",
		"QubesValueError", "Invalid value for revisions_to_keep");
	assert_call(f, "admin.vm.volume.Set.revisions_to_keep+private", "work", "5", "");
	assert_refused(f, "admin.vm.volume.Set.rw+kernel", "work", "True", "QubesValueError",
		"LinuxModules supports only read-only volumes");
	assert_call(f, "admin.pool.List", "dom0", "", "linux-kernel\nvarlibqubes\n");
	assert_refused(
		f, "admin.pool.Info+x", "dom0", "", "PermissionDenied", "Argument not in 'pools'");
	/* A new template is the new source. */
	assert_call(f, "admin.vm.Create.TemplateVM", "dom0", "name=other label=black", "");
	assert_call(f, "admin.vm.property.Set+template", "work", "other", "");
	AUTO_FREE char *root = call_ok(f, "admin.vm.volume.Info+root", "work", "");
	assert_non_null(strstr(root, "\nsource=vm-templates/other/root\n"));
	assert_call(f, "admin.vm.Remove", "tmpl", "", "");
}

static void
test_clone_token(void **state)
{
	struct fixture *f = *state;

	assert_call(f, "admin.vm.Create.AppVM+tmpl", "dom0", "name=copy label=red", "");
	AUTO_FREE char *token = call_ok(f, "admin.vm.volume.CloneFrom+private", "work", "");
	assert_int_equal(strlen(token), 32);
	assert_true(text_only_has(token, ""));
	assert_call(f, "admin.vm.volume.CloneTo+private", "copy", token, "");
	assert_refused(f, "admin.vm.volume.CloneTo+private", "copy", token,
		"QubesVolumeCopyTokenNotFoundError",
		"'Token to clone volume of qube was not found'");
	/* Used up also when the copy was not possible. */
	AUTO_FREE char *second = call_ok(f, "admin.vm.volume.CloneFrom+private", "work", "");
	assert_refused(f, "admin.vm.volume.CloneTo+kernel", "copy", second, "StoragePoolException",
		"volume 'kernel' of 'copy' can not be changed");
	assert_refused(f, "admin.vm.volume.CloneTo+private", "copy", second,
		"QubesVolumeCopyTokenNotFoundError",
		"'Token to clone volume of qube was not found'");
}

static void
test_import(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *answer =
		call_ok(f, "internal.vm.volume.ImportBegin+private", "work", "1048576");
	AUTO_FREE char *data = xcalloc(1, 1048576);

	assert_true(text_starts_with(answer, "1048576 /"));
	memset(data, 'x', 1048576);
	assert_int_equal(write_file(strchr(answer, '/'), data, 1048576, 0600, NULL), 0);
	assert_call(f, "internal.vm.volume.ImportEnd+private", "work", "ok", "");
	AUTO_FREE char *info = call_ok(f, "admin.vm.volume.Info+private", "work", "");
	assert_null(strstr(info, "\nusage=0\n"));
	assert_null(strstr(info, "\npath=\n"));
	assert_refused(f, "internal.vm.volume.ImportEnd+private", "work", "ok", "QubesException",
		"Data import failed: none is under way");
	AUTO_FREE char *again = call_ok(f, "internal.vm.volume.ImportBegin+private", "work", "");
	assert_refused(f, "internal.vm.volume.ImportEnd+private", "work", "fail\nno 100% luck",
		"QubesException", "Data import failed: no 100%% luck");
	assert_int_equal(
		read_file(strchr(again, '/'), 4 << 20, &(char *){NULL}, &(size_t){0}, NULL), -1);
	assert_refused(f, "internal.vm.volume.ImportBegin+root", "work", "", "StoragePoolException",
		"volume 'work:root' can not be imported to: its content is not kept");
}

/* One raw import of as many bytes as the payload says, each of them the same. */
static void
import_bytes(struct fixture *f, const char *size, int byte)
{
	AUTO_FREE char *answer = call_ok(f, "internal.vm.volume.ImportBegin+private", "work", size);
	AUTO_FREE char *data = xcalloc(1, 1 << 20);
	size_t count = strtoul(answer, NULL, 10);

	assert_true(count <= 1 << 20);
	memset(data, byte, count);
	assert_int_equal(write_file(strchr(answer, '/'), data, count, 0600, NULL), 0);
	assert_call(f, "internal.vm.volume.ImportEnd+private", "work", "ok", "");
}

static void
test_states_and_snapshots(void **state)
{
	static const char states[] = "bulkhead.vm.volume.ListStates+private";
	struct fixture *f = *state;

	assert_call(f, states, "work", "", "");
	assert_call(f, "bulkhead.vm.volume.Work+private", "work", "", "");
	assert_refused(f, "bulkhead.vm.volume.ListStates+disk", "work", "", "PermissionDenied",
		"Argument not in 'work volumes'");
	assert_call(f, "bulkhead.vm.volume.ListStates+kernel", "work", "", "");
	assert_refused(f, "bulkhead.vm.volume.Snapshot+private", "work", "one",
		"StoragePoolException", "volume 'appvms/work/private' has no content yet");
	/* Smaller than it was: its size is that of the data. */
	import_bytes(f, "65536", 'a');
	AUTO_FREE char *info = call_ok(f, "admin.vm.volume.Info+private", "work", "");
	assert_non_null(strstr(info, "\nsize=65536\n"));
	assert_call(f, "bulkhead.vm.volume.Snapshot+private", "work", " one\n", "");
	assert_refused(f, "bulkhead.vm.volume.Snapshot+private", "work", "../x", "QubesValueError",
		"snapshot name '../x' is not valid: a letter, then up to 62 letters, digits and "
		"'-_.'");
	AUTO_FREE char *first = call_ok(f, states, "work", "");
	assert_true(text_starts_with(first, "id=1 kind=current time=2"));
	assert_non_null(strstr(first, " depth=1 name=one named=2"));
	import_bytes(f, "", 'b');
	import_bytes(f, "", 'c');
	assert_call(f, "admin.vm.volume.ListSnapshots+private", "work", "", "1\n2\n");
	assert_call(f, "admin.vm.volume.Revert+private", "work", "one", "");
	AUTO_FREE char *back = call_ok(f, states, "work", "");
	assert_non_null(strstr(back, "id=1 kind=current"));
	assert_non_null(strstr(back, "id=3 kind=revision"));
	assert_call(f, "admin.vm.volume.Revert+private", "work", "3", "");
	assert_refused(f, "bulkhead.vm.volume.Delete+private", "work", "3", "StoragePoolException",
		"state '3' is the content of volume 'appvms/work/private'");
	assert_call(f, "bulkhead.vm.volume.Delete+private", "work", "one", "");
	assert_refused(f, "admin.vm.volume.Revert+private", "work", "one",
		"QubesVolumeRevisionNotFoundError", "volume 'work:private' has no revision 'one'");
	assert_refused(f, "bulkhead.vm.volume.Delete+private", "work", "one",
		"QubesVolumeRevisionNotFoundError",
		"volume 'appvms/work/private' has no revision 'one'");
}

static void
test_resize_of_a_running_qube(void **state)
{
	struct fixture *f = *state;

	assert_call(f, "admin.vm.Start", "work", "", "");
	assert_call(f, "admin.vm.volume.Resize+private", "work", "4294967296", "");
	assert_string_equal(machines_resized, "work:private 4294967296");
	assert_refused(f, "admin.vm.volume.Resize+private", "work", "4294967295",
		"StoragePoolException",
		"volume 'appvms/work/private': shrinking is refused, because it destroys data: "
		"clone what is needed into a smaller volume instead");
	assert_call(f, "admin.vm.Pause", "work", "", "");
	assert_refused(f, "admin.vm.volume.Resize+private", "work", "5368709120",
		"StoragePoolException",
		"volume 'work:private' can be resized only while the qube is halted or running");
	AUTO_FREE char *info = call_ok(f, "admin.vm.volume.Info+private", "work", "");
	assert_non_null(strstr(info, "\nsize=4294967296\n"));
}

static void
test_disposables(void **state)
{
	struct fixture *f = *state;

	assert_refused(f, "admin.vm.CreateDisposable", "work", "", "QubesException",
		"Refusing to create disposable out of app qube which has "
		"template_for_dispvms=False");
	assert_call(f, "admin.vm.property.Set+template_for_dispvms", "work", "True", "");
	assert_call(f, "admin.vm.property.Set+memory", "work", "321", "");
	assert_call(f, "admin.vm.feature.Set+mark", "work", "here", "");
	assert_call(f, "admin.vm.tag.Set+kind", "work", "", "");
	assert_refused(f, "admin.vm.CreateDisposable", "work", "name", "ProtocolError",
		"Invalid payload, expected empty string or 'uuid'");
	assert_refused(f, "admin.vm.CreateDisposable+x", "work", "", "PermissionDenied",
		"Argument not in 'preload'");
	assert_refused(f, "admin.vm.CreateDisposable", "dom0", "", "QubesException",
		"'dom0' has no default disposable template");
	/* None is wanted, so that none is made. */
	assert_refused(f, "admin.vm.CreateDisposable+preload", "dom0", "", "QubesException",
		"'dom0' has no default disposable template");
	AUTO_FREE char *before = call_ok(f, "admin.vm.List", "dom0", "");
	assert_call(f, "admin.vm.CreateDisposable+preload", "work", "", "");
	assert_call(f, "admin.vm.List", "dom0", "", before);
	assert_call(f, "admin.property.Set+default_dispvm", "dom0", "work", "");
	AUTO_FREE char *by_default = call_ok(f, "admin.vm.CreateDisposable", "dom0", "uuid");
	assert_true(text_starts_with(by_default, "uuid:"));
	AUTO_FREE char *name = call_ok(f, "admin.vm.CreateDisposable", "work", "");
	assert_true(text_starts_with(name, "disp"));
	assert_call(f, "admin.vm.property.Get+memory", name, "", "default=False type=int 321");
	assert_call(
		f, "admin.vm.property.Get+auto_cleanup", name, "", "default=False type=bool True");
	assert_call(f, "admin.vm.property.Get+label", name, "", "default=False type=label blue");
	assert_call(f, "admin.vm.feature.Get+mark", name, "", "here");
	assert_call(f, "admin.vm.tag.List", name, "",
		"audiovm-dom0\ncreated-by-dom0\ndisp-created-by-dom0\nguivm-dom0\nkind\n");
	AUTO_FREE char *info = call_ok(f, "admin.vm.volume.Info+root", name, "");
	assert_non_null(strstr(info, "\nsource=vm-templates/tmpl/root\n"));
	/* Gone once it has stopped. */
	assert_call(f, "admin.vm.Start", name, "", "");
	assert_call(f, "admin.vm.Kill", name, "", "");
	fixture_settle(f);
	AUTO_FREE char *gone = text_format("No such domain: '%s'", name);
	assert_refused(f, "admin.vm.List", name, "", "QubesVMNotFoundError", gone);
	/* What is left of them when the daemon ends goes at its next start. */
	fixture_restart(f);
	fixture_settle(f);
	AUTO_FREE char *gone_too = text_format("No such domain: '%s'", by_default);
	assert_refused(f, "admin.vm.List", by_default, "", "QubesVMNotFoundError", gone_too);
}

static void
test_overview_and_system_info(void **state)
{
	struct fixture *f = *state;

	assert_call(f, "admin.vm.property.Set+kernelopts", "work", "a b\\c\nd", "");
	AUTO_FREE char *text = call_ok(f, "bulkhead.vm.Overview", "dom0",
		"memory\nkernelopts\ntemplate\nnetvm\nlabel\nbackup_timestamp\ntransport_rpc\n");
	assert_true(text_starts_with(text, "dom0 class=AdminVM state=Running uuid=00000000-0000-"
					   "0000-0000-000000000000 label=black\ntmpl class="));
	assert_non_null(strstr(text, " memory=400 kernelopts=a\\sb\\\\c\\nd template=tmpl netvm= "
				     "label=blue backup_timestamp=\n"));
	assert_refused(f, "bulkhead.vm.Overview", "dom0", "nothing", "QubesNoSuchPropertyError",
		"Invalid property 'nothing' of qubes");

	AUTO_FREE char *info = call_ok(f, "internal.GetSystemInfo", "dom0", "");
	assert_non_null(strstr(info, "{\"domains\": {\"dom0\": {\"internal\": null, \"tags\": [], "
				     "\"type\": \"AdminVM\", \"template_for_dispvms\": false, "
				     "\"default_dispvm\": null, \"icon\": \"adminvm-black\", "
				     "\"label\": \"0x000000\", \"guivm\": null, "));
	assert_non_null(strstr(info, "\"power_state\": \"Halted\""));
	assert_null(strstr(info, "\"mine\""));
	assert_call(f, "admin.vm.tag.Set+mine", "work", "", "");
	AUTO_FREE char *changed = call_ok(f, "internal.GetSystemInfo", "dom0", "");
	assert_non_null(strstr(changed, "\"mine\""));
}

/* Until a policy says otherwise only dom0 sees qubes. */
static void
test_other_callers(void **state)
{
	struct fixture *f = *state;
	static const char *const methods[] = {"admin.vm.List", "bulkhead.vm.Overview"};

	for (size_t i = 0; i < 2; i++) {
		AUTO_BUF struct buf answer;
		char request[64] = {0};

		(void)snprintf(request, sizeof(request), "%s work name dom0", methods[i]);
		fixture_exchange(f, false, request, strlen(request) + 1, &answer);
		assert_int_equal(buf_len(&answer), 2);
		assert_memory_equal(buf_data(&answer), "0\0", 2);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_create_refusals, start, fixture_stop),
		cmocka_unit_test_setup_teardown(test_create_and_remove, start, fixture_stop),
		cmocka_unit_test_setup_teardown(test_labels, start, fixture_stop),
		cmocka_unit_test_setup_teardown(test_features, start, fixture_stop),
		cmocka_unit_test_setup_teardown(test_tags, start, fixture_stop),
		cmocka_unit_test_setup_teardown(test_power, start, fixture_stop),
		cmocka_unit_test_setup_teardown(test_volumes, start, fixture_stop),
		cmocka_unit_test_setup_teardown(test_clone_token, start, fixture_stop),
		cmocka_unit_test_setup_teardown(test_import, start, fixture_stop),
		cmocka_unit_test_setup_teardown(test_states_and_snapshots, start, fixture_stop),
		cmocka_unit_test_setup_teardown(test_resize_of_a_running_qube, start, fixture_stop),
		cmocka_unit_test_setup_teardown(test_disposables, start, fixture_stop),
		cmocka_unit_test_setup_teardown(test_overview_and_system_info, start, fixture_stop),
		cmocka_unit_test_setup_teardown(test_other_callers, start, fixture_stop),
	};

	return cmocka_run_group_tests_name("api qubes", tests, root_create, root_remove);
}
