/* Host processes tell when they are ready, end when told to, and can be taken up by another. */
#include "cmocka_all.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/lifecycle/host_process.h"
#include "base/cleanup.h"
#include "base/loop.h"
#include "base/path.h"

static char directory[] = "/tmp/bulkhead-test-process-XXXXXX";
static char *log_path;

struct watch {
	int ready, ended;
};

static void
handle_ready(struct host_process *p, void *data)
{
	((struct watch *)data)->ready++;
}

static void
handle_end(struct host_process *p, void *data)
{
	((struct watch *)data)->ended++;
	host_process_destroy(p);
}

static const struct host_process_handler handler = {handle_ready, handle_end};

static int
set_up(void **state)
{
	if (mkdtemp(directory) == NULL)
		return -1;
	log_path = path_join(directory, "log");
	return 0;
}

static int
tear_down(void **state)
{
	free(log_path);
	return remove_tree(directory, NULL);
}

static struct host_process *
start_script(struct loop *loop, const char *script, struct watch *watch)
{
	const char *argv[] = {"sh", "-c", script, NULL};
	struct host_process_config config = {.name = "script",
		.argv = argv,
		.directory = directory,
		.log_path = log_path,
		.ready_target = 5,
		.uid = (uid_t)-1,
		.gid = (gid_t)-1};
	AUTO_ERR struct err err = ERR_INIT;
	struct host_process *p = host_process_start(loop, &config, &handler, watch, &err);

	assert_non_null(p);
	return p;
}

static void
readiness_and_end_are_told_once(void **state)
{
	struct loop *loop = loop_create();
	struct watch watch = {0};
	struct host_process *p = start_script(
		loop, "echo to the log >&2; echo >&5; echo >&5; exec sleep 100", &watch);
	AUTO_FREE char *text = NULL;

	while (watch.ready == 0)
		assert_true(loop_step(loop, 10000) > 0);
	host_process_stop(p);
	while (watch.ended == 0)
		assert_true(loop_step(loop, 10000) > 0);
	assert_int_equal(watch.ready, 1);
	assert_int_equal(watch.ended, 1);
	assert_int_equal(read_file(log_path, 100, &text, NULL, NULL), 0);
	assert_string_equal(text, "to the log\n");
	loop_destroy(loop);
}

static void
one_that_will_not_end_is_killed(void **state)
{
	struct loop *loop = loop_create();
	struct watch watch = {0};
	struct host_process *p = start_script(
		loop, "trap '' TERM; echo >&5; while :; do sleep 100 & wait; done", &watch);

	while (watch.ready == 0)
		assert_true(loop_step(loop, 10000) > 0);
	host_process_stop(p);
	while (watch.ended == 0)
		assert_true(loop_step(loop, 20000) > 0);
	loop_destroy(loop);
}

static void
an_end_without_readiness_is_an_end(void **state)
{
	struct loop *loop = loop_create();
	struct watch watch = {0};

	start_script(loop, "exit 1", &watch);
	while (watch.ended == 0)
		assert_true(loop_step(loop, 10000) > 0);
	assert_int_equal(watch.ready, 0);
	loop_destroy(loop);
}

static void
a_process_can_be_taken_up_by_its_name(void **state)
{
	struct loop *loop = loop_create();
	struct watch watch = {0};
	struct host_process *p = start_script(loop, "echo >&5; exec sleep 100", &watch);
	struct process_id id, wrong;

	while (watch.ready == 0)
		assert_true(loop_step(loop, 10000) > 0);
	id = host_process_id(p);
	host_process_destroy(p);
	assert_int_equal(watch.ended, 0);

	wrong = id;
	wrong.start_time++;
	assert_null(host_process_adopt(loop, "script", &wrong, &handler, &watch));
	p = host_process_adopt(loop, "script", &id, &handler, &watch);
	assert_non_null(p);
	host_process_stop(p);
	while (watch.ended == 0)
		assert_true(loop_step(loop, 10000) > 0);
	assert_null(host_process_adopt(loop, "script", &id, &handler, &watch));
	loop_destroy(loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(readiness_and_end_are_told_once),
		cmocka_unit_test(one_that_will_not_end_is_killed),
		cmocka_unit_test(an_end_without_readiness_is_an_end),
		cmocka_unit_test(a_process_can_be_taken_up_by_its_name),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
