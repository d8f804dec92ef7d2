/*
 * The policy that ships, against the table of services (spec guest.md 1B.2): what it says to each
 * service, from a qube, a template and dom0, to each kind of target.
 */
#include "../base/cmocka_all.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "base/path.h"
#include "base/text.h"
#include "fixture.h"
#include "qrexec/policy/files.h"

static char root[] = "/tmp/bulkhead-test-defpol-XXXXXX";
static struct policy_view *view;

/* POLICY_SOURCE is the folder of the files that ship; the other directories are empty. */
static int
set_up(void **state)
{
	struct policy_directories directories;
	struct policy_facts *facts = fixture_facts();
	struct policy_files files;
	struct policy_loader loader;
	struct policy *policy;

	if (mkdtemp(root) == NULL)
		return -1;
	directories.path[POLICY_RUNTIME] = text_copy(root);
	directories.path[POLICY_SYSTEM] = text_copy(POLICY_SOURCE);
	directories.path[POLICY_LEGACY] = text_copy(root);
	policy_files_init(&files, &directories);
	loader = policy_files_loader(&files);
	policy = policy_compile(&loader);
	if (policy_error(policy) != NULL)
		print_error("%s\n", policy_error(policy));
	view = policy_view_create(policy, facts);
	policy_unref(policy);
	policy_facts_unref(facts);
	policy_files_finish(&files);
	policy_directories_finish(&directories);
	return 0;
}

static int
tear_down(void **state)
{
	policy_view_unref(view);
	return remove_tree(root, NULL);
}

/* A letter for each target: a(llow), A(sk), - (deny). Targets: a qube, dom0, @dispvm, @default. */
static const struct {
	const char *service, *from_work;
} table[] = {
	{"qubes.Filecopy", "A-AA"},
	{"qubes.Filecopy+allow-all-names", "A-AA"},
	{"qubes.OpenInVM", "A-aA"},
	{"qubes.OpenURL", "A-aA"},
	{"qubes.StartApp+x", "A-aA"},
	{"qubes.VMShell", "--a-"},
	{"qubes.VMShell+WaitForSession", "--a-"},
	{"qubes.VMRootShell", "----"},
	{"qubes.VMExec+ls", "--a-"},
	{"qubes.VMExecGUI+ls", "--a-"},
	{"qubes.VMRootExec+ls", "----"},
	{"qubes.GetAppmenus", "----"},
	{"qubes.SyncAppMenus", "-a--"},
	{"qubes.WaitForSession", "----"},
	{"qubes.GetRandomizedTime", "-a--"},
	{"qubes.SetDateTime", "----"},
	{"qubes.FeaturesRequest", "-a--"},
	{"qubes.NotifyTools", "-a--"},
	{"qubes.NotifyUpdates", "-a--"},
	{"qubes.ReceiveUpdates", "----"},
	{"qubes.UpdatesProxy", "----"},
	{"qubes.ConnectTCP+22", "----"},
	{"qubes.Gpg", "A-AA"},
	{"qubes.GpgImportKey", "A-AA"},
	{"qubes.Gpg2", "----"},
	{"qubes.SshAgent+k", "----"},
	{"qubes.PdfConvert", "--a-"},
	{"qubes.GetImageRGBA", "A-aA"},
	{"qubes.InputMouse", "----"},
	{"qubes.InputKeyboard", "----"},
	{"qubes.InputTablet", "----"},
	{"qubes.USB+1-1", "----"},
	{"qubes.Backup", "----"},
	{"qubes.Restore", "----"},
	{"qubes.RestoreById+x", "----"},
	{"qubes.ClipboardPaste", "A-AA"},
	{"admin.vm.List", "----"},
	{"admin.vm.Start", "----"},
	{"admin.vm.property.GetAll", "----"},
	{"policy.List", "----"},
	{"policy.Replace+x", "----"},
	{"policy.Ask", "----"},
	{"any.Other", "----"},
};

static char
letter(const char *source, const char *target, const char *service)
{
	AUTO_DECISION struct policy_decision d = POLICY_DECISION_INIT;

	fixture_evaluate(view, source, target, service, &d);
	return d.result == POLICY_ALLOW ? 'a' : d.result == POLICY_ASK ? 'A' : '-';
}

static void
the_table_holds(void **state)
{
	static const char *const targets[] = {"red", "dom0", "@dispvm", "@default"};

	assert_null(policy_error(policy_view_policy(view)));
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		for (size_t j = 0; j < 4; j++) {
			char given = letter("work", targets[j], table[i].service);

			if (given != table[i].from_work[j])
				fail_msg("%s to %s: %c", table[i].service, targets[j], given);
		}
	}
}

static void
the_time_comes_from_dom0(void **state)
{
	AUTO_DECISION struct policy_decision d = POLICY_DECISION_INIT;

	fixture_evaluate(view, "work", "@default", "qubes.GetDate", &d);
	assert_int_equal(d.result, POLICY_ALLOW);
	assert_int_equal(d.target.qube, policy_facts_dom0(policy_view_facts(view)));
}

static void
pasting_from_dom0_can_be_confirmed(void **state)
{
	assert_int_equal(letter("dom0", "work", "qubes.ClipboardPaste"), 'A');
	assert_int_equal(letter("work", "dom0", "qubes.ClipboardPaste"), '-');
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_holds),
		cmocka_unit_test(the_time_comes_from_dom0),
		cmocka_unit_test(pasting_from_dom0_can_be_confirmed),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
