/*
 * The QMP client; see qmp.h. Runs in bulkheadd; the peer is a machine's process, which a qube may
 * have taken over.
 */
#include "admin/hypervisor/qmp.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "admin/hypervisor/qmp_message.h"
#include "base/cleanup.h"
#include "base/list.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/socket.h"
#include "base/stream.h"
#include "base/text.h"

#define QMP_OUT_MAX 262144
/* What is heard in one go, and how often: a machine that talks without end is heard in turns. */
#define QMP_BURST 100
#define QMP_REST_MS 50

struct command {
	struct list link; /* qmp.commands */
	uint64_t id;
	char *name;
	json_t *arguments;
	int fd;
	qmp_done done;
	void *data;
};

struct qmp {
	struct loop *loop;
	struct stream *stream;
	const struct qmp_handler *handler;
	void *data;
	struct list commands; /* command.link; the first may be under way */
	size_t command_count;
	bool is_greeted; /* commands may be sent */
	bool is_sent;    /* the first command is under way */
	bool is_flooded; /* by us */
	struct err end;  /* held once the connection is over */
	uint64_t next_id;
	struct loop_timer *timer;
	struct loop_timer *rest;  /* runs from the first message after a rest on */
	unsigned int heard_count; /* since then */
	struct loop_deferred *turn;
	bool *destroyed_flag; /* set when destroyed within a callback of ours */
};

static struct command *
first_command(struct qmp *qmp)
{
	return container_of(qmp->commands.next, struct command, link);
}

static void
destroy_command(struct qmp *qmp, struct command *command)
{
	list_remove(&command->link);
	qmp->command_count--;
	json_decref(command->arguments);
	if (command->fd >= 0)
		close(command->fd);
	free(command->name);
	free(command);
}

/* Answers the first command; the next follows in a later turn. The client may be gone after. */
static void
answer(struct qmp *qmp, const json_t *result, const struct err *err)
{
	struct command *command = first_command(qmp);
	qmp_done done = command->done;
	void *data = command->data;

	loop_timer_stop(qmp->timer);
	qmp->is_sent = false;
	destroy_command(qmp, command);
	loop_deferred_schedule(qmp->turn);
	if (done != NULL)
		done(data, result, err);
}

static void
fail_command(struct qmp *qmp, int code, const char *why)
{
	AUTO_ERR struct err err = ERR_INIT;

	err_set(&err, code, "machine does not do '%s': %s", first_command(qmp)->name, why);
	answer(qmp, NULL, &err);
}

/* Its last act is a callback: the client may be gone after. */
static void
end(struct qmp *qmp, int code, const char *why)
{
	if (qmp->end.code != 0)
		return;
	stream_destroy(qmp->stream);
	qmp->stream = NULL;
	loop_timer_stop(qmp->timer);
	err_set(&qmp->end, code, "%s", why);
	loop_deferred_schedule(qmp->turn);
	qmp->handler->handle_end(qmp, &qmp->end, qmp->data);
}

static char *
command_text(const struct command *command)
{
	json_t *root = json_object();
	char *compact, *line = NULL;

	json_object_set_new(root, "execute", json_string(command->name));
	if (command->arguments != NULL)
		json_object_set(root, "arguments", command->arguments);
	json_object_set_new(root, "id", json_integer((json_int_t)command->id));
	compact = json_dumps(root, JSON_COMPACT);
	if (compact != NULL)
		line = text_format("%s\n", compact);
	free(compact);
	json_decref(root);
	return line;
}

/* The descriptor goes with the first byte; nothing else is waiting to be sent then. */
static int
send_line(struct qmp *qmp, const char *line, int fd)
{
	size_t size = strlen(line);
	ssize_t sent = 0;

	if (fd >= 0) {
		sent = socket_send_fd(stream_fd(qmp->stream), line, size, fd);
		if (sent < 0)
			return (int)sent;
	}
	if ((size_t)sent == size)
		return 0;
	return stream_send(qmp->stream, line + sent, size - (size_t)sent);
}

static void
send_command(struct qmp *qmp, struct command *command)
{
	AUTO_FREE char *line = NULL;
	int result;

	command->id = qmp->next_id++;
	line = command_text(command);
	result = line != NULL ? send_line(qmp, line, command->fd) : -EINVAL;
	if (result < 0) {
		fail_command(qmp, -result, "it can not be sent");
		return;
	}
	qmp->is_sent = true;
	loop_timer_start(qmp->timer, QMP_TIMEOUT_MS);
}

/* Sends the next command, or fails it if there is nobody to send it to. */
static void
handle_turn(struct loop_deferred *source, void *data)
{
	struct qmp *qmp = data;

	if (list_empty(&qmp->commands))
		return;
	if (qmp->is_flooded && qmp->end.code == 0) {
		end(qmp, ENOBUFS, "too many commands are waiting");
		return;
	}
	if (qmp->end.code != 0)
		fail_command(qmp, qmp->end.code, err_message(&qmp->end));
	else if (qmp->is_greeted && !qmp->is_sent)
		send_command(qmp, first_command(qmp));
}

static void
handle_timeout(struct loop_timer *timer, void *data)
{
	struct qmp *qmp = data;

	if (!qmp->is_greeted)
		end(qmp, ETIMEDOUT, "the machine does not answer");
	else if (qmp->is_sent)
		fail_command(qmp, ETIMEDOUT, "no answer in time");
}

