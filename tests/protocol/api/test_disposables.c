/*
 * Disposables in trouble: made by a process that ends, by a qube that wants too many, out of a
 * template that is none any more, and the removal that fails. Nothing of one may stay.
 */
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "admin/api/disposable_logs.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/path.h"
#include "base/socket.h"
#include "base/text.h"
#include "cmocka_all.h"
#include "fixture.h"

#define STEPS_MAX 600

static bool
is_call_daemon(pid_t pid, void *data)
{
	(void)data;
	return pid > 0;
}

/* Whoever connects counts as a qube's qrexec-daemon. */
static const struct api_config call_daemons = {.is_call_daemon = is_call_daemon};

static int
start(void **state)
{
	struct fixture *f;
	int result = fixture_start(state);

	f = *state;
	log_set_level(LOG_LEVEL_ERROR);
	assert_call(f, "admin.vm.Create.TemplateVM", "dom0", "name=tmpl label=black", "");
	assert_call(f, "admin.vm.Create.AppVM+tmpl", "dom0", "name=dvm label=orange", "");
	assert_call(f, "admin.vm.Create.AppVM+tmpl", "dom0", "name=work label=blue", "");
	assert_call(f, "admin.vm.property.Set+template_for_dispvms", "dvm", "True", "");
	return result;
}

static bool
is_there(const struct fixture *f, const char *name)
{
	return app_find_qube(f->app, name) != NULL;
}

static void
await_gone(struct fixture *f, const char *name)
{
	for (int i = 0; i < STEPS_MAX && is_there(f, name); i++)
		(void)loop_step(f->loop, 50);
	assert_false(is_there(f, name));
}

static unsigned int
count_disposables(const struct fixture *f)
{
	const struct qube *q;
	unsigned int count = 0;
	size_t i;

	app_for_each_qube(f->app, i, q) count += q->class == CLASS_DISP;
	return count;
}

static unsigned int
count_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned int count = 0;

	assert_non_null(directory);
	while (readdir(directory) != NULL)
		count++;
	closedir(directory);
	return count;
}

/* A daemon that makes one disposable after the other costs no more than one that makes none. */
static void
those_that_have_gone_cost_nothing(void **state)
{
	struct fixture *f = *state;
	unsigned int before;

	fixture_restart_with(f, &call_daemons);
	fixture_settle(f);
	before = count_descriptors();
	for (int i = 0; i < 20; i++) {
		AUTO_FREE char *name = call_ok(f, "admin.vm.CreateDisposable", "dvm", "");

		assert_call(f, "admin.vm.Start", name, "", "");
		assert_call(f, "admin.vm.Kill", name, "", "");
		await_gone(f, name);
	}
	assert_int_equal(count_descriptors(), before);
}

/* Asks for a disposable, and lives until it is killed. */
static pid_t
start_owner(void)
{
	static const char request[] = "admin.vm.CreateDisposable dom0 name dvm";
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		AUTO_FREE char *path = root_path(API_SOCKET);
		char byte;
		int fd = socket_connect(path, NULL);

		if (fd < 0 || write_all(fd, request, sizeof(request)) < 0)
			_exit(1);
		(void)shutdown(fd, SHUT_WR);
		while (read(fd, &byte, 1) > 0)
			;
		for (;;)
			(void)pause();
	}
	return pid;
}

static void
end_owner(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static const struct qube *
await_disposable(struct fixture *f)
{
	const struct qube *q;
	size_t i;

	for (int step = 0; step < STEPS_MAX; step++) {
		(void)loop_step(f->loop, 50);
		app_for_each_qube(f->app, i, q)
		{
			if (q->class == CLASS_DISP && qube_feature(q, "bulkhead-owner") != NULL)
				return q;
		}
	}
	fail_msg("no disposable");
	return NULL;
}

static void
one_goes_with_the_process_that_made_it(void **state)
{
	struct fixture *f = *state;

	for (int runs = 0; runs < 2; runs++) {
		AUTO_FREE char *name = NULL;
		pid_t owner;

		fixture_restart_with(f, &call_daemons);
		owner = start_owner();
		name = text_copy(await_disposable(f)->name);
		if (runs == 1)
			assert_call(f, "admin.vm.Start", name, "", "");
		fixture_settle(f);
		assert_true(is_there(f, name));
		end_owner(owner);
		await_gone(f, name);
	}
}

static void
one_whose_maker_went_while_no_daemon_watched_goes_at_its_start(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *name = NULL;
	pid_t owner;

	fixture_restart_with(f, &call_daemons);
	owner = start_owner();
	name = text_copy(await_disposable(f)->name);
	end_owner(owner);
	fixture_restart(f);
	await_gone(f, name);
}

/* As on a full disk, or while something refers to it: it is tried again until it has gone. */
static void
a_removal_that_failed_is_tried_again(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *name = call_ok(f, "admin.vm.CreateDisposable", "dvm", "");

	assert_call(f, "admin.vm.property.Set+installed_by_rpm", name, "True", "");
	assert_call(f, "admin.vm.Start", name, "", "");
	assert_call(f, "admin.vm.Kill", name, "", "");
	fixture_settle(f);
	assert_true(is_there(f, name));
	assert_call(f, "admin.vm.property.Set+installed_by_rpm", name, "False", "");
	await_gone(f, name);
}

static void
a_qube_can_not_use_up_all_numbers(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < API_QUBE_DISPOSABLES_MAX; i++)
		free(call_ok_from(f, "work", "admin.vm.CreateDisposable", "dvm", ""));
	assert_refused_from(f, "work", "admin.vm.CreateDisposable", "dvm", "", "QubesException",
		"'work' has 128 disposables already");
	assert_int_equal(count_disposables(f), API_QUBE_DISPOSABLES_MAX);
	/* Others can still have theirs, and so can it when one has gone. */
	free(call_ok(f, "admin.vm.CreateDisposable", "dvm", ""));
	free(call_ok_from(f, "tmpl", "admin.vm.CreateDisposable", "dvm", ""));
}

