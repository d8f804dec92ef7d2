/* The parts of qrexec-daemon, joined. */
#include "qrexec/host/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "base/text.h"
#include "qrexec/host/call.h"
#include "qrexec/host/hangup.h"
#include "qrexec/host/local_server.h"
#include "qrexec/host/socket_names.h"

/* At the end, disposables of running calls are killed first; qubesd may be gone, too. */
#define SHUTDOWN_TIMEOUT_MS 5000

struct daemon {
	const struct daemon_options *options;
	struct loop *loop;
	struct loop_signal *sigterm, *sigint;
	struct loop_timer *startup_timer, *shutdown_timer;
	int ready_fd;
	bool stopping;
	char *socket_directory, *policy_socket, *admin_socket;

	struct agent *agent;
	struct policy_client *policy;
	struct port_table ports;
	struct hangups hangups;
	struct hangup *by_port[QREXEC_PORT_COUNT]; /* for ports whose holder is gone */
	struct service_processes services;
	struct call_table calls;
	struct socket_names names; /* these two only while the agent is there */
	struct local_server *server;
};

static bool
is_congested(void *data)
{
	struct daemon *d = data;

	return agent_congested(d->agent);
}

/* "DEFAULT:" is the only word that stands for another. The result is freed by the caller. */
static char *
replace_default_user(const struct daemon *d, const struct local_request *request)
{
	static const char word[] = "DEFAULT:";

	if (request->type == QREXEC_SERVICE_CONNECT || !text_starts_with(request->text, word))
		return NULL;
	return text_format("%s:%s", d->options->default_user, request->text + strlen(word));
}

/* The answer goes out before the agent hears of it: the port must have a server by then. */
static bool
forward(struct daemon *d, struct local_client *client, const struct local_request *request)
{
	AUTO_FREE char *replaced = replace_default_user(d, request);
	const char *text = replaced != NULL ? replaced : request->text;
	size_t size = replaced != NULL ? strlen(replaced) + 1 : request->size;
	int port = (int)request->port;

	if (size > QREXEC_COMMAND_BYTES) {
		log_warning("local client: command is too long with its user");
		return false;
	}
	if (port == 0) {
		port = port_table_allocate(&d->ports, request->domain, client);
		if (port < 0) {
			log_warning("local client: no free port for domain %u", request->domain);
			return false;
		}
		hangup_cancel(d->by_port[port - QREXEC_PORT_MIN]);
		local_client_answer(
			client, request->type, (uint32_t)d->options->domain, (uint32_t)port);
	}
	agent_send_params(d->agent, request->type, request->domain, (uint32_t)port, text, size);
	return true;
}

static bool
handle_request(struct local_client *client, const struct local_request *request, void *data)
{
	struct daemon *d = data;

	if (request->type != QREXEC_SERVICE_CONNECT) {
		if (request->port != 0)
			log_warning("local client: names port %u itself", request->port);
		return forward(d, client, request);
	}
	if (request->size > QREXEC_REQUEST_ID_BYTES || strnlen(request->text, request->size) == 0 ||
		!call_take_over(&d->calls, request->text)) {
		log_warning("local client: no such request: '%s'", request->text);
		return false;
	}
	return forward(d, client, request);
}

static void
handle_client_gone(struct local_client *client, void *data)
{
	struct daemon *d = data;
	struct hangup_config config = {.waiting = (uint32_t)d->options->domain,
		.serve = true,
		.time_ms = HANGUP_TIME_MS,
		.pidfd = -1};

	config.port = port_table_forget_holder(&d->ports, client, &config.absent);
	if (config.port == 0)
		return;
	/* Another daemon waits for the end of its qube's call. A program of dom0 need not. */
	if (config.absent == 0)
		config.pidfd = local_client_process(client);
	config.slot = &d->by_port[config.port - QREXEC_PORT_MIN];
	hangup_cancel(*config.slot);
	*config.slot = hangup_begin(&d->hangups, &config);
}

