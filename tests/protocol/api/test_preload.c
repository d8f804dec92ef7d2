/*
 * Disposables that are kept ready (spec admin-api.md section 17): when they are made, to whom they
 * are given, and that none is given that is not what a fresh one would be.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cmocka_all.h"
#include "fixture.h"

#define STEP_MS 20
#define STEPS_MAX 1000

static int
start(void **state)
{
	static const char *const services[] = {
		"qubes.WaitForRunningSystem", "qubes.WaitForSession"};
	struct fixture *f;
	int result = fixture_start(state);

	f = *state;
	memset(&machines_spare, 0, sizeof(machines_spare));
	assert_call(f, "admin.vm.Create.TemplateVM", "dom0", "name=tmpl label=black", "");
	assert_call(f, "admin.vm.Create.AppVM+tmpl", "dom0", "name=dvm label=orange", "");
	assert_call(f, "admin.vm.Create.AppVM+tmpl", "dom0", "name=work label=blue", "");
	assert_call(f, "admin.vm.property.Set+template_for_dispvms", "dvm", "True", "");
	assert_call(f, "admin.vm.feature.Set+qrexec", "tmpl", "1", "");
	for (size_t i = 0; i < 2; i++) {
		AUTO_FREE char *method =
			text_format("admin.vm.feature.Set+supported-rpc.%s", services[i]);

		assert_call(f, method, "tmpl", "1", "");
	}
	assert_call(f, "admin.vm.feature.Set+preload-dispvm-delay", "dvm", "0", "");
	return result;
}

/* The names of those that are kept ready or are being made, or "". */
static char *
names(struct fixture *f)
{
	const char *list = qube_feature(app_find_qube(f->app, "dvm"), "preload-dispvm");

	return text_copy(list != NULL ? list : "");
}

static bool
is_ready(struct fixture *f)
{
	AUTO_FREE char *name = names(f);
	const struct qube *q = app_find_qube(f->app, name);

	return q != NULL && q->power.state == POWER_PAUSED;
}

static void
steps(struct fixture *f, int count)
{
	for (int i = 0; i < count; i++)
		(void)loop_step(f->loop, STEP_MS);
}

/* The double does not answer what is under way at the end. */
static int
stop(void **state)
{
	machines_spare.awaits_frozen = true;
	steps(*state, 5);
	return fixture_stop(state);
}

static char *
await_ready(struct fixture *f)
{
	for (int i = 0; i < STEPS_MAX && !is_ready(f); i++)
		(void)loop_step(f->loop, STEP_MS);
	assert_true(is_ready(f));
	steps(f, 3); /* its own turn comes after the event */
	return names(f);
}

static void
await_gone(struct fixture *f, const char *name)
{
	for (int i = 0; i < STEPS_MAX && app_find_qube(f->app, name) != NULL; i++)
		(void)loop_step(f->loop, STEP_MS);
	assert_null(app_find_qube(f->app, name));
}

static char *
make_one(struct fixture *f)
{
	assert_call(f, "admin.vm.feature.Set+preload-dispvm-max", "dvm", "1", "");
	return await_ready(f);
}

static void
no_more(void)
{
	machines_spare.awaits_frozen = true;
}

static void
test_is_made_and_given(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *name = make_one(f);
	AUTO_FREE char *calls = text_format("qubes.WaitForRunningSystem of %s\n"
					    "qubes.WaitForSession of %s\nbulkhead.Rehearse of %s\n"
					    "qubes.VMShell of %s\nqubes.SetDateTime+exact of %s\n",
		name, name, name, name, name);
	AUTO_FREE char *handed_out = NULL;
	struct event_log log;

	assert_true(text_starts_with(name, "disp"));
	assert_string_equal(machines_spare.calls, calls);
	assert_call(f, "admin.vm.feature.Get+internal", name, "", "1");
	assert_call(f, "admin.vm.property.Get+is_preload", name, "", "default=True type=bool True");
	no_more();
	machines_spare.calls[0] = '\0';
	event_log_open(&log, f, "dom0");
	handed_out = call_ok(f, "admin.vm.CreateDisposable", "dvm", "");
	assert_string_equal(handed_out, name);
	AUTO_FREE char *clock = text_format("qubes.SetDateTime+exact of %s\n", name);
	assert_string_equal(machines_spare.calls, clock);
	AUTO_FREE char *events = event_log_take(&log);
	AUTO_FREE char *reset = text_format("%s property-reset:is_preload name=is_preload\n", name);
	AUTO_FREE char *used = text_format(
		"dvm domain-preload-dispvm-used reason=was asked for dispvm=%s\n", name);
	assert_non_null(strstr(events, reset));
	assert_non_null(strstr(events, used));
	event_log_close(&log);
	assert_call(
		f, "admin.vm.property.Get+is_preload", name, "", "default=True type=bool False");
	assert_null(qube_feature(app_find_qube(f->app, name), "internal"));
	assert_null(qube_feature(app_find_qube(f->app, "dvm"), "preload-dispvm"));
	assert_int_equal(app_find_qube(f->app, name)->power.state, POWER_RUNNING);
	assert_call(f, "admin.vm.tag.List", name, "",
		"audiovm-dom0\ncreated-by-dom0\ndisp-created-by-dom0\nguivm-dom0\n");
	assert_call(f, "admin.vm.Kill", name, "", "");
	await_gone(f, name);
}

