/*
 * The event loop, on epoll: descriptors, timers, signals, ends of child processes (by pidfd) and
 * deferred calls. One loop a process, one thread. Callbacks do bounded work and never block.
 *
 * Every source is destroyed by its owner, at any time, also from within its own callback.
 * Constructors return NULL with errno set when the kernel or memory refuses.
 */
#ifndef BULKHEAD_BASE_LOOP_H
#define BULKHEAD_BASE_LOOP_H

#include <stdint.h>
#include <sys/epoll.h>
#include <sys/types.h>

struct loop;
struct loop_fd;
struct loop_timer;
struct loop_signal;
struct loop_child;
struct loop_deferred;

struct loop *loop_create(void);
void loop_destroy(struct loop *loop);

/* Dispatches until loop_quit(); returns the status given there, or a negative errno. */
int loop_run(struct loop *loop);
void loop_quit(struct loop *loop, int status);

/*
 * Waits at most timeout_ms (-1: for ever) and dispatches once. Returns the number of callbacks
 * made, or a negative errno. For tests and for code that is not yet in loop_run().
 */
int loop_step(struct loop *loop, int timeout_ms);

/* Monotonic time in milliseconds. */
uint64_t loop_now_ms(void);

/*
 * Watches a descriptor (not owned) for epoll events: EPOLLIN, EPOLLOUT, EPOLLET, ...; the
 * callback gets those that are there, EPOLLHUP and EPOLLERR always among the possible.
 */
typedef void (*loop_fd_callback)(struct loop_fd *source, uint32_t events, void *data);
struct loop_fd *loop_fd_create(
	struct loop *loop, int fd, uint32_t events, loop_fd_callback callback, void *data);
int loop_fd_set_events(struct loop_fd *source, uint32_t events);
void loop_fd_destroy(struct loop_fd *source);

/* A timer is created at rest. loop_timer_start() arms it once, replacing an earlier time. */
typedef void (*loop_timer_callback)(struct loop_timer *timer, void *data);
struct loop_timer *loop_timer_create(struct loop *loop, loop_timer_callback callback, void *data);
void loop_timer_start(struct loop_timer *timer, uint64_t delay_ms);
void loop_timer_stop(struct loop_timer *timer);
void loop_timer_destroy(struct loop_timer *timer);

/* Blocks the signal for the process and delivers it here instead (signalfd). */
typedef void (*loop_signal_callback)(struct loop_signal *source, int signal_number, void *data);
struct loop_signal *loop_signal_create(
	struct loop *loop, int signal_number, loop_signal_callback callback, void *data);
void loop_signal_destroy(struct loop_signal *source);

/*
 * Reports the end of a process once. For a child of ours, `wait_status` is as from waitpid() and
 * the child is reaped; for any other process (one adopted after a restart) it is -1.
 * Destroying the source before that leaves the process alone; the caller then reaps it.
 */
typedef void (*loop_child_callback)(struct loop_child *source, int wait_status, void *data);
struct loop_child *loop_child_create(
	struct loop *loop, pid_t pid, loop_child_callback callback, void *data);
pid_t loop_child_pid(const struct loop_child *source);
/* Sends a signal through the pidfd, so that a reused pid is never hit. 0 or negative errno. */
int loop_child_signal(struct loop_child *source, int signal_number);
void loop_child_destroy(struct loop_child *source);
/* Kills and reaps a child of ours whose end has not been reported, and destroys the source. */
void loop_child_end(struct loop_child *source);

/* Calls back once, on the next turn of the loop, never from within this call. */
typedef void (*loop_deferred_callback)(struct loop_deferred *source, void *data);
struct loop_deferred *loop_deferred_create(
	struct loop *loop, loop_deferred_callback callback, void *data);
/* Asks for the call; asking again before it is made changes nothing. */
void loop_deferred_schedule(struct loop_deferred *source);
void loop_deferred_destroy(struct loop_deferred *source);

#endif