static void
which_template_is_said_or_known(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *first = NULL, *nested = NULL;

	assert_refused_from(f, "work", "admin.vm.CreateDisposable", "dom0", "", "QubesException",
		"'work' has no default disposable template");
	assert_refused_from(f, "work", "admin.vm.CreateDisposable", "tmpl", "", "QubesException",
		"Refusing to create disposable out of app qube which has "
		"template_for_dispvms=False");
	assert_refused_from(f, "work", "admin.vm.CreateDisposable", "nobody", "",
		"QubesVMNotFoundError", "No such domain: 'nobody'");
	assert_int_equal(count_disposables(f), 0);
	/* A disposable's own disposables are of its template, and none of its kin. */
	first = call_ok(f, "admin.vm.CreateDisposable", "dvm", "");
	nested = call_ok_from(f, first, "admin.vm.CreateDisposable", "dom0", "");
	assert_call(f, "admin.vm.property.Get+template", nested, "", "default=False type=vm dvm");
	assert_refused(f, "admin.vm.CreateDisposable", first, "", "QubesException",
		"Refusing to create disposable out of app qube which has "
		"template_for_dispvms=False");
	/* What made it may go first. */
	assert_call(f, "admin.vm.Remove", first, "", "");
	assert_true(is_there(f, nested));
}

static void
a_template_stays_one_while_it_has_disposables(void **state)
{
	static const char in_use[] =
		"The qube is still used for disposables, change 'default_dispvm', "
		"'management_dispvm' or 'template' of others first";
	struct fixture *f = *state;
	AUTO_FREE char *name = call_ok(f, "admin.vm.CreateDisposable", "dvm", "");

	assert_call(f, "admin.vm.Start", name, "", "");
	assert_refused(f, "admin.vm.property.Set+template_for_dispvms", "dvm", "False",
		"QubesVMInUseError", in_use);
	assert_refused(f, "admin.vm.property.Reset+template_for_dispvms", "dvm", "",
		"QubesVMInUseError", in_use);
	assert_refused(f, "admin.vm.property.Set+template", "dvm", "tmpl", "QubesVMInUseError",
		"Cannot change template while its disposables are running");
	assert_refused(f, "admin.vm.Remove", "dvm", "", "QubesVMInUseError",
		"Domain is in use: 'dvm';  see 'journalctl -u qubesd -e' in dom0 for details");
	assert_call(f, "admin.vm.Kill", name, "", "");
	await_gone(f, name);
	assert_call(f, "admin.vm.property.Set+template_for_dispvms", "dvm", "False", "");
	assert_refused(f, "admin.vm.CreateDisposable", "dvm", "", "QubesException",
		"Refusing to create disposable out of app qube which has "
		"template_for_dispvms=False");
	assert_call(f, "admin.vm.Remove", "dvm", "", "");
}

/* Where the template has nothing of its own, the disposable has the same default. */
static void
a_disposable_has_what_its_template_has(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *plain = NULL, *wired = NULL, *cut = NULL;

	assert_call(f, "admin.vm.Create.AppVM+tmpl", "dom0", "name=net label=red", "");
	assert_call(f, "admin.vm.property.Set+provides_network", "net", "True", "");
	plain = call_ok(f, "admin.vm.CreateDisposable", "dvm", "");
	assert_call(f, "admin.vm.property.Get+netvm", plain, "", "default=True type=vm ");
	assert_call(f, "admin.vm.property.Get+label", plain, "", "default=False type=label orange");
	assert_call(f, "admin.vm.property.Set+netvm", "dvm", "net", "");
	wired = call_ok(f, "admin.vm.CreateDisposable", "dvm", "");
	assert_call(f, "admin.vm.property.Get+netvm", wired, "", "default=False type=vm net");
	assert_call(f, "admin.vm.property.Get+netvm", plain, "", "default=True type=vm ");
	/* None is a value too: not the default netvm. */
	assert_call(f, "admin.vm.property.Set+netvm", "net", "", "");
	assert_call(f, "admin.property.Set+default_netvm", "dom0", "net", "");
	assert_call(f, "admin.vm.property.Set+netvm", "dvm", "", "");
	cut = call_ok(f, "admin.vm.CreateDisposable", "dvm", "");
	assert_call(f, "admin.vm.property.Get+netvm", cut, "", "default=False type=vm ");
}