static void
test_is_as_a_fresh_one(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *name = make_one(f);
	AUTO_FREE char *fresh = NULL, *answer = NULL, *uuid = NULL, *tags = NULL;

	no_more();
	uuid = text_format("uuid:%s", app_find_qube(f->app, name)->uuid);
	answer = call_ok_from(f, "work", "admin.vm.CreateDisposable", "dvm", "uuid");
	assert_string_equal(answer, uuid);
	fresh = call_ok_from(f, "work", "admin.vm.CreateDisposable", "dvm", "");
	assert_string_not_equal(fresh, name);
	tags = call_ok(f, "admin.vm.tag.List", fresh, "");
	assert_call(f, "admin.vm.tag.List", name, "", tags);
	assert_non_null(strstr(tags, "disp-created-by-work\n"));
	AUTO_FREE char *features = call_ok(f, "admin.vm.feature.List", fresh, "");
	assert_call(f, "admin.vm.feature.List", name, "", features);
}

/* What its creator's features say has to be so from the beginning. */
static void
test_not_for_every_creator(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *name = make_one(f);
	AUTO_FREE char *fresh = NULL;

	assert_call(f, "admin.vm.feature.Set+tag-created-vm-with", "work", "mine", "");
	fresh = call_ok_from(f, "work", "admin.vm.CreateDisposable", "dvm", "");
	assert_string_not_equal(fresh, name);
	assert_call(f, "admin.vm.tag.Get+mine", fresh, "", "1");
	assert_true(is_ready(f));
}

static void
test_another_follows(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *name = make_one(f);
	AUTO_FREE char *first = call_ok(f, "admin.vm.CreateDisposable", "dvm", "");
	AUTO_FREE char *second = await_ready(f);
	AUTO_FREE char *third = NULL;

	assert_string_equal(first, name);
	assert_string_not_equal(second, first);
	third = call_ok(f, "admin.vm.CreateDisposable", "dvm", "");
	assert_string_equal(third, second);
}

static void
test_stale_is_not_given(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *name = make_one(f);
	AUTO_FREE char *fresh = NULL, *next = NULL, *blue = NULL;

	machines_spare.content = 1;
	fresh = call_ok(f, "admin.vm.CreateDisposable", "dvm", "");
	assert_string_not_equal(fresh, name);
	await_gone(f, name);
	next = await_ready(f);
	/* Nor is one whose template was changed in what a disposable takes over. */
	assert_call(f, "admin.vm.property.Set+label", "dvm", "blue", "");
	blue = call_ok(f, "admin.vm.CreateDisposable", "dvm", "");
	assert_string_not_equal(blue, next);
	assert_call(f, "admin.vm.property.Get+label", blue, "", "default=False type=label blue");
	await_gone(f, next);
}

/* Without anybody asking: it is looked at some seconds after a change. */
static void
test_stale_is_replaced(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *name = make_one(f);
	AUTO_FREE char *next = NULL;

	assert_call(f, "admin.vm.feature.Set+mark", "dvm", "new", "");
	await_gone(f, name);
	next = await_ready(f);
	assert_call(f, "admin.vm.feature.Get+mark", next, "", "new");
}

static void
test_gives_way(void **state)
{
	struct fixture *f = *state;

	machines_spare.is_busy = true;
	assert_call(f, "admin.vm.feature.Set+preload-dispvm-max", "dvm", "1", "");
	steps(f, 20);
	assert_null(qube_feature(app_find_qube(f->app, "dvm"), "preload-dispvm"));
	machines_spare.is_busy = false;
	machines_spare.memory_mib = 600;
	assert_call(f, "admin.vm.feature.Set+preload-dispvm-threshold", "dom0", "300", "");
	assert_call(f, "admin.vm.CreateDisposable+preload", "dvm", "", "");
	steps(f, 20);
	assert_null(qube_feature(app_find_qube(f->app, "dvm"), "preload-dispvm"));
	machines_spare.memory_mib = 700;
	assert_call(f, "admin.vm.CreateDisposable+preload", "dvm", "", "");
	free(await_ready(f));
}