static void
take_reply(struct qmp *qmp, const struct qmp_message *message)
{
	AUTO_ERR struct err err = ERR_INIT;

	if (message->id >= qmp->next_id) {
		end(qmp, EPROTO, "an answer to nothing that was asked");
		return;
	}
	/* Late answers to commands whose time was over. */
	if (!qmp->is_sent || first_command(qmp)->id != message->id)
		return;
	if (message->kind == QMP_RETURN) {
		answer(qmp, message->data, NULL);
		return;
	}
	err_set(&err, EIO, "machine refuses '%s': %s", first_command(qmp)->name, message->text);
	answer(qmp, NULL, &err);
}

static void
handle_capabilities(void *data, const json_t *result, const struct err *err)
{
	struct qmp *qmp = data;

	if (err != NULL) {
		if (qmp->end.code == 0)
			end(qmp, EPROTO, "capabilities were refused");
		return;
	}
	qmp->handler->handle_ready(qmp, qmp->data);
}

static void
take_greeting(struct qmp *qmp)
{
	if (qmp->is_greeted) {
		end(qmp, EPROTO, "a second greeting");
		return;
	}
	qmp->is_greeted = true;
	loop_deferred_schedule(qmp->turn);
}

static void
take_message(struct qmp *qmp, const struct qmp_message *message)
{
	switch (message->kind) {
	case QMP_GREETING:
		take_greeting(qmp);
		break;
	case QMP_RETURN:
	case QMP_ERROR:
		take_reply(qmp, message);
		break;
	case QMP_EVENT:
		qmp->handler->handle_event(qmp, message->text, message->data, qmp->data);
		break;
	}
}

/* Whether one more message can be heard now; if not, the rest of them waits, and the peer with it.
 */
static bool
may_hear(struct qmp *qmp)
{
	if (qmp->heard_count == 0)
		loop_timer_start(qmp->rest, QMP_REST_MS);
	if (qmp->heard_count >= QMP_BURST) {
		stream_pause(qmp->stream);
		return false;
	}
	qmp->heard_count++;
	return true;
}

/* The client may be gone after. */
static void
take_messages(struct qmp *qmp)
{
	/* A callback may have ended the connection, and what is in it. */
	while (qmp->stream != NULL && may_hear(qmp)) {
		struct qmp_message message;
		bool destroyed = false;
		int result = qmp_message_read(stream_in(qmp->stream), &message);

		if (result == 0)
			return;
		if (result < 0) {
			end(qmp, EPROTO, "a line that is no QMP message");
			return;
		}
		qmp->destroyed_flag = &destroyed;
		take_message(qmp, &message);
		qmp_message_finish(&message);
		if (destroyed)
			return;
		qmp->destroyed_flag = NULL;
	}
}

static void
handle_data(struct stream *s, struct buf *in, void *data)
{
	take_messages(data);
}

static void
handle_rested(struct loop_timer *timer, void *data)
{
	struct qmp *qmp = data;

	qmp->heard_count = 0;
	if (qmp->stream == NULL)
		return;
	stream_resume(qmp->stream);
	take_messages(qmp);
}

static void
handle_stream_end(struct stream *s, int error, void *data)
{
	struct qmp *qmp = data;

	if (error == -ENOBUFS)
		end(qmp, EPROTO, "a line that is too long");
	else
		end(qmp, ECONNRESET, "the machine closed the connection");
}

static const struct stream_handler stream_handler = {
	.handle_data = handle_data,
	.handle_end = handle_stream_end,
};

struct qmp *
qmp_create(struct loop *loop, int fd, const struct qmp_handler *handler, void *data)
{
	struct qmp *qmp = xcalloc(1, sizeof(*qmp));

	qmp->loop = loop;
	qmp->handler = handler;
	qmp->data = data;
	qmp->next_id = 1;
	list_init(&qmp->commands);
	qmp->timer = loop_timer_create(loop, handle_timeout, qmp);
	qmp->rest = loop_timer_create(loop, handle_rested, qmp);
	qmp->turn = loop_deferred_create(loop, handle_turn, qmp);
	if (qmp->timer != NULL && qmp->rest != NULL && qmp->turn != NULL)
		qmp->stream = stream_create(
			loop, fd, (size_t)2 * QMP_LINE_MAX, QMP_OUT_MAX, &stream_handler, qmp);
	if (qmp->stream == NULL) {
		close(fd);
		qmp_destroy(qmp);
		return NULL;
	}
	loop_timer_start(qmp->timer, QMP_TIMEOUT_MS);
	/* The first command of all; it waits for the greeting, as all do. */
	qmp_execute(qmp, "qmp_capabilities", NULL, -1, handle_capabilities, qmp);
	return qmp;
}

void
qmp_destroy(struct qmp *qmp)
{
	struct command *command, *following;

	if (qmp == NULL)
		return;
	if (qmp->destroyed_flag != NULL)
		*qmp->destroyed_flag = true;
	list_for_each_safe (command, following, &qmp->commands, link)
		destroy_command(qmp, command);
	stream_destroy(qmp->stream);
	loop_timer_destroy(qmp->timer);
	loop_timer_destroy(qmp->rest);
	loop_deferred_destroy(qmp->turn);
	err_clear(&qmp->end);
	free(qmp);
}

void
qmp_execute(struct qmp *qmp, const char *name, json_t *arguments, int fd, qmp_done done, void *data)
{
	struct command *command;

	if (qmp->command_count >= QMP_QUEUE_MAX)
		qmp->is_flooded = true;
	command = xcalloc(1, sizeof(*command));
	command->name = text_copy(name);
	command->arguments = arguments;
	command->fd = fd;
	command->done = done;
	command->data = data;
	list_append(&qmp->commands, &command->link);
	qmp->command_count++;
	loop_deferred_schedule(qmp->turn);
}
