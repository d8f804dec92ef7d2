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
#include "qrexec/host/admin_call.h"
#include "qrexec/host/call_channel.h"
#include "qrexec/host/call_disposable.h"
#include "qrexec/host/exec_request.h"
#include "qrexec/host/socket_names.h"

#define LOG_LINES_PER_SECOND 50
#define DISPOSABLE_PREFIX "@dispvm:"

enum call_state {
	CALL_POLICY,
	CALL_CREATING,
	CALL_STARTING,
	CALL_CONNECTING,
	CALL_RUNNING,
	CALL_OVER, /* for the target; the caller has not yet said so */
	CALL_KILLING,
};

struct call {
	struct call_table *table;
	struct list link; /* call_table.calls */
	enum call_state state;
	bool answered;
	bool started; /* the target was started for us: a second failure is final */
	uint8_t id[QREXEC_REQUEST_ID_BYTES];
	char *service; /* as asked, cleaned */
	char *target;
	struct policy_answer answer;
	char *destination;                  /* whom to connect to: name or uuid:... */
	struct call_disposable *disposable; /* made for this call only */

	struct policy_query *query;
	struct admin_call *admin;
	struct exec_request *request;

	/* With another qube, once accepted: */
	uint32_t peer, port;
	bool caller_left;
	struct call_channel *channel;
};

void
call_table_init(struct call_table *table)
{
	list_init(&table->calls);
	table->count = 0;
	table->unanswered = 0;
}

/* One line a call; a qube that calls in a loop can not fill the disk. */
static void
log_call(struct call *call, const char *outcome, const char *detail)
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

static void
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

/* The call's own end: what was made for it goes, too. */
static void
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

static void
mark_answered(struct call *call)
{
	call->answered = true;
	call->table->unanswered--;
}

static void
call_refuse(struct call *call, const char *reason)
{
	log_call(call, "refused", reason);
	if (!call->answered) {
		agent_send_refused(call->table->agent, call->id);
		mark_answered(call);
	}
	call_end(call);
}

/* The agent gets the same id in full, as it sent it. */
static void
call_accept(struct call *call, uint32_t domain, uint32_t port)
{
	agent_send_params(call->table->agent, QREXEC_SERVICE_CONNECT, domain, port, call->id,
		sizeof(call->id));
	mark_answered(call);
}

static const char *
missing_plus(const char *service)
{
	return strchr(service, '+') == NULL ? "+" : "";
}

char *
call_command_for_qube(const char *user, const char *service, const char *source)
{
	return text_format("%s:QUBESRPC %s%s %s", user[0] != '\0' ? user : "DEFAULT", service,
		missing_plus(service), source);
}

char *
call_command_for_dom0(const char *service, const char *source, const char *requested_target)
{
	bool keyword = requested_target[0] == '@';

	return text_format("QUBESRPC %s%s %s %s %s", service, missing_plus(service), source,
		keyword ? "keyword" : "name", requested_target + keyword);
}

static const char *
effective_service(const struct call *call)
{
	return call->answer.service != NULL ? call->answer.service : call->service;
}

static const char *
effective_source(const struct call *call)
{
	return call->answer.policy_source != NULL ? call->answer.policy_source : call->table->name;
}

/* The process is there before the qube hears of the port, so that it never waits for nobody. */
static void
connect_dom0(struct call *call)
{
	struct call_table *t = call->table;
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *command = call_command_for_dom0(
		effective_service(call), effective_source(call), call->answer.requested_target);
	int port = port_table_allocate(t->ports, 0, NULL);
	void *holder;

	if (port < 0) {
		call_refuse(call, "no free port");
		return;
	}
	if (service_process_start(t->services, t->domain, port, t->name, command, &err) < 0) {
		port_table_release(t->ports, 0, (uint32_t)port, &holder);
		call_refuse(call, err_message(&err));
		return;
	}
	call_accept(call, 0, (uint32_t)port);
	log_call(call, "allowed", "dom0");
	call_end(call);
}

static void connect_qube(struct call *call);

