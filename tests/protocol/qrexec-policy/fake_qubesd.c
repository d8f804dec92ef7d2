/* A child that plays the administration daemon; see fake_qubesd.h. One loop, blocking writes. */
#include "fake_qubesd.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/path.h"
#include "base/socket.h"
#include "base/text.h"

#define MAX_LISTENERS 8
#define MAX_FACTS_BYTES (64u << 20)

static const char first_event[] = "1\0\0connection-established\0";
static const char event[] = "1\0work\0domain-tag-add:x\0tag\0x\0";

static const char stop_event[] = "1\0work\0domain-stopped\0";

struct state {
	const char *facts_path;
	int internal, public, control;
	int listeners[MAX_LISTENERS];
	size_t listener_count;
	unsigned count;
};

/* The request is read to its end, as the real one does. */
static bool
read_request(int fd, const char *method)
{
	char text[256];
	size_t size = 0;
	ssize_t count;

	while ((count = read(fd, text + size, sizeof(text) - 1 - size)) > 0)
		size += (size_t)count;
	text[size] = '\0';
	return text_starts_with(text, method);
}

static void
give_facts(struct state *s)
{
	AUTO_FD int fd = accept(s->internal, NULL, NULL);
	AUTO_FREE char *text = NULL;
	size_t size;

	if (fd < 0 || !read_request(fd, "internal.GetSystemInfo dom0 name dom0"))
		return;
	s->count++;
	if (read_file(s->facts_path, MAX_FACTS_BYTES, &text, &size, NULL) < 0) {
		write_all(fd, "2\0QubesException\0\0no\0", 21);
		return;
	}
	write_all(fd, "0", 2);
	write_all(fd, text, size);
}

static void
add_listener(struct state *s)
{
	AUTO_FD int fd = accept(s->public, NULL, NULL);

	if (fd < 0 || s->listener_count == MAX_LISTENERS ||
		!read_request(fd, "admin.Events dom0 name dom0"))
		return;
	write_all(fd, first_event, sizeof(first_event));
	s->listeners[s->listener_count++] = steal_fd(&fd);
}

static void
obey(struct state *s)
{
	char command;

	if (read(s->control, &command, 1) != 1)
		_exit(0);
	for (size_t i = 0; command == 'e' && i < s->listener_count; i++)
		write_all(s->listeners[i], event, sizeof(event));
	for (size_t i = 0; command == 's' && i < s->listener_count; i++)
		write_all(s->listeners[i], stop_event, sizeof(stop_event));
	/* Tells that it is done, and how often facts were asked for. */
	write_all(s->control, &s->count, sizeof(s->count));
}

static _Noreturn void
serve(struct state *s)
{
	for (;;) {
		struct pollfd fds[] = {
			{s->control, POLLIN, 0}, {s->internal, POLLIN, 0}, {s->public, POLLIN, 0}};

		poll(fds, 3, -1);
		if (fds[0].revents != 0)
			obey(s);
		if (fds[1].revents != 0)
			give_facts(s);
		if (fds[2].revents != 0)
			add_listener(s);
	}
}

void
fake_qubesd_start(struct fake_qubesd *q, const char *facts_path, bool with_events)
{
	AUTO_FREE char *internal = root_path("/run/qubesd.internal.sock");
	AUTO_FREE char *public = root_path("/run/qubesd.sock");
	struct state s = {.facts_path = facts_path, .public = -1};
	AUTO_ERR struct err err = ERR_INIT;
	int control[2];

	s.internal = socket_listen(internal, 0600, &err);
	if (with_events)
		s.public = socket_listen(public, 0600, &err);
	if (s.internal < 0 || (with_events && s.public < 0) || socket_pair(control) < 0)
		fatal("fake qubesd: %s", err_message(&err));
	q->pid = fork();
	if (q->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(control[0]);
		s.control = control[1];
		serve(&s);
	}
	close(s.internal);
	if (s.public >= 0)
		close(s.public);
	close(control[1]);
	q->control = control[0];
}

static unsigned
command(struct fake_qubesd *q, char what)
{
	unsigned count = 0;

	if (write_all(q->control, &what, 1) < 0 ||
		read_exactly(q->control, &count, sizeof(count)) < 0)
		fatal("fake qubesd: is gone");
	return count;
}

void
fake_qubesd_send_event(struct fake_qubesd *q)
{
	command(q, 'e');
}

void
fake_qubesd_send_stop(struct fake_qubesd *q)
{
	command(q, 's');
}

unsigned
fake_qubesd_count(struct fake_qubesd *q)
{
	return command(q, 'c');
}

void
fake_qubesd_stop(struct fake_qubesd *q)
{
	AUTO_FREE char *internal = root_path("/run/qubesd.internal.sock");
	AUTO_FREE char *public = root_path("/run/qubesd.sock");

	close(q->control);
	kill(q->pid, SIGKILL);
	waitpid(q->pid, NULL, 0);
	unlink(internal);
	unlink(public);
}