static void
announce_ready(struct daemon *d)
{
	if (d->startup_timer != NULL)
		loop_timer_stop(d->startup_timer);
	if (d->ready_fd < 0)
		return;
	if (write(d->ready_fd, "\n", 1) < 0)
		log_debug("nobody waits for us to be ready");
	close(steal_fd(&d->ready_fd));
}

static void
handle_ready(void *data)
{
	static const struct local_server_handler handler = {
		.handle_request = handle_request,
		.is_congested = is_congested,
		.handle_client_gone = handle_client_gone,
	};
	struct daemon *d = data;
	const struct daemon_options *o = d->options;
	AUTO_ERR struct err err = ERR_INIT;
	int fd = socket_names_create(
		d->socket_directory, o->domain, o->name, o->uuid, &d->names, &err);

	if (fd >= 0) {
		d->server = local_server_create(d->loop, fd, &handler, d);
		if (d->server == NULL)
			err_set_errno(&err, errno, "local socket");
	}
	if (d->server == NULL) {
		log_error("%s", err_message(&err));
		loop_quit(d->loop, DAEMON_EXIT_FAILED);
		return;
	}
	announce_ready(d);
}

static void
stop_serving(struct daemon *d)
{
	socket_names_remove(&d->names);
	local_server_destroy(d->server);
	d->server = NULL;
}

static void
handle_lost(void *data)
{
	struct daemon *d = data;

	stop_serving(d);
	call_table_cancel(&d->calls, /* keep_running= */ true);
	port_table_mark_orphans(&d->ports);
}

static void
handle_empty(void *data)
{
	struct daemon *d = data;

	if (d->stopping)
		loop_quit(d->loop, 0);
}

static void
stop(struct daemon *d)
{
	if (d->stopping)
		return;
	stop_serving(d);
	call_table_cancel(&d->calls, /* keep_running= */ false);
	d->stopping = true;
	if (list_empty(&d->calls.calls))
		loop_quit(d->loop, 0);
	else
		loop_timer_start(d->shutdown_timer, SHUTDOWN_TIMEOUT_MS);
}

/* The domain is gone for good: a supervisor that did not expect it hears of it. */
static void
handle_gone(void *data)
{
	struct daemon *d = data;

	loop_quit(d->loop, DAEMON_EXIT_FAILED);
}

static void
handle_trigger(const struct qrexec_trigger *untrusted_trigger, void *data)
{
	struct daemon *d = data;

	if (d->stopping)
		agent_send_refused(d->agent, untrusted_trigger->id);
	else
		call_begin(&d->calls, untrusted_trigger);
}

static void
handle_terminated(uint32_t untrusted_domain, uint32_t untrusted_port, void *data)
{
	struct daemon *d = data;
	void *holder = NULL;

	if ((untrusted_domain & QREXEC_WITHDRAWN) != 0) {
		call_withdraw(&d->calls, untrusted_domain & ~QREXEC_WITHDRAWN);
		return;
	}
	/* The port is the other daemon's where ours is the calling qube. */
	if (port_table_release(&d->ports, untrusted_domain, untrusted_port, &holder))
		hangup_cancel(d->by_port[untrusted_port - QREXEC_PORT_MIN]);
	else
		call_caller_left(&d->calls, untrusted_domain, untrusted_port);
	if (holder != NULL)
		local_client_close(holder);
}

static void
handle_drained(void *data)
{
	struct daemon *d = data;

	if (d->server != NULL)
		local_server_resume(d->server);
}

static void
handle_signal(struct loop_signal *source, int signal_number, void *data)
{
	(void)source;
	log_info("ends: %s", strsignal(signal_number));
	stop(data);
}

static void
handle_startup_timeout(struct loop_timer *timer, void *data)
{
	struct daemon *d = data;

	(void)timer;
	log_error("agent: not connected in time");
	loop_quit(d->loop, DAEMON_EXIT_TIMEOUT);
}