static void
write_log(const char *file)
{
	AUTO_FREE char *directory = root_path("/var/log/qubes");
	AUTO_FREE char *path = path_join(directory, file);

	assert_int_equal(make_directories(directory, 0755, NULL), 0);
	assert_int_equal(write_file(path, "x\n", 2, 0640, NULL), 0);
}

static bool
log_is_there(const char *file)
{
	AUTO_FREE char *path = root_path("/var/log/qubes/%s", file);

	return access(path, F_OK) == 0;
}

static void
logs_go_with_a_disposable(void **state)
{
	static const char *const names[] = {
		"guest-%s.log", "guest-%s.log.old", "qrexec.%s.log", "vchan.%s.log", "guid.%s.log"};
	static const char *const others[] = {"guest-work.log", "guest-x-disp7.log",
		"guest-disp.log", "qrexec-policy-daemon.log", "bulkheadd.log"};
	struct fixture *f = *state;
	AUTO_FREE char *name = call_ok(f, "admin.vm.CreateDisposable", "dvm", "");

	for (size_t i = 0; i < 5; i++) {
		AUTO_BUF struct buf text;
		AUTO_FREE char *file = NULL;

		buf_init(&text, 256);
		assert_int_equal(buf_put(&text, names[i], strcspn(names[i], "%")), 0);
		assert_int_equal(buf_printf(&text, "%s%s", name, strchr(names[i], '%') + 2), 0);
		file = buf_steal_string(&text);
		write_log(file);
		write_log(others[i]);
	}
	assert_call(f, "admin.vm.Start", name, "", "");
	assert_call(f, "admin.vm.Kill", name, "", "");
	await_gone(f, name);
	AUTO_FREE char *guest = text_format("guest-%s.log", name);
	AUTO_FREE char *old = text_format("guest-%s.log.old", name);
	AUTO_FREE char *calls = text_format("qrexec.%s.log", name);
	AUTO_FREE char *link = text_format("vchan.%s.log", name);
	AUTO_FREE char *windows = text_format("guid.%s.log", name);
	assert_false(log_is_there(guest) || log_is_there(old) || log_is_there(calls) ||
		     log_is_there(link) || log_is_there(windows));
	for (size_t i = 0; i < 5; i++)
		assert_true(log_is_there(others[i]));
}

static void
logs_of_those_that_are_not_there_go_at_the_start(void **state)
{
	struct fixture *f = *state;

	assert_call(f, "admin.vm.Create.AppVM+tmpl", "dom0", "name=disp5 label=red", "");
	write_log("guest-disp5.log");
	write_log("guest-disp6.log");
	write_log("guest-disp6x.log");
	fixture_restart(f);
	assert_true(log_is_there("guest-disp5.log"));
	assert_false(log_is_there("guest-disp6.log"));
	assert_true(log_is_there("guest-disp6x.log"));
}

/* The error of a start names the log: it is there, for the last few. */
static void
logs_of_failed_starts_stay_a_while(void **state)
{
	struct fixture *f = *state;
	struct disposable_logs logs = {0};

	for (int i = 0; i <= DISPOSABLE_LOGS_KEPT; i++) {
		AUTO_FREE char *name = text_format("disp%d", i);
		AUTO_FREE char *file = text_format("guest-%s.log", name);

		write_log(file);
		disposable_logs_forget(&logs, f->app, name, true);
		assert_true(log_is_there(file));
	}
	assert_false(log_is_there("guest-disp0.log"));
	assert_true(log_is_there("guest-disp1.log"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			those_that_have_gone_cost_nothing, start, fixture_stop),
		cmocka_unit_test_setup_teardown(
			one_goes_with_the_process_that_made_it, start, fixture_stop),
		cmocka_unit_test_setup_teardown(
			one_whose_maker_went_while_no_daemon_watched_goes_at_its_start, start,
			fixture_stop),
		cmocka_unit_test_setup_teardown(
			a_removal_that_failed_is_tried_again, start, fixture_stop),
		cmocka_unit_test_setup_teardown(
			a_qube_can_not_use_up_all_numbers, start, fixture_stop),
		cmocka_unit_test_setup_teardown(
			which_template_is_said_or_known, start, fixture_stop),
		cmocka_unit_test_setup_teardown(
			a_template_stays_one_while_it_has_disposables, start, fixture_stop),
		cmocka_unit_test_setup_teardown(
			a_disposable_has_what_its_template_has, start, fixture_stop),
		cmocka_unit_test_setup_teardown(logs_go_with_a_disposable, start, fixture_stop),
		cmocka_unit_test_setup_teardown(
			logs_of_those_that_are_not_there_go_at_the_start, start, fixture_stop),
		cmocka_unit_test_setup_teardown(
			logs_of_failed_starts_stay_a_while, start, fixture_stop),
	};

	return cmocka_run_group_tests_name("api disposables", tests, root_create, root_remove);
}
