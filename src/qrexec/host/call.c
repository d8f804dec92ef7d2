/*
 * Calls from the qube. Runs in qrexec-daemon. The request is the qube's and was cleaned before
 * anybody else sees it; the policy's answer is trusted as far as policy_answer.h checked it.
 *
 *     POLICY -> dom0: service process ------------------------------> answered
 *            -> qube: CONNECTING <-> STARTING ---------------------> answered, RUNNING -> OVER
 *            -> disposable: CREATING -> STARTING -> CONNECTING ----> answered, RUNNING -> KILLING
 */
#include "qrexec/host/call.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "qrexec/host/call_internal.h"

#define LOG_LINES_PER_SECOND 50

void
call_table_init(struct call_table *table)
{
	list_init(&table->calls);
	table->count = 0;
	table->unanswered = 0;
}

void
call_log(struct call *call, const char *outcome, const char *detail)
{
	struct call_table *t = call->table;
	uint64_t second = loop_now_ms() / 1000;

	if (second != t->log_second) {
		if (t->log_lines > LOG_LINES_PER_SECOND)
			log_warning("calls: %u more were not logged",
				t->log_lines - LOG_LINES_PER_SECOND);
		t->log_second = second;
		t->log_lines = 0;
	}
	if (t->log_lines++ < LOG_LINES_PER_SECOND)
		log_info("call of '%s' to '%s': %s: %s", call->service, call->target, outcome,
			detail);
}

void
call_destroy(struct call *call)
{
	struct call_table *t = call->table;

	if (!call->answered)
		t->unanswered--;
	list_remove(&call->link);
	t->count--;
	policy_query_destroy(call->query);
	admin_call_destroy(call->admin);
	call_disposable_destroy(call->disposable);
	exec_request_destroy(call->request);
	call_channel_close(call->channel);
	policy_answer_finish(&call->answer);
	free(call->service);
	free(call->target);
	free(call->destination);
	free(call);
	if (list_empty(&t->calls) && t->handle_empty != NULL)
		t->handle_empty(t->data);
}

void
call_end(struct call *call)
{
	exec_request_destroy(steal_ptr(call->request));
	admin_call_destroy(steal_ptr(call->admin));
	call_channel_close(steal_ptr(call->channel));
	if (call->disposable != NULL) {
		call->state = CALL_KILLING;
		if (call_disposable_kill(call->disposable) == 0)
			return;
	}
	call_destroy(call);
}

void
call_mark_answered(struct call *call)
{
	call->answered = true;
	call->table->unanswered--;
}

void
call_refuse(struct call *call, const char *reason)
{
	call_log(call, "refused", reason);
	if (!call->answered) {
		agent_send_refused(call->table->agent, call->id);
		call_mark_answered(call);
	}
	call_end(call);
}

/* The agent gets the same id in full, as it sent it. */
void
call_accept(struct call *call, uint32_t domain, uint32_t port)
{
	agent_send_params(call->table->agent, QREXEC_SERVICE_CONNECT, domain, port, call->id,
		sizeof(call->id));
	call_mark_answered(call);
}

/*
 * The same port may belong to a newer call by now, as the target gives it out again when its own
 * end is over. Each caller leaves once, so the oldest that has not is the one that is meant.
 */
void
call_caller_left(struct call_table *t, uint32_t domain, uint32_t port)
{
	struct call *call;

	list_for_each (call, &t->calls, link) {
		if ((call->state != CALL_RUNNING && call->state != CALL_OVER) ||
			call->caller_left || call->peer != domain || call->port != port)
			continue;
		call->caller_left = true;
		if (call->state == CALL_OVER)
			call_destroy(call);
		else
			call_channel_caller_left(call->channel);
		return;
	}
}

static void
handle_policy(struct policy_answer *answer, const char *reason, void *data)
{
	struct call *call = data;
	AUTO_FREE char *kept = text_copy(reason != NULL ? reason : "denied by policy");

	if (answer != NULL) {
		call->answer = *answer;
		*answer = (struct policy_answer){0};
	}
	policy_query_destroy(steal_ptr(call->query));
	if (call->answered)
		call_end(call);
	else if (!call->answer.allow)
		call_refuse(call, kept);
	else
		call_follow_answer(call);
}