/* The grant is there before the qube hears of the port: its first bytes have somewhere to go. */
static void
handle_accepted(uint32_t domain, uint32_t port, void *data)
{
	struct call *call = data;
	struct call_table *t = call->table;
	const struct call_channel_config config = {
		.caller = (uint32_t)t->domain,
		.target = domain,
		.port = port,
		.over_link = agent_is_over_link(t->agent),
	};

	if (call->answered) {
		call_end(call);
		return;
	}
	call->peer = domain;
	call->port = port;
	call->channel = call_channel_open(t->hangups, &config);
	if (call->channel == NULL) {
		call_refuse(call, strerror(errno));
		return;
	}
	call_accept(call, domain, port);
	log_call(call, "allowed", call->destination);
	/* The connection to the other daemon tells either side when the call is over. */
	call->state = CALL_RUNNING;
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
handle_target_end(struct call *call)
{
	if (call->caller_left || call->disposable != NULL) {
		call_end(call);
		return;
	}
	call_channel_close(steal_ptr(call->channel));
	call->state = CALL_OVER;
}

static void
handle_started(const char *content, const char *exception, void *data)
{
	struct call *call = data;

	admin_call_destroy(steal_ptr(call->admin));
	call->started = true;
	if (content == NULL && !text_equal(exception, "QubesVMNotHaltedError"))
		call_refuse(call, "target can not be started");
	else if (call->answered) /* someone took it over meanwhile: one answer, ever */
		call_end(call);
	else
		connect_qube(call);
}

static void
start_qube(struct call *call)
{
	struct call_table *t = call->table;

	call->state = CALL_STARTING;
	call->admin = admin_call_create(t->loop, t->admin_socket, "admin.vm.Start",
		call->destination, "", handle_started, call);
	if (call->admin == NULL)
		call_refuse(call, strerror(errno));
}

static void
handle_request_end(int error, void *data)
{
	struct call *call = data;
	bool absent = error == -ENOENT || error == -ECONNREFUSED;

	exec_request_destroy(steal_ptr(call->request));
	if (call->state == CALL_RUNNING)
		handle_target_end(call);
	else if (absent && call->answer.autostart && !call->started)
		start_qube(call);
	else
		call_refuse(call, absent ? "target is not running" : strerror(-error));
}

static void
connect_qube(struct call *call)
{
	static const struct exec_request_handler handler = {
		.handle_accepted = handle_accepted,
		.handle_end = handle_request_end,
	};
	struct call_table *t = call->table;
	AUTO_FREE char *path = socket_target_path(t->socket_directory, call->destination);
	AUTO_FREE char *command = call_command_for_qube(
		call->answer.user, effective_service(call), effective_source(call));

	call->state = CALL_CONNECTING;
	call->request =
		exec_request_create(t->loop, path, (uint32_t)t->domain, command, &handler, call);
	if (call->request == NULL)
		call_refuse(call, strerror(errno));
}

static void
handle_created(const char *name, void *data)
{
	struct call *call = data;

	if (name == NULL) {
		call_disposable_destroy(steal_ptr(call->disposable));
		call_refuse(call, "disposable can not be created");
		return;
	}
	call->destination = text_copy(name);
	if (call->answered)
		call_end(call);
	else
		start_qube(call);
}

static void
handle_killed(void *data)
{
	call_destroy(data);
}

static void
create_disposable(struct call *call, const char *base)
{
	const struct call_disposable_config config = {
		.loop = call->table->loop,
		.admin_socket = call->table->admin_socket,
		.base = base,
		.by_uuid = call->answer.target_uuid != NULL,
		.handle_created = handle_created,
		.handle_killed = handle_killed,
		.data = call,
	};

	if (!call->answer.autostart) {
		call_refuse(call, "a disposable needs autostart");
		return;
	}
	call->state = CALL_CREATING;
	call->disposable = call_disposable_create(&config);
	if (call->disposable == NULL)
		call_refuse(call, strerror(errno));
}

/* A channel from a domain to itself does not exist. */
static bool
is_own(const struct call_table *t, const char *target)
{
	if (text_starts_with(target, "uuid:"))
		return text_equal(target + strlen("uuid:"), t->uuid);
	return text_equal(target, t->name);
}

static void
call_follow_answer(struct call *call)
{
	const struct policy_answer *a = &call->answer;
	const char *target = a->target_uuid != NULL ? a->target_uuid : a->target;

	if (text_equal(a->target, "dom0")) {
		connect_dom0(call);
	} else if (text_starts_with(target, DISPOSABLE_PREFIX)) {
		create_disposable(call, target + strlen(DISPOSABLE_PREFIX));
	} else if (!socket_target_valid(target) || is_own(call->table, target)) {
		call_refuse(call, "target can not be called");
	} else {
		call->destination = text_copy(target);
		connect_qube(call);
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
		log_call(call, "was asked as", untrusted->service);
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
	log_call(call, "withdrawn", "its caller left");
	agent_send_refused(t->agent, call->id);
	mark_answered(call);
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
	mark_answered(call);
	log_call(call, "accepted", "by a local client");
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
				mark_answered(call);
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