/* One that does not come up costs a request nothing but the wait. */
static void
test_falls_back(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *fresh = NULL, *other = NULL, *name = NULL;

	assert_call(f, "admin.vm.property.Set+qrexec_timeout", "dvm", "1", "");
	machines_spare.never_starts = true;
	assert_call(f, "admin.vm.feature.Set+preload-dispvm-max", "dvm", "1", "");
	for (int i = 0; i < STEPS_MAX && name == NULL; i++) {
		(void)loop_step(f->loop, STEP_MS);
		if (qube_feature(app_find_qube(f->app, "dvm"), "preload-dispvm") != NULL)
			name = names(f);
	}
	assert_non_null(name);
	fresh = call_ok(f, "admin.vm.CreateDisposable", "dvm", "");
	assert_string_not_equal(fresh, name);
	assert_false(qube_is_halted(app_find_qube(f->app, "dom0")));
	assert_call(f, "admin.vm.feature.Set+preload-dispvm-max", "dvm", "0", "");
	steps(f, 10);
	machines_spare.never_starts = false;
	machines_spare.fails = true;
	assert_call(f, "admin.vm.feature.Set+preload-dispvm-max", "dvm", "1", "");
	other = call_ok(f, "admin.vm.CreateDisposable", "dvm", "");
	assert_string_not_equal(other, fresh);
	steps(f, 10);
	assert_null(qube_feature(app_find_qube(f->app, "dvm"), "preload-dispvm"));
}

static void
test_who_rules(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *name = NULL, *text = NULL;

	assert_call(f, "admin.vm.feature.Set+preload-dispvm-max", "dom0", "1", "");
	assert_call(f, "admin.property.Set+default_dispvm", "dom0", "dvm", "");
	name = await_ready(f);
	/* dom0's goes before the template's own; without it that is in force. */
	assert_call(f, "admin.vm.feature.Set+preload-dispvm-max", "dvm", "2", "");
	steps(f, 20);
	AUTO_FREE char *still = names(f);

	assert_string_equal(still, name);
	assert_call(f, "admin.vm.feature.Set+preload-dispvm-max", "dom0", "0", "");
	await_gone(f, name);
	assert_null(qube_feature(app_find_qube(f->app, "dvm"), "preload-dispvm"));
	/* Nothing is no number: then it is the template's own again. */
	assert_call(f, "admin.vm.feature.Set+preload-dispvm-max", "dom0", "", "");
	for (int i = 0; i < STEPS_MAX && strchr(text = names(f), ' ') == NULL; i++) {
		free(text);
		(void)loop_step(f->loop, STEP_MS);
	}
	assert_non_null(strchr(text, ' '));
}

static void
test_use_by_hand(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *name = make_one(f);

	no_more();
	assert_call(f, "admin.vm.Unpause", name, "", "");
	steps(f, 5);
	assert_call(
		f, "admin.vm.property.Get+is_preload", name, "", "default=True type=bool False");
	assert_null(qube_feature(app_find_qube(f->app, name), "internal"));
	assert_null(qube_feature(app_find_qube(f->app, "dvm"), "preload-dispvm"));
}

/* Who ends one does not want another in its place; who asks for a disposable does. */
static void
test_end_by_hand(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *name = make_one(f);

	assert_call(f, "admin.vm.Shutdown", name, "", "");
	await_gone(f, name);
	steps(f, 300);
	assert_null(qube_feature(app_find_qube(f->app, "dvm"), "preload-dispvm"));
	free(call_ok(f, "admin.vm.CreateDisposable", "dvm", ""));
	free(await_ready(f));
}

static void
test_template_goes(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *name = make_one(f);
	AUTO_FREE char *next = NULL;

	assert_call(f, "admin.vm.property.Set+template_for_dispvms", "dvm", "False", "");
	await_gone(f, name);
	assert_call(f, "admin.vm.property.Set+template_for_dispvms", "dvm", "True", "");
	assert_call(f, "admin.vm.CreateDisposable+preload", "dvm", "", "");
	next = await_ready(f);
	assert_call(f, "admin.vm.Remove", "dvm", "", "");
	assert_null(app_find_qube(f->app, next));
	assert_null(app_find_qube(f->app, "dvm"));
}

/* What an earlier daemon has begun, and what nobody has any more. */
static void
test_after_a_restart(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *name = make_one(f);
	AUTO_FREE char *next = NULL;

	fixture_restart(f);
	await_gone(f, name);
	next = await_ready(f);
	assert_string_not_equal(next, name);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
	const struct CMUnitTest tests[] = {
		TEST(test_is_made_and_given),
		TEST(test_is_as_a_fresh_one),
		TEST(test_not_for_every_creator),
		TEST(test_another_follows),
		TEST(test_stale_is_not_given),
		TEST(test_stale_is_replaced),
		TEST(test_gives_way),
		TEST(test_falls_back),
		TEST(test_who_rules),
		TEST(test_use_by_hand),
		TEST(test_end_by_hand),
		TEST(test_template_goes),
		TEST(test_after_a_restart),
	};

	return cmocka_run_group_tests(tests, root_create, root_remove);
}
