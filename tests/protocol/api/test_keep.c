/*
 * Disposables that are kept (docs/admin-api-extensions.md): what is asked, and what becomes of it,
 * with real volumes that qemu-io writes to in the place of a machine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "admin/storage/image.h"
#include "base/child.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"
#include "cmocka_all.h"
#include "fixture.h"

#define STEPS_MAX 2000

/* What is there after a crash: exit statuses. */
#define STATUS_KEPT 71
#define STATUS_GONE 72

static int
start(void **state)
{
	struct fixture *f;
	int result = fixture_start(state);

	f = *state;
	assert_call(f, "admin.vm.Create.TemplateVM", "dom0", "name=tmpl label=black", "");
	assert_call(f, "admin.vm.Create.AppVM+tmpl", "dom0", "name=dvm label=red", "");
	assert_call(f, "admin.vm.property.Set+template_for_dispvms", "dvm", "True", "");
	assert_call(f, "admin.vm.property.Set+memory", "dvm", "321", "");
	assert_call(f, "admin.vm.feature.Set+mark", "dvm", "here", "");
	assert_call(f, "admin.vm.tag.Set+kind", "dvm", "", "");
	return result;
}

static void
handle_started(void *data, struct disk_images *images, const struct err *err)
{
	assert_null(err);
	disk_images_destroy(images);
	*(bool *)data = true;
}

static void
handle_done(void *data, const struct err *err)
{
	assert_null(err);
	*(bool *)data = true;
}

static void
step_until(struct fixture *f, const bool *done)
{
	for (int i = 0; i < STEPS_MAX && !*done; i++)
		(void)loop_step(f->loop, 100);
	assert_true(*done);
}

/* The image of a volume, as it is now. */
static char *
image_path(struct fixture *f, const char *qube, const char *volume)
{
	AUTO_FREE char *method = text_format("admin.vm.volume.Info+%s", volume);
	AUTO_FREE char *info = call_ok(f, method, qube, "");
	const char *path = strstr(info, "\npath=");

	assert_non_null(path);
	path += strlen("\npath=");
	return text_format("%.*s", (int)strcspn(path, "\n"), path);
}

/* qemu-io on an image: whether the command did what it says. */
static bool
io(const char *path, const char *command)
{
	const char *const argv[] = {"qemu-io", "-f", "qcow2", "-c", command, path, NULL};
	struct child_config config = CHILD_CONFIG_INIT;
	AUTO_FREE char *output = NULL;
	AUTO_ERR struct err err = ERR_INIT;
	int status;

	config.argv = argv;
	status = child_run(&config, 4096, &output, &err);
	if (status < 0)
		fail_msg("%s", err_message(&err));
	return status == 0 && strstr(output, "Pattern verification failed") == NULL;
}

/* A disposable that runs and has written to two of its disks. */
static char *
new_disposable(struct fixture *f)
{
	char *name = call_ok(f, "admin.vm.CreateDisposable", "dvm", "");
	bool started = false;

	storage_start(f->storage, name, handle_started, &started);
	step_until(f, &started);
	AUTO_FREE char *private = image_path(f, name, "private");
	AUTO_FREE char *root = image_path(f, name, "root");
	assert_true(io(private, "write -P 7 1M 64k"));
	assert_true(io(root, "write -P 8 1M 64k"));
	assert_call(f, "admin.vm.Start", name, "", "");
	return name;
}

/* Its machine ends, as the lifecycle would have it. */
static void
end(struct fixture *f, const char *name)
{
	bool stopped = false;

	storage_stop(f->storage, name, handle_done, &stopped);
	step_until(f, &stopped);
	assert_call(f, "admin.vm.Kill", name, "", "");
}

static bool
exists(struct fixture *f, const char *name)
{
	return app_find_qube(f->app, name) != NULL;
}

static void
await_gone(struct fixture *f, const char *name)
{
	for (int i = 0; i < STEPS_MAX && exists(f, name); i++)
		(void)loop_step(f->loop, 20);
	assert_false(exists(f, name));
}

