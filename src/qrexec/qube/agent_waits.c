/*
 * Calls whose service asks for a session to be there first, see agent.h. The service
 * qubes.WaitForSession is run with the user's name on its stdin; when it ends, however it ends,
 * the calls for that user are started. One runs at a time. That a session was there is not
 * remembered: it may end.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "qrexec/common/program.h"
#include "qrexec/qube/agent.h"

#define WAIT_SERVICE "qubes.WaitForSession"

struct waits {
	struct agent *agent;
	struct list list;
	size_t count;
	struct loop_child *waiter; /* runs for `user`; NULL: none */
	char *user;
};

static void run_next(struct waits *w);

/* The user's name and a line feed: so little fits into any pipe at once. */
static int
give_user(const char *user)
{
	AUTO_FREE char *line = text_format("%s\n", user);
	AUTO_FD int write_end = -1;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	write_end = ends[1];
	if (write(write_end, line, strlen(line)) < 0) {
		close(ends[0]);
		return -1;
	}
	return ends[0];
}

static pid_t
start_waiter(const char *source, const char *user, struct err *err)
{
	AUTO_FREE char *text = text_format("QUBESRPC " WAIT_SERVICE " %s", source);
	AUTO_FREE char **environment = NULL;
	AUTO_FD int input = give_user(user);
	struct command command;
	struct service service = {.fd = -1};
	struct program program = PROGRAM_INIT;
	pid_t pid = -1;

	if (input < 0)
		return err_set_errno(err, errno, "service '" WAIT_SERVICE "'");
	if (command_parse(text, false, &command, err) < 0)
		return -1;
	if (service_find(&command, &service, err) == 0) {
		const char *argv[] = {service.path, NULL};

		environment = service_environment(&command, NULL);
		program.path = service.path;
		program.argv = argv;
		program.environment = environment;
		program.stdin_fd = input;
		program.stderr_fd = STDERR_FILENO;
		program.new_session = true;
		pid = service.kind == SERVICE_EXECUTABLE ? program_start(&program) : -EACCES;
		if (pid < 0)
			err_set_errno(err, -pid, "service '" WAIT_SERVICE "'");
	}
	service_finish(&service);
	command_finish(&command);
	return pid;
}

/* The first call that waits for this user, taken out of the queue; NULL without one. */
static struct call *
take_call(struct waits *w, const char *user)
{
	struct call *call;

	list_for_each (call, &w->list, link) {
		if (!text_equal(call_user(call), user))
			continue;
		list_remove(&call->link);
		w->count--;
		return call;
	}
	return NULL;
}

/* Starts every call for the user whose session has been waited for. */
static void
release(struct waits *w)
{
	AUTO_FREE char *user = steal_ptr(w->user);
	struct call *call;

	while ((call = take_call(w, user)) != NULL)
		calls_start(w->agent->calls, call);
}

static void
handle_waiter_end(struct loop_child *child, int wait_status, void *data)
{
	struct waits *w = data;

	loop_child_destroy(w->waiter);
	w->waiter = NULL;
	release(w);
	run_next(w);
}

/* Runs the service for the first call's user, or, where it cannot run, starts the calls. */
static void
run_next(struct waits *w)
{
	while (w->waiter == NULL && !list_empty(&w->list)) {
		AUTO_ERR struct err err = ERR_INIT;
		const struct call *first = container_of(w->list.next, struct call, link);
		pid_t pid;

		w->user = text_copy(call_user(first));
		pid = start_waiter(first->command.source, w->user, &err);
		if (pid < 0) {
			log_warning(
				"session of '%s': not waited for: %s", w->user, err_message(&err));
			release(w);
			continue;
		}
		w->waiter = loop_child_create(w->agent->loop, pid, handle_waiter_end, w);
		if (w->waiter == NULL)
			fatal("service '" WAIT_SERVICE "': cannot watch it: %s", strerror(errno));
	}
}

void
waits_add(struct waits *w, struct call *call)
{
	if (w->count == QREXEC_CALLS_MAX) {
		log_error("call: %d others wait for a session already", QREXEC_CALLS_MAX);
		call->valid = false;
		calls_start(w->agent->calls, call);
		return;
	}
	list_append(&w->list, &call->link);
	w->count++;
	run_next(w);
}

struct waits *
waits_create(struct agent *agent)
{
	struct waits *w = xcalloc(1, sizeof(*w));

	w->agent = agent;
	list_init(&w->list);
	return w;
}

void
waits_destroy(struct waits *w)
{
	struct call *call, *next;

	if (w == NULL)
		return;
	list_for_each_safe (call, next, &w->list, link)
		call_destroy(call);
	loop_child_destroy(w->waiter);
	free(w->user);
	free(w);
}
