/* admin.vm.Stats, Suspend and Resume, and the pool methods that only refuse. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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
	assert_call(f, "admin.vm.Create.StandaloneVM", "dom0", "name=off label=blue", "");
	assert_call(f, "admin.vm.Create.StandaloneVM", "dom0", "name=work label=blue", "");
	assert_call(f, "admin.property.Set+stats_interval", "dom0", "1", "");
	assert_call(f, "admin.vm.Start", "work", "", "");
	return 0;
}

/* All that comes until a text does; fails the test when it does not come. */
static char *
await_text(struct event_log *log, const char *text)
{
	AUTO_BUF struct buf all;
	char *lines;

	buf_init(&all, 1 << 20);
	for (int i = 0; i < 200; i++) {
		AUTO_FREE char *more = event_log_take(log);

		assert_int_equal(buf_put_string(&all, more), 0);
		assert_int_equal(buf_put_u8(&all, 0), 0);
		lines = (char *)(uintptr_t)buf_data(&all);
		if (strstr(lines, text) != NULL)
			return text_copy(lines);
		assert_int_equal(buf_trim(&all, 1), 0);
		(void)loop_step(log->f->loop, 50);
	}
	fail_msg("'%s' did not come", text);
	return NULL;
}

static void
samples_of_what_runs(void **state)
{
	struct fixture *f = *state;
	struct event_log all;

	event_log_open_from(&all, f, "admin.vm.Stats", "dom0", "dom0");
	AUTO_FREE char *first = await_text(&all, "work vm-stats memory_kb=");
	const char *work = strstr(first, "work vm-stats memory_kb=");
	assert_non_null(strstr(first, "dom0 vm-stats memory_kb="));
	assert_null(strstr(first, "off "));
	/* Nothing to compare with yet. */
	assert_non_null(strstr(work, " cpu_usage=0 online_vcpus=2\n"));
	/* And again, after the interval. */
	free(await_text(&all, "work vm-stats memory_kb="));
	event_log_close(&all);
}

static void
a_stream_about_one_ends_with_it(void **state)
{
	static const char refusal[] = "1\0\0connection-established\0\0"
				      "2\0QubesVMNotStartedError\0\0Domain is powered off: 'off'";
	struct fixture *f = *state;
	static const char request[] = "admin.vm.Stats dom0 name off";
	static const char request_work[] = "admin.vm.Stats dom0 name work";
	AUTO_BUF struct buf answer = {0};
	AUTO_BUF struct buf stream;
	AUTO_FD int fd = -1;

	fixture_exchange(f, false, request, sizeof(request), &answer);
	assert_int_equal(buf_len(&answer), sizeof(refusal));
	assert_memory_equal(buf_data(&answer), refusal, sizeof(refusal));

	fd = fixture_connect(f, false);
	assert_int_equal(write(fd, request_work, sizeof(request_work)), sizeof(request_work));
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	buf_init(&stream, 1 << 20);
	fixture_read_some(f, fd, 100, &stream);
	assert_call(f, "admin.vm.Kill", "work", "", "");
	fixture_read_some(f, fd, 1 << 20, &stream);
	assert_non_null(memmem(buf_data(&stream), buf_len(&stream), "\0work\0vm-stats\0", 15));
	assert_non_null(memmem(buf_data(&stream), buf_len(&stream), "QubesVMNotStartedError", 22));
}

/* With clients that come and go the timer neither stops too early nor runs for nobody. */
static void
listeners_come_and_go(void **state)
{
	struct fixture *f = *state;
	struct event_log one, two;

	event_log_open_from(&one, f, "admin.vm.Stats", "dom0", "dom0");
	event_log_open_from(&two, f, "admin.vm.Stats", "dom0", "work");
	free(await_text(&two, "work vm-stats"));
	event_log_close(&one);
	free(await_text(&two, "work vm-stats"));
	event_log_close(&two);
	event_log_open_from(&one, f, "admin.vm.Stats", "dom0", "dom0");
	free(await_text(&one, "work vm-stats"));
	event_log_close(&one);
}

static void
sleep_is_a_pause(void **state)
{
	struct fixture *f = *state;

	assert_refused(f, "admin.vm.Suspend", "dom0", "", "QubesVMError",
		"Cannot suspend Dom0 fake domain!");
	assert_refused(f, "admin.vm.Resume", "work", "", "QubesVMNotSuspendedError",
		"Domain is not suspended: 'work'");
	assert_call(f, "admin.vm.Suspend", "work", "", "");
	AUTO_FREE char *paused = call_ok(f, "admin.vm.CurrentState", "work", "");
	assert_non_null(strstr(paused, "power_state=Paused"));
	assert_call(f, "admin.vm.Resume", "work", "", "");
	AUTO_FREE char *running = call_ok(f, "admin.vm.CurrentState", "work", "");
	assert_non_null(strstr(running, "power_state=Running"));
}

static void
pools_stay_as_they_are(void **state)
{
	struct fixture *f = *state;

	assert_call(f, "admin.deviceclass.List", "dom0", "", "");
	assert_refused(f, "admin.pool.Add+lvm_thin", "dom0", "name=x", "PermissionDenied",
		"Argument not in 'available drivers'");
	assert_refused(f, "admin.pool.Add+qcow2", "dom0", "name", "ProtocolError",
		"Options must be separated by equal sign");
	assert_refused(f, "admin.pool.Add+qcow2", "dom0", "dir_path=/x", "ProtocolError",
		"Pool configuration must contain key: name");
	assert_refused(f, "admin.pool.Add+qcow2", "dom0", "name=x\nname=y", "ProtocolError",
		"Options must be unique");
	assert_refused(f, "admin.pool.Add+qcow2", "dom0", "name=x", "QubesNotImplementedError",
		"pools can not be added: there are 'varlibqubes' and 'linux-kernel'");
	assert_refused(f, "admin.pool.Remove+nope", "dom0", "", "PermissionDenied",
		"Argument not in 'pools'");
	assert_refused(f, "admin.pool.Remove+varlibqubes", "dom0", "", "QubesPoolInUseError",
		"Storage pool is in use: 'varlibqubes'");
	assert_refused(f, "admin.pool.Set.revisions_to_keep+varlibqubes", "dom0", "-2",
		"ProtocolError", "Value can't be lower than -1");
	assert_call(f, "admin.pool.Set.ephemeral_volatile+varlibqubes", "dom0", "no", "");
	assert_call(f, "admin.pool.UsageDetails+linux-kernel", "dom0", "", "");
	AUTO_FREE char *usage = call_ok(f, "admin.pool.UsageDetails+varlibqubes", "dom0", "");
	assert_true(text_starts_with(usage, "data_size="));
	assert_non_null(strstr(usage, "\ndata_usage="));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(samples_of_what_runs, start, fixture_stop),
		cmocka_unit_test_setup_teardown(
			a_stream_about_one_ends_with_it, start, fixture_stop),
		cmocka_unit_test_setup_teardown(listeners_come_and_go, start, fixture_stop),
		cmocka_unit_test_setup_teardown(sleep_is_a_pause, start, fixture_stop),
		cmocka_unit_test_setup_teardown(pools_stay_as_they_are, start, fixture_stop),
	};

	return cmocka_run_group_tests_name("api statistics", tests, root_create, root_remove);
}
