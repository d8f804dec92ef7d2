/* Each kind of source is called, once, and may vanish within its own or another's callback. */
#include "cmocka_all.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/loop.h"

struct record {
	struct loop *loop;
	int calls;
	int status;
	struct loop_fd *other;
	struct loop_timer *timer;
	struct loop_deferred *deferred;
};

static void
destroy_both(struct loop_fd *source, uint32_t events, void *data)
{
	struct record *r = data;

	r->calls++;
	loop_fd_destroy(source);
	loop_fd_destroy(r->other);
}

static void
a_source_may_destroy_its_neighbour(void **state)
{
	struct loop *loop = loop_create();
	struct record a = {.loop = loop}, b = {.loop = loop};
	int fds_a[2], fds_b[2];

	assert_int_equal(pipe(fds_a), 0);
	assert_int_equal(pipe(fds_b), 0);
	b.other = loop_fd_create(loop, fds_a[0], EPOLLIN, destroy_both, &a);
	a.other = loop_fd_create(loop, fds_b[0], EPOLLIN, destroy_both, &b);
	assert_int_equal(write(fds_a[1], "x", 1), 1);
	assert_int_equal(write(fds_b[1], "x", 1), 1);
	assert_int_equal(loop_step(loop, 1000), 1);
	assert_int_equal(loop_step(loop, 0), 0);
	assert_int_equal(a.calls + b.calls, 1);
	for (int i = 0; i < 2; i++) {
		close(fds_a[i]);
		close(fds_b[i]);
	}
	loop_destroy(loop);
}

static void
rearm(struct loop_timer *timer, void *data)
{
	struct record *r = data;

	r->calls++;
	if (r->calls < 3)
		loop_timer_start(timer, 0);
}

static void
a_timer_can_not_starve_the_loop(void **state)
{
	struct loop *loop = loop_create();
	struct record r = {0};
	struct loop_timer *timer = loop_timer_create(loop, rearm, &r);

	assert_int_equal(loop_step(loop, 0), 0);
	loop_timer_start(timer, 0);
	assert_int_equal(loop_step(loop, 1000), 1);
	assert_int_equal(r.calls, 1);
	assert_int_equal(loop_step(loop, 1000), 1);
	loop_timer_stop(timer);
	assert_int_equal(loop_step(loop, 0), 0);
	loop_timer_destroy(timer);
	loop_destroy(loop);
}

static void
quit_on_signal(struct loop_signal *source, int number, void *data)
{
	struct record *r = data;

	r->calls++;
	loop_quit(r->loop, number);
}

static void
signals_arrive(void **state)
{
	struct record r = {.loop = loop_create()};
	struct loop_signal *source = loop_signal_create(r.loop, SIGUSR1, quit_on_signal, &r);

	raise(SIGUSR1);
	assert_int_equal(loop_run(r.loop), SIGUSR1);
	loop_signal_destroy(source);
	loop_destroy(r.loop);
}

static void
note_child(struct loop_child *child, int status, void *data)
{
	struct record *r = data;

	r->calls++;
	r->status = status;
	loop_quit(r->loop, 0);
}

static void
ends_of_children_are_told_with_their_status(void **state)
{
	struct record r = {.loop = loop_create()};
	struct loop_child *child;
	pid_t pid = fork();

	if (pid == 0)
		_exit(42);
	child = loop_child_create(r.loop, pid, note_child, &r);
	assert_non_null(child);
	loop_run(r.loop);
	assert_true(WIFEXITED(r.status));
	assert_int_equal(WEXITSTATUS(r.status), 42);
	loop_child_destroy(child);

	pid = fork();
	if (pid == 0) {
		pause();
		_exit(0);
	}
	child = loop_child_create(r.loop, pid, note_child, &r);
	assert_int_equal(loop_child_signal(child, SIGKILL), 0);
	loop_run(r.loop);
	assert_true(WIFSIGNALED(r.status));
	assert_int_equal(WTERMSIG(r.status), SIGKILL);
	assert_int_equal(r.calls, 2);
	loop_child_destroy(child);
	loop_destroy(r.loop);
}

static void
schedule_again(struct loop_deferred *source, void *data)
{
	struct record *r = data;

	r->calls++;
	loop_deferred_schedule(source);
	loop_deferred_destroy(r->deferred);
	r->deferred = NULL;
}

static void
deferred_calls_wait_for_the_next_turn(void **state)
{
	struct loop *loop = loop_create();
	struct record r = {0}, victim = {0};
	struct loop_deferred *first = loop_deferred_create(loop, schedule_again, &r);

	r.deferred = loop_deferred_create(loop, schedule_again, &victim);
	loop_deferred_schedule(first);
	loop_deferred_schedule(first);
	loop_deferred_schedule(r.deferred);
	assert_int_equal(loop_step(loop, 1000), 1);
	assert_int_equal(r.calls, 1);
	assert_int_equal(victim.calls, 0);
	assert_int_equal(loop_step(loop, 1000), 1);
	assert_int_equal(r.calls, 2);
	loop_deferred_destroy(first);
	assert_int_equal(loop_step(loop, 0), 0);
	loop_destroy(loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_source_may_destroy_its_neighbour),
		cmocka_unit_test(a_timer_can_not_starve_the_loop),
		cmocka_unit_test(signals_arrive),
		cmocka_unit_test(ends_of_children_are_told_with_their_status),
		cmocka_unit_test(deferred_calls_wait_for_the_next_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