/* The words that policy and, later, the service see; what was said is logged if it differs. */
static void
clean(struct call *call, const struct qrexec_trigger *untrusted)
{
	qrexec_clean_service(call->service);
	qrexec_clean_name(call->target);
	if (!text_equal(call->service, untrusted->service) ||
		!text_equal(call->target, untrusted->target))
		call_log(call, "was asked as", untrusted->service);
}

static struct call *
call_create(struct call_table *t, const struct qrexec_trigger *untrusted)
{
	struct call *call = xcalloc(1, sizeof(*call));

	call->table = t;
	memcpy(call->id, untrusted->id, sizeof(call->id));
	call->service = text_copy(untrusted->service);
	call->target = text_copy(untrusted->target);
	list_append(&t->calls, &call->link);
	t->count++;
	t->unanswered++;
	clean(call, untrusted);
	return call;
}

static const char *
find_fault(const struct call_table *t, const struct qrexec_trigger *untrusted)
{
	if (!qrexec_request_id_valid(untrusted->id))
		return "request id is not valid";
	if (!qrexec_service_valid(untrusted->service, untrusted->size))
		return "service is not valid";
	if (t->unanswered >= QREXEC_CALLS_MAX)
		return "too many calls are waiting";
	if (t->count >= CALLS_AT_ONCE_MAX)
		return "too many calls are not over yet";
	return NULL;
}

void
call_begin(struct call_table *t, const struct qrexec_trigger *untrusted)
{
	const char *fault = find_fault(t, untrusted);
	char source[QREXEC_NAME_BYTES];
	struct policy_question question;
	struct call *call;

	if (fault != NULL) {
		log_debug("call: refused: %s", fault);
		agent_send_refused(t->agent, untrusted->id);
		return;
	}
	call = call_create(t, untrusted);
	memcpy(source, untrusted->source, sizeof(source));
	qrexec_clean_name(source);
	question = (struct policy_question){
		.source = t->name,
		.requested_source = source,
		.target = call->target,
		.service = call->service,
	};
	call->query = policy_client_ask(t->policy, &question, handle_policy, call);
	if (call->query == NULL)
		call_refuse(call, strerror(errno));
}

static struct call *
find_unanswered(struct call_table *t, const char *id)
{
	struct call *call;

	list_for_each (call, &t->calls, link) {
		if (!call->answered && strncmp((const char *)call->id, id, sizeof(call->id)) == 0)
			return call;
	}
	return NULL;
}

void
call_withdraw(struct call_table *t, uint32_t untrusted_number)
{
	AUTO_FREE char *id = text_format(QREXEC_REQUEST_ID_PREFIX "%" PRIu32, untrusted_number);
	struct call *call = find_unanswered(t, id);

	/* The target's daemon cannot be told: its end waits for a caller, and is hung up. */
	if (call == NULL || call->state == CALL_CONNECTING)
		return;
	call_log(call, "withdrawn", "its caller left");
	agent_send_refused(t->agent, call->id);
	call_mark_answered(call);
	/* What is being created can only be killed once its name is known. */
	if (call->state != CALL_CREATING)
		call_end(call);
}

bool
call_take_over(struct call_table *t, const char *id)
{
	struct call *call = find_unanswered(t, id);

	if (call == NULL)
		return false;
	call_mark_answered(call);
	call_log(call, "accepted", "by a local client");
	return true;
}

void
call_table_cancel(struct call_table *t, bool keep_running)
{
	struct call *call, *following;

	list_for_each_safe (call, following, &t->calls, link) {
		if (call->state == CALL_RUNNING)
			call->caller_left = true; /* nobody will say so any more */
		if (call->state == CALL_KILLING || (call->state == CALL_RUNNING && keep_running))
			continue;
		/* What is being created can only be killed once its name is known. */
		if (call->state == CALL_CREATING) {
			if (!call->answered)
				call_mark_answered(call);
			continue;
		}
		policy_query_destroy(steal_ptr(call->query));
		call_end(call);
	}
}

void
call_table_finish(struct call_table *t)
{
	struct call *call, *following;

	t->handle_empty = NULL;
	list_for_each_safe (call, following, &t->calls, link)
		call_destroy(call);
}
