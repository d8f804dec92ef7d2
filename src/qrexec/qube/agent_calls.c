/*
 * Calls that are being carried, see agent.h: each by a worker, or by the fork server of a user's
 * session. Every one of them ends with CONNECTION_TERMINATED for the very domain and port
 * that dom0 had given.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "qrexec/qube/agent.h"
#include "qrexec/qube/fork_request.h"
#include "qrexec/qube/meminfo.h"
#include "qrexec/qube/sessions.h"
#include "qrexec/qube/workers.h"

struct running {
	struct list link; /* calls.list */
	struct calls *calls;
	struct worker *worker;             /* ours, or */
	struct fork_request *fork_request; /* a fork server's */
	struct session *session;           /* in use by the worker; NULL: none */
	uint32_t domain;
	uint32_t port;
};

struct calls {
	struct agent *agent;
	struct list list;
	bool started_once;
};

static void
running_destroy(struct running *r)
{
	list_remove(&r->link);
	if (r->worker != NULL)
		worker_forget(r->worker);
	fork_request_destroy(r->fork_request);
	free(r);
}

static void
end_call(struct running *r)
{
	control_send_terminated(r->calls->agent->control, r->domain, r->port);
	sessions_release(r->calls->agent->sessions, r->session);
	running_destroy(r);
}

static void
handle_worker_end(struct worker *worker, void *data)
{
	struct running *r = data;

	r->worker = NULL;
	end_call(r);
}

static void
handle_fork_server_end(struct fork_request *request, void *data)
{
	end_call(data);
}

static struct running *
running_create(struct calls *calls, const struct call *call)
{
	struct running *r = xcalloc(1, sizeof(*r));

	r->calls = calls;
	r->domain = call->domain;
	r->port = call->port;
	list_append(&calls->list, &r->link);
	return r;
}

/* Whether the user's session may carry the call, and does. */
static bool
give_to_fork_server(struct calls *calls, const struct call *call)
{
	const struct agent_options *options = &calls->agent->options;
	struct fork_request *request;
	struct running *r;

	if (options->no_fork_server || !call->valid || call->command.nogui ||
		rpc_config_has_socket_options(&call->config))
		return false;
	r = running_create(calls, call);
	request = fork_request_create(calls->agent->loop, options->fork_server_pattern,
		call_user(call), call->type, call->domain, call->port, strchr(call->text, ':') + 1,
		handle_fork_server_end, r);
	if (request == NULL) {
		running_destroy(r);
		return false;
	}
	r->fork_request = request;
	return true;
}

static void
give_to_worker(struct calls *calls, const struct call *call)
{
	struct agent *agent = calls->agent;
	struct running *r = running_create(calls, call);

	if (agent->options.change_users && call->valid)
		r->session = sessions_take(agent->sessions, call_user(call));
	r->worker =
		workers_carry(agent->workers, call, session_fd(r->session), handle_worker_end, r);
	if (r->worker == NULL)
		end_call(r);
}

void
calls_start(struct calls *calls, struct call *call)
{
	if (!give_to_fork_server(calls, call))
		give_to_worker(calls, call);
	call_destroy(call);
}

void
calls_begin(struct calls *calls, struct call *call)
{
	if (!calls->started_once && calls->agent->options.change_users)
		meminfo_wake_writer();
	calls->started_once = true;
	if (call->valid && call->config.wait_for_session && !call->command.nogui)
		waits_add(calls->agent->waits, call);
	else
		calls_start(calls, call);
}

struct calls *
calls_create(struct agent *agent)
{
	struct calls *calls = xcalloc(1, sizeof(*calls));

	calls->agent = agent;
	list_init(&calls->list);
	return calls;
}

/* The workers live on: a call does not end because the agent does. */
void
calls_destroy(struct calls *calls)
{
	struct running *r, *next;

	if (calls == NULL)
		return;
	list_for_each_safe (r, next, &calls->list, link)
		running_destroy(r);
	free(calls);
}
