/*
 * The seam to the policy engine: a question goes out, an answer comes back later, and no question
 * waits for another. Two carriers are known (spec qrexec.md 6.1 and 6.2): the policy daemon's
 * socket, and, only where the daemon was told of one, a program that is run for each question.
 * With neither the answer is no: a missing engine refuses.
 */
#ifndef BULKHEAD_QREXEC_HOST_POLICY_CLIENT_H
#define BULKHEAD_QREXEC_HOST_POLICY_CLIENT_H

#include "base/loop.h"
#include "qrexec/host/policy_answer.h"

struct policy_question {
	const char *source;           /* the qube that calls, as we know it */
	const char *requested_source; /* the qube it claims to speak for, "" for none */
	const char *target;           /* as asked; may be empty */
	const char *service;          /* NAME or NAME+ARGUMENT, as asked */
};

/*
 * Called once, never from within policy_client_ask(). `answer` is NULL when there is none that
 * can be used; `reason` then says why, in words for the log. The answer's texts may be taken.
 * The query is over: destroy it inside.
 */
typedef void (*policy_callback)(struct policy_answer *answer, const char *reason, void *data);

struct policy_client;
struct policy_query;

/* socket_path: the policy daemon's; program: the fallback, or NULL. Both are copied. */
struct policy_client *policy_client_create(
	struct loop *loop, const char *socket_path, const char *program);
void policy_client_destroy(struct policy_client *client);

/* The question's texts are copied. NULL with errno set when the kernel refuses. */
struct policy_query *policy_client_ask(struct policy_client *client,
	const struct policy_question *question, policy_callback callback, void *data);

/* Ends the query; a prompt behind it ends with it. NULL is fine. */
void policy_query_destroy(struct policy_query *query);

#endif