static void
test_app(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *name = new_disposable(f);

	assert_call(f, "bulkhead.vm.Keep+mine", name, "", "");
	end(f, name);
	await_gone(f, name);
	assert_call(f, "admin.vm.property.Get+klass", "mine", "", "default=True type=str AppVM");
	assert_call(f, "admin.vm.property.Get+template", "mine", "", "default=False type=vm tmpl");
	assert_call(f, "admin.vm.property.Get+label", "mine", "", "default=False type=label red");
	assert_call(f, "admin.vm.property.Get+memory", "mine", "", "default=False type=int 321");
	assert_call(f, "admin.vm.feature.List", "mine", "", "mark\n");
	assert_call(f, "admin.vm.tag.List", "mine", "",
		"audiovm-dom0\ncreated-by-dom0\nguivm-dom0\nkind\n");
	AUTO_FREE char *private = image_path(f, "mine", "private");
	assert_true(io(private, "read -P 7 1M 64k"));
	assert_true(io(private, "read -P 0 2M 64k"));
	AUTO_FREE char *info = call_ok(f, "admin.vm.volume.Info+root", "mine", "");
	assert_non_null(strstr(info, "\nsource=vm-templates/tmpl/root\n"));
	/* It needs nothing of what it came from. */
	AUTO_FREE char *left = root_path("/var/lib/qubes/appvms/%s", name);
	fixture_restart(f);
	fixture_settle(f);
	for (int i = 0; i < STEPS_MAX && access(left, F_OK) == 0; i++)
		(void)loop_step(f->loop, 20);
	assert_int_equal(access(left, F_OK), -1);
	assert_call(f, "admin.vm.Remove", "dvm", "", "");
	assert_call(f, "admin.vm.Start", "mine", "", "");
	assert_call(f, "admin.vm.Kill", "mine", "", "");
}

static void
test_standalone(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *name = NULL;

	assert_call(f, "admin.vm.feature.Set+qrexec", "tmpl", "1", "");
	assert_call(f, "admin.vm.property.Set+default_user", "tmpl", "someone", "");
	name = new_disposable(f);
	assert_call(f, "bulkhead.vm.Keep+whole", name, "class=StandaloneVM", "");
	end(f, name);
	await_gone(f, name);
	assert_call(f, "admin.vm.property.Get+klass", "whole", "",
		"default=True type=str StandaloneVM");
	assert_call(f, "admin.vm.feature.Get+qrexec", "whole", "", "1");
	assert_call(f, "admin.vm.property.Get+default_user", "whole", "",
		"default=False type=str someone");
	AUTO_FREE char *root = image_path(f, "whole", "root");
	AUTO_FREE char *private = image_path(f, "whole", "private");
	assert_true(io(root, "read -P 8 1M 64k"));
	assert_true(io(private, "read -P 7 1M 64k"));
}

/* The wish, and what was written, outlive the daemon at any time. */
static void
test_restart(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *name = new_disposable(f);

	assert_call(f, "bulkhead.vm.Keep+mine", name, "", "");
	/* Its machine dies with the daemon: the disks are settled by the next one. */
	fixture_restart(f);
	await_gone(f, name);
	AUTO_FREE char *private = image_path(f, "mine", "private");
	assert_true(io(private, "read -P 7 1M 64k"));
}

static void
test_cancel(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *name = new_disposable(f);
	AUTO_FREE char *refusal = text_format("'%s' is not to be kept", name);

	assert_refused(f, "bulkhead.vm.Keep", name, "", "QubesValueError", refusal);
	assert_call(f, "bulkhead.vm.Keep+mine", name, "", "");
	assert_call(f, "bulkhead.vm.Keep", name, "", "");
	assert_refused(f, "bulkhead.vm.Keep", name, "", "QubesValueError", refusal);
	end(f, name);
	await_gone(f, name);
	assert_false(exists(f, "mine"));
}

/* It does not run again before it has been copied, and does not go under a request about it. */
static void
test_meanwhile(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *name = new_disposable(f);
	struct qube *q = app_find_qube(f->app, name);

	assert_call(f, "bulkhead.vm.Keep+mine", name, "", "");
	assert_call(f, "admin.vm.feature.Get+prohibit-start", name, "", "it is to be kept");
	assert_call(f, "bulkhead.vm.Keep", name, "", "");
	assert_string_equal(qube_feature(q, "mark"), "here");
	assert_null(qube_feature(q, "prohibit-start"));
	assert_call(f, "bulkhead.vm.Keep+mine", name, "", "");
	end(f, name);
	for (int i = 0; i < STEPS_MAX && !exists(f, "mine"); i++)
		(void)loop_step(f->loop, 20);
	/* As a request does that takes its time. */
	qube_pin(q);
	for (int i = 0; i < 50; i++)
		(void)loop_step(f->loop, 20);
	assert_true(exists(f, name));
	qube_unpin(q);
	await_gone(f, name);
	assert_null(qube_feature(app_find_qube(f->app, "mine"), "prohibit-start"));
}

