/*
 * Asks the policy engine: first over its socket, then, where one was named, by the program.
 * Runs in qrexec-daemon.
 */
#include "qrexec/host/policy_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "qrexec/host/policy_carrier.h"

struct policy_client {
	struct loop *loop;
	char *socket_path;
	char *program; /* or NULL */
};

struct policy_query {
	struct policy_client *client;
	char *source, *requested_source, *target, *service;
	struct policy_socket *socket;
	struct policy_program *program;
	policy_callback callback;
	void *data;
};

struct policy_client *
policy_client_create(struct loop *loop, const char *socket_path, const char *program)
{
	struct policy_client *c = xcalloc(1, sizeof(*c));

	c->loop = loop;
	c->socket_path = text_copy(socket_path);
	c->program = program != NULL ? text_copy(program) : NULL;
	return c;
}

void
policy_client_destroy(struct policy_client *c)
{
	if (c == NULL)
		return;
	free(c->socket_path);
	free(c->program);
	free(c);
}

/* Reports what the bytes say. False, and nothing reported, when they say nothing valid. */
static bool
answer_from(struct policy_query *q, const struct buf *bytes, const char *carrier)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_POLICY_ANSWER struct policy_answer answer = {0};

	if (policy_answer_parse(buf_data(bytes), buf_len(bytes), &answer, &err) < 0) {
		log_warning("%s: %s", carrier, err_message(&err));
		return false;
	}
	q->callback(&answer, NULL, q->data);
	return true;
}

static void
handle_program_bytes(const struct buf *bytes, const char *reason, void *data)
{
	struct policy_query *q = data;

	if (bytes != NULL && answer_from(q, bytes, "policy program"))
		return;
	q->callback(
		NULL, reason != NULL ? reason : "policy program's answer is malformed", q->data);
}

/* The program can not be told a claimed source, so it may not decide about one. */
static void
ask_program(struct policy_query *q, const char *reason)
{
	const struct policy_question question = {
		.source = q->source,
		.requested_source = "",
		.target = q->target,
		.service = q->service,
	};
	AUTO_ERR struct err err = ERR_INIT;

	if (q->client->program == NULL || q->requested_source[0] != '\0') {
		q->callback(NULL, reason, q->data);
		return;
	}
	q->program = policy_program_create(
		q->client->loop, q->client->program, &question, handle_program_bytes, q, &err);
	if (q->program == NULL)
		q->callback(NULL, err_message(&err), q->data);
}

static void
handle_socket_bytes(const struct buf *bytes, const char *reason, void *data)
{
	struct policy_query *q = data;
	AUTO_FREE char *kept = text_copy(reason != NULL ? reason
							: "policy daemon's answer is "
							  "malformed");

	if (bytes != NULL && answer_from(q, bytes, "policy daemon"))
		return;
	policy_socket_destroy(steal_ptr(q->socket));
	ask_program(q, kept);
}

struct policy_query *
policy_client_ask(struct policy_client *client, const struct policy_question *question,
	policy_callback callback, void *data)
{
	struct policy_query *q = xcalloc(1, sizeof(*q));

	q->client = client;
	q->callback = callback;
	q->data = data;
	q->source = text_copy(question->source);
	q->requested_source = text_copy(question->requested_source);
	q->target = text_copy(question->target);
	q->service = text_copy(question->service);
	q->socket = policy_socket_create(
		client->loop, client->socket_path, question, handle_socket_bytes, q);
	if (q->socket == NULL) {
		policy_query_destroy(q);
		return NULL;
	}
	return q;
}

void
policy_query_destroy(struct policy_query *q)
{
	if (q == NULL)
		return;
	policy_socket_destroy(q->socket);
	policy_program_destroy(q->program);
	free(q->source);
	free(q->requested_source);
	free(q->target);
	free(q->service);
	free(q);
}
