/*
 * One question put to a program. Runs in qrexec-daemon. The answer counts only when the program
 * has both closed its output and exited with 0.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/child.h"
#include "base/cleanup.h"
#include "base/socket.h"
#include "base/stream.h"
#include "base/text.h"
#include "qrexec/host/policy_carrier.h"

struct policy_program {
	struct loop_child *child;
	struct stream *stream;
	bool output_ended;
	int output_error;
	bool exited;
	int wait_status;
	policy_bytes_callback callback;
	void *data;
};

static void
finish_if_complete(struct policy_program *p)
{
	struct buf *bytes = stream_in(p->stream);
	bool refused =
		p->exited && (!WIFEXITED(p->wait_status) || WEXITSTATUS(p->wait_status) != 0);

	/* Without bytes, or without 0, there is nothing to wait for: neither for a program that
	 * writes for ever nor for whoever else holds the output open. */
	if (p->output_error != 0)
		p->callback(NULL, "policy program's answer can not be read", p->data);
	else if (refused)
		p->callback(NULL, "policy program refused", p->data);
	else if (!p->exited || !p->output_ended)
		return;
	else if (buf_len(bytes) == 0)
		p->callback(NULL, "policy program gave no answer", p->data);
	else
		p->callback(bytes, NULL, p->data);
}

static void
handle_data(struct stream *stream, struct buf *in, void *data)
{
	(void)stream;
	(void)in;
	(void)data;
}

static void
handle_end(struct stream *stream, int error, void *data)
{
	struct policy_program *p = data;

	(void)stream;
	p->output_ended = true;
	p->output_error = error;
	finish_if_complete(p);
}

static void
handle_exit(struct loop_child *child, int wait_status, void *data)
{
	struct policy_program *p = data;

	loop_child_destroy(child);
	p->child = NULL;
	p->exited = true;
	p->wait_status = wait_status;
	finish_if_complete(p);
}

static pid_t
start(const char *program, const struct policy_question *question, int fd, struct err *err)
{
	const char *argv[] = {
		program, "--", question->source, question->target, question->service, NULL};
	const struct child_fd fds[] = {{fd, 0}, {fd, 1}, {2, 2}};
	struct child_config config = CHILD_CONFIG_INIT;

	config.argv = argv;
	config.fds = fds;
	config.fd_count = sizeof(fds) / sizeof(fds[0]);
	return child_start(&config, err);
}

struct policy_program *
policy_program_create(struct loop *loop, const char *program,
	const struct policy_question *question, policy_bytes_callback callback, void *data,
	struct err *err)
{
	static const struct stream_handler handler = {
		.handle_data = handle_data,
		.handle_end = handle_end,
	};
	struct policy_program *p;
	AUTO_FD int ours = -1;
	AUTO_FD int theirs = -1;
	int pair[2], result;
	pid_t pid;

	result = socket_pair(pair);
	if (result < 0) {
		err_set_errno(err, -result, "policy program '%s'", program);
		return NULL;
	}
	ours = pair[0];
	theirs = pair[1];
	pid = start(program, question, theirs, err);
	if (pid < 0)
		return NULL;

	p = xcalloc(1, sizeof(*p));
	p->callback = callback;
	p->data = data;
	p->child = loop_child_create(loop, pid, handle_exit, p);
	if (p->child == NULL) {
		child_end(pid);
	} else {
		p->stream = stream_create(loop, ours, POLICY_ANSWER_MAX, 1, &handler, p);
	}
	if (p->stream == NULL) {
		err_set_errno(err, errno, "policy program '%s'", program);
		policy_program_destroy(p);
		return NULL;
	}
	steal_fd(&ours);
	return p;
}

void
policy_program_destroy(struct policy_program *p)
{
	if (p == NULL)
		return;
	/* Killed rather than asked: waiting may not take long. */
	if (p->child != NULL)
		loop_child_end(p->child);
	stream_destroy(p->stream);
	free(p);
}