static void
test_refusals(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *name = new_disposable(f);
	AUTO_FREE char *other = new_disposable(f);
	AUTO_FREE char *halted = call_ok(f, "admin.vm.CreateDisposable", "dvm", "");
	AUTO_FREE char *powered_off = text_format("Domain is powered off: '%s'", halted);

	assert_refused(f, "bulkhead.vm.Keep+mine", "dvm", "", "QubesValueError",
		"'dvm' is not removed at its shutdown: there is nothing to keep");
	assert_refused(
		f, "bulkhead.vm.Keep+mine", halted, "", "QubesVMNotStartedError", powered_off);
	assert_refused(f, "bulkhead.vm.Keep+1st", name, "", "QubesValueError",
		"VM name cannot start with hyphen, underscore, dot or numbers");
	assert_refused(f, "bulkhead.vm.Keep+disp12", name, "", "QubesValueError",
		"'disp12' is a name of unnamed disposables");
	assert_refused(f, "bulkhead.vm.Keep+dvm", name, "", "QubesVMAlreadyExistsError",
		"Qube already exists: dvm");
	assert_refused(f, "bulkhead.vm.Keep+mine", name, "class=TemplateVM", "ProtocolError",
		"Payload must be empty, 'class=AppVM' or 'class=StandaloneVM'");
	assert_call(f, "bulkhead.vm.Keep+mine", name, "", "");
	/* The name is spoken for; the same wish again is fine, and so is another. */
	assert_refused(f, "bulkhead.vm.Keep+mine", other, "", "QubesVMAlreadyExistsError",
		"Qube already exists: mine");
	assert_refused(f, "admin.vm.Create.AppVM+tmpl", "dom0", "name=mine label=red",
		"QubesVMAlreadyExistsError", "Qube already exists: mine");
	assert_call(f, "bulkhead.vm.Keep+mine", name, "", "");
	assert_call(f, "bulkhead.vm.Keep+mine", name, "class=StandaloneVM", "");
	assert_call(f, "bulkhead.vm.Keep+yours", name, "", "");
	assert_call(f, "bulkhead.vm.Keep+mine", other, "", "");
	/* Nobody says so behind its back. */
	assert_refused(f, "admin.vm.feature.Set+bulkhead-keep", other, "dvm AppVM dom0",
		"PermissionDenied",
		"changing this feature is prohibited by qubes.ext.admin.AdminExtension");
	assert_call(f, "admin.vm.property.Set+ephemeral", "dvm", "True", "");
	AUTO_FREE char *traceless = call_ok(f, "admin.vm.CreateDisposable", "dvm", "");
	AUTO_FREE char *reason = text_format(
		"'%s' is ephemeral: nothing of it is on the disk that could be kept", traceless);
	assert_call(f, "admin.vm.Start", traceless, "", "");
	assert_refused(f, "bulkhead.vm.Keep+third", traceless, "", "QubesVMError", reason);
}

/* It can not be kept: it stays, with what it wrote, and the next wish is carried out. */
static void
test_failure(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *name = new_disposable(f);
	AUTO_FREE char *directory = root_path("/var/lib/qubes/appvms/mine");

	/* Nobody can make an image there. */
	assert_int_equal(write_file(directory, "", 0, 0600, NULL), 0);
	assert_call(f, "bulkhead.vm.Keep+mine", name, "", "");
	end(f, name);
	fixture_settle(f);
	assert_true(exists(f, name));
	for (int i = 0; i < STEPS_MAX && exists(f, "mine"); i++)
		(void)loop_step(f->loop, 20);
	assert_false(exists(f, "mine"));
	assert_call(f, "bulkhead.vm.Keep+second", name, "", "");
	await_gone(f, name);
	AUTO_FREE char *private = image_path(f, "second", "private");
	assert_true(io(private, "read -P 7 1M 64k"));
}

