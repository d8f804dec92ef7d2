/*
 * Clients that behave badly: silent, vanishing, too many, too slow. Each costs nobody else
 * anything.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin/api/api_private.h"
#include "admin/api/client.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "cmocka_all.h"
#include "fixture.h"

/* Whether the peer has closed the connection without a byte. */
static bool
is_closed(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
}

static void
test_silent_client(void **state)
{
	struct fixture *f = *state;
	const struct api_config limits = {.request_timeout_ms = 300};
	AUTO_FD int silent = -1;
	AUTO_FD int half = -1;
	AUTO_BUF struct buf nothing;
	AUTO_BUF struct buf nothing_more;

	log_set_level(LOG_LEVEL_ERROR);
	fixture_restart_with(f, &limits);
	silent = fixture_connect(f, false);
	half = fixture_connect(f, false);
	assert_int_equal(write_all(half, "admin.vm.List do", 16), 0);
	(void)loop_step(f->loop, 10);
	/* Others are served meanwhile. */
	assert_call(f, "admin.label.Index+red", "dom0", "", "1");
	fixture_read_all(f, silent, &nothing);
	fixture_read_all(f, half, &nothing_more);
	assert_int_equal(buf_len(&nothing) + buf_len(&nothing_more), 0);
	assert_int_equal(f->api->client_count, 0);
}

static void
test_too_many_clients(void **state)
{
	struct fixture *f = *state;
	const struct api_config limits = {.clients_max = 4};
	int fds[6];

	fixture_restart_with(f, &limits);
	for (size_t i = 0; i < 6; i++) {
		fds[i] = fixture_connect(f, false);
		(void)loop_step(f->loop, 20);
	}
	fixture_settle(f);
	assert_true(is_closed(fds[0]) && is_closed(fds[1]));
	assert_false(is_closed(fds[2]) || is_closed(fds[5]));
	/* One more call makes the oldest of them go. */
	assert_call(f, "admin.label.Index+red", "dom0", "", "1");
	assert_true(is_closed(fds[2]));
	for (size_t i = 0; i < 6; i++)
		close(fds[i]);
}

/* Streams are not dropped for newcomers: those wait until one of them ends. */
static void
test_full_of_streams(void **state)
{
	struct fixture *f = *state;
	const struct api_config limits = {.clients_max = 2};
	struct event_log first, second;
	static const char request[] = "admin.label.Index+red dom0 name dom0";
	AUTO_FD int fd = -1;
	AUTO_BUF struct buf answer;

	fixture_restart_with(f, &limits);
	event_log_open(&first, f, "dom0");
	event_log_open(&second, f, "dom0");
	fd = fixture_connect(f, false);
	assert_int_equal(write_all(fd, request, sizeof(request)), 0);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	fixture_settle(f);
	assert_int_equal(f->api->client_count, 2);
	event_log_close(&first);
	fixture_read_all(f, fd, &answer);
	assert_int_equal(buf_len(&answer), 3);
	assert_memory_equal(buf_data(&answer),
		"0\0"
		"1",
		3);
	event_log_close(&second);
	assert_int_equal(f->api->client_count, 0);
}

/* One qube's streams leave room for those of all others. */
static void
test_one_qube_is_not_all(void **state)
{
	struct fixture *f = *state;
	struct event_log streams[API_QUBE_CALLS_MAX];

	assert_call(f, "admin.vm.Create.TemplateVM", "dom0", "name=work label=red", "");
	assert_call(f, "admin.vm.Create.TemplateVM", "dom0", "name=other label=red", "");
	for (size_t i = 0; i < API_QUBE_CALLS_MAX; i++)
		event_log_open_from(&streams[i], f, "admin.Events", "work", "work");
	assert_refused_from(f, "work", "admin.vm.CurrentState", "work", "", "QubesException",
		"too many calls of 'work' are under way");
	free(call_ok_from(f, "other", "admin.vm.CurrentState", "work", ""));
	free(call_ok(f, "admin.vm.CurrentState", "work", ""));
	event_log_close(&streams[0]);
	free(call_ok_from(f, "work", "admin.vm.CurrentState", "work", ""));
	for (size_t i = 1; i < API_QUBE_CALLS_MAX; i++)
		event_log_close(&streams[i]);
}