static void
handle_shutdown_timeout(struct loop_timer *timer, void *data)
{
	struct daemon *d = data;

	(void)timer;
	log_error("calls: gave up on their ends");
	loop_quit(d->loop, 0);
}

static int
start_loop(struct daemon *d)
{
	d->loop = loop_create();
	if (d->loop == NULL)
		return -1;
	d->sigterm = loop_signal_create(d->loop, SIGTERM, handle_signal, d);
	d->sigint = loop_signal_create(d->loop, SIGINT, handle_signal, d);
	d->startup_timer = loop_timer_create(d->loop, handle_startup_timeout, d);
	d->shutdown_timer = loop_timer_create(d->loop, handle_shutdown_timeout, d);
	return d->sigterm == NULL || d->sigint == NULL || d->startup_timer == NULL ||
			       d->shutdown_timer == NULL
		       ? -1
		       : 0;
}

static int
start_parts(struct daemon *d)
{
	static const struct agent_handler handler = {
		.handle_ready = handle_ready,
		.handle_trigger = handle_trigger,
		.handle_terminated = handle_terminated,
		.handle_drained = handle_drained,
		.handle_lost = handle_lost,
		.handle_gone = handle_gone,
	};
	const struct daemon_options *o = d->options;
	const struct agent_config config = {
		.domain = o->domain, .name = o->name, .reader_uid = o->reader_uid};

	d->policy = policy_client_create(d->loop, d->policy_socket, o->policy_program);
	d->agent = agent_create(d->loop, &config, &handler, d);
	if (d->policy == NULL || d->agent == NULL)
		return -1;
	port_table_init(&d->ports, (uint32_t)o->domain);
	hangups_init(&d->hangups, d->loop);
	service_processes_init(&d->services, d->loop);
	d->calls = (struct call_table){
		.loop = d->loop,
		.domain = o->domain,
		.name = o->name,
		.uuid = o->uuid,
		.socket_directory = d->socket_directory,
		.admin_socket = d->admin_socket,
		.agent = d->agent,
		.ports = &d->ports,
		.policy = d->policy,
		.services = &d->services,
		.hangups = &d->hangups,
		.handle_empty = handle_empty,
		.data = d,
	};
	call_table_init(&d->calls);
	return 0;
}

static void
finish(struct daemon *d)
{
	if (d->agent != NULL) {
		stop_serving(d);
		call_table_finish(&d->calls);
		hangups_finish(&d->hangups);
		service_processes_finish(&d->services);
	}
	agent_destroy(d->agent);
	policy_client_destroy(d->policy);
	loop_timer_destroy(d->startup_timer);
	loop_timer_destroy(d->shutdown_timer);
	loop_signal_destroy(d->sigterm);
	loop_signal_destroy(d->sigint);
	loop_destroy(d->loop);
	free(d->socket_directory);
	free(d->policy_socket);
	free(d->admin_socket);
	cleanup_close(&d->ready_fd);
}

int
daemon_run(const struct daemon_options *options, int ready_fd, unsigned int timeout_s)
{
	struct daemon d = {.options = options, .ready_fd = ready_fd};
	int status = DAEMON_EXIT_FAILED;

	signal(SIGPIPE, SIG_IGN);
	d.socket_directory = socket_directory(options->socket_directory);
	d.policy_socket = text_format("%s/policy.sock", d.socket_directory);
	d.admin_socket = root_path("/run/qubesd.sock");
	if (start_loop(&d) < 0 || start_parts(&d) < 0) {
		log_error("cannot start: %s", strerror(errno));
	} else {
		if (timeout_s != 0)
			loop_timer_start(d.startup_timer, (uint64_t)timeout_s * 1000);
		status = loop_run(d.loop);
	}
	finish(&d);
	return status < 0 ? DAEMON_EXIT_FAILED : status;
}