static void
test_events(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *name = new_disposable(f);
	struct event_log log;

	event_log_open(&log, f, "dom0");
	assert_call(f, "bulkhead.vm.Keep+mine", name, "", "");
	AUTO_FREE char *marked = event_log_take(&log);
	assert_non_null(strstr(marked, "domain-feature-set:bulkhead-keep"));
	end(f, name);
	await_gone(f, name);
	AUTO_FREE char *text = event_log_take(&log);
	const char *add = strstr(text, "domain-add vm=mine\n");
	AUTO_FREE char *going = text_format("domain-delete vm=%s\n", name);
	AUTO_FREE char *kept = text_format("mine domain-kept from=%s\n", name);
	assert_non_null(add);
	assert_non_null(strstr(add, kept));
	assert_non_null(strstr(strstr(add, kept), going));
	event_log_close(&log);
}

/* --- killed between any two steps --- */

static void
run_to_the_end(void)
{
	void *state;
	struct fixture *f;

	(void)start(&state);
	f = state;
	AUTO_FREE char *name = new_disposable(f);
	assert_call(f, "bulkhead.vm.Keep+mine", name, "class=StandaloneVM", "");
	end(f, name);
	await_gone(f, name);
	(void)fixture_stop(&state);
}

/* Its qubes after a start of the daemon: all of one, or all of the other. */
static void
verify_after_crash(void)
{
	struct fixture f = {0};
	struct qube *q;
	size_t i, disposables = 1;

	fixture_resume(&f);
	for (int step = 0; step < STEPS_MAX && disposables > 0; step++) {
		(void)loop_step(f.loop, 20);
		disposables = 0;
		app_for_each_qube(f.app, i, q) disposables += q->class == CLASS_DISP;
	}
	assert_int_equal(disposables, 0);
	/* Before the wish was stored there was none. */
	if (exists(&f, "mine")) {
		AUTO_FREE char *private = image_path(&f, "mine", "private");
		AUTO_FREE char *root = image_path(&f, "mine", "root");
		assert_true(io(private, "read -P 7 1M 64k"));
		assert_true(io(root, "read -P 8 1M 64k"));
		assert_call(&f, "admin.vm.Start", "mine", "", "");
		assert_refused(&f, "admin.vm.feature.Get+prohibit-start", "mine", "",
			"QubesFeatureNotFoundError",
			"Feature not set for domain mine: prohibit-start");
		_exit(STATUS_KEPT);
	}
	_exit(STATUS_GONE);
}

/* In a process of its own, as crash points are set by the environment. */
static int
run_apart(void (*function)(void), const char *variable, const char *value)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		if (variable != NULL)
			(void)setenv(variable, value, 1);
		function();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void
test_crashes(void **state)
{
	AUTO_FREE char *list = root_path("/crash-points");
	AUTO_FREE char *points = NULL;
	char *rest, *point;
	size_t tried = 0, kept = 0;

	(void)state;
	assert_int_equal(run_apart(run_to_the_end, "BULKHEAD_CRASH_LIST", list), 0);
	assert_int_equal(read_file(list, 65536, &points, NULL, NULL), 0);
	rest = points;
	while ((point = strsep(&rest, "\n")) != NULL) {
		int outcome;

		/* The others are those of creation and of storage, which have tests of their own.
		 */
		if (!text_starts_with(point, "keep:"))
			continue;
		assert_int_equal(run_apart(run_to_the_end, "BULKHEAD_CRASH_AT", point), 137);
		outcome = run_apart(verify_after_crash, NULL, NULL);
		if (outcome != (text_equal(point, "keep:before-mark") ? STATUS_GONE : STATUS_KEPT))
			fail_msg("killed at %s: %d", point, outcome);
		tried++;
		kept += outcome == STATUS_KEPT;
	}
	assert_in_range(tried, 6, 20);
	assert_int_equal(kept, tried - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		/* The first: what it does in other processes must find crash points unread. */
		cmocka_unit_test(test_crashes),
		cmocka_unit_test_setup_teardown(test_app, start, fixture_stop),
		cmocka_unit_test_setup_teardown(test_standalone, start, fixture_stop),
		cmocka_unit_test_setup_teardown(test_restart, start, fixture_stop),
		cmocka_unit_test_setup_teardown(test_cancel, start, fixture_stop),
		cmocka_unit_test_setup_teardown(test_meanwhile, start, fixture_stop),
		cmocka_unit_test_setup_teardown(test_refusals, start, fixture_stop),
		cmocka_unit_test_setup_teardown(test_failure, start, fixture_stop),
		cmocka_unit_test_setup_teardown(test_events, start, fixture_stop),
	};

	return cmocka_run_group_tests_name("api keep", tests, root_create, root_remove);
}