static void
test_so_many_of_one_qube(void **state)
{
	struct fixture *f = *state;

	assert_call(f, "admin.vm.Create.TemplateVM", "dom0", "name=work label=red", "");
	assert_call(f, "admin.vm.tag.Remove+created-by-dom0", "work", "", "");
	assert_call(f, "admin.vm.tag.Remove+audiovm-dom0", "work", "", "");
	assert_call(f, "admin.vm.tag.Remove+guivm-dom0", "work", "", "");
	/* One transaction around all of them is quick. */
	assert_int_equal(store_begin(f->store, NULL), 0);
	for (int i = 0; i < 1000; i++) {
		AUTO_FREE char *feature = text_format("admin.vm.feature.Set+f%d", i);
		AUTO_FREE char *tag = text_format("admin.vm.tag.Set+t%d", i);

		assert_call(f, feature, "work", "x", "");
		assert_call(f, tag, "work", "", "");
	}
	assert_int_equal(store_commit(f->store, NULL), 0);
	assert_refused(f, "admin.vm.feature.Set+more", "work", "x", "QubesValueError",
		"'work' has 1000 features, no more are possible");
	assert_refused(f, "admin.vm.tag.Set+more", "work", "", "QubesValueError",
		"'work' has 1000 tags, no more are possible");
	assert_call(f, "admin.vm.feature.Set+f7", "work", "y", "");
	assert_call(f, "admin.vm.tag.Set+t7", "work", "", "");
}

/* A reader who does not read gets its limit, then is dropped. */
static void
test_slow_reader(void **state)
{
	struct fixture *f = *state;
	struct event_log log;
	char *value = xcalloc(1, 20001);
	AUTO_BUF struct buf rest;

	memset(value, 'v', 20000);
	event_log_open(&log, f, "dom0");
	for (int i = 0; i < 40 && f->api->client_count > 0; i++) {
		AUTO_FREE char *method = text_format("admin.vm.feature.Set+f%d", i);

		assert_call(f, method, "dom0", value, "");
	}
	assert_int_equal(f->api->client_count, 0);
	fixture_read_all(f, log.fd, &rest);
	assert_true(buf_len(&rest) > 100000);
	event_log_close(&log);
	free(value);
}

/* Who asks for a long answer and does not take it. */
static void
test_answer_not_taken(void **state)
{
	struct fixture *f = *state;
	const struct api_config limits = {.reply_timeout_ms = 200};
	static const char request[] = "admin.vm.feature.List dom0 name dom0";
	AUTO_FD int fd = -1;

	for (int i = 0; i < 300; i++) {
		AUTO_FREE char *name = text_format("%01000d", i);
		AUTO_FREE char *method = text_format("admin.vm.feature.Set+%s", name);

		assert_call(f, method, "dom0", "", "");
	}
	fixture_restart_with(f, &limits);
	fd = fixture_connect(f, false);
	assert_int_equal(write_all(fd, request, sizeof(request)), 0);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	for (int i = 0; i < 100 && (i < 10 || f->api->client_count > 0); i++)
		(void)loop_step(f->loop, 20);
	assert_int_equal(f->api->client_count, 0);
}

/* Who goes away before its answer: the work is done all the same. */
static void
test_vanishing_client(void **state)
{
	struct fixture *f = *state;
	static const char request[] = "admin.vm.Start dom0 name work";
	AUTO_FD int fd = -1;

	assert_call(f, "admin.vm.Create.TemplateVM", "dom0", "name=work label=red", "");
	fd = fixture_connect(f, false);
	assert_int_equal(write_all(fd, request, sizeof(request)), 0);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	close(steal_fd(&fd));
	fixture_settle(f);
	assert_call(f, "admin.vm.CurrentState", "work", "",
		"mem=409600 mem_static_max=409600 cputime=0 power_state=Running");
	/* The same while it is under way: the daemon ends before the answer. */
	fd = fixture_connect(f, false);
	assert_int_equal(write_all(fd, request, sizeof(request)), 0);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	(void)loop_step(f->loop, 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_silent_client, fixture_start, fixture_stop),
		cmocka_unit_test_setup_teardown(test_too_many_clients, fixture_start, fixture_stop),
		cmocka_unit_test_setup_teardown(test_full_of_streams, fixture_start, fixture_stop),
		cmocka_unit_test_setup_teardown(
			test_one_qube_is_not_all, fixture_start, fixture_stop),
		cmocka_unit_test_setup_teardown(
			test_so_many_of_one_qube, fixture_start, fixture_stop),
		cmocka_unit_test_setup_teardown(test_slow_reader, fixture_start, fixture_stop),
		cmocka_unit_test_setup_teardown(test_answer_not_taken, fixture_start, fixture_stop),
		cmocka_unit_test_setup_teardown(test_vanishing_client, fixture_start, fixture_stop),
	};

	return cmocka_run_group_tests_name("api limits", tests, root_create, root_remove);
}
