/*
 * Where an allowed call goes: to dom0, to a qube, which may have to be started, or to a disposable
 * made for it. Runs in qrexec-daemon; the answer that is followed here is the policy's.
 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "qrexec/host/call_internal.h"
#include "qrexec/host/socket_names.h"

#define DISPOSABLE_PREFIX "@dispvm:"

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
	call_log(call, "allowed", "dom0");
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
	call_log(call, "allowed", call->destination);
	/* The connection to the other daemon tells either side when the call is over. */
	call->state = CALL_RUNNING;
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

void
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
