/*
 * qrexec-agent: what a qube has at the other end of dom0's control channel. One process with one
 * loop relays requests both ways; every call that arrives is carried by a process of its own.
 *
 *     dom0 <=control=> agent --fork--> worker (one call at a time) --> program, or socket
 *                        |  \--------> fork server of a user, when there is one
 *                        `- callers: qrexec-client-vm, by the local socket
 */
#ifndef BULKHEAD_QREXEC_AGENT_H
#define BULKHEAD_QREXEC_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/loop.h"
#include "qrexec/common/protocol.h"
#include "qrexec/common/rpc_config.h"
#include "qrexec/common/service.h"

struct agent_options {
	const char *socket_path;         /* where callers connect; NULL: the default */
	const char *fork_server_pattern; /* "%s" stands for the user; NULL: the default */
	bool no_fork_server;
	bool withdraw;        /* tell of callers that leave early (docs/protocols/qrexec.md) */
	bool change_users;    /* we are root and may become others */
	const char *own_user; /* else: who we are; "" when our number has no name */
};

struct control;
struct callers;
struct calls;
struct waits;
struct sessions;
struct workers;

struct agent {
	struct loop *loop;
	struct agent_options options;
	struct control *control;
	struct callers *callers;
	struct calls *calls;
	struct waits *waits;
	struct sessions *sessions;
	struct workers *workers;
};

/*
 * The control channel (agent_control.c). Serves port 512 to dom0, again after each loss. A
 * message that dom0 can not have meant ends the process, as nothing after it can be understood.
 */
struct control *control_create(struct agent *agent);
void control_destroy(struct control *control);
/* Sends, or keeps until dom0 is back, that a connection has ended. */
void control_send_terminated(struct control *control, uint32_t domain, uint32_t port);
/* Passes a request on. 0, or a negative errno when it cannot be asked now or in this version. */
int control_send_trigger(struct control *control, const struct qrexec_trigger *trigger);

/* Local callers (agent_callers.c). */
struct callers *callers_create(struct agent *agent);
void callers_destroy(struct callers *callers);
/* dom0 can be asked from now on, or no more: who waits for an answer is then refused. */
void callers_set_online(struct callers *callers, bool online);
void callers_connect(struct callers *callers, const struct qrexec_params *params);
void callers_refuse(struct callers *callers, const uint8_t id[QREXEC_REQUEST_ID_BYTES]);

/* A call that arrived: what dom0 asked for and what the configuration makes of it. */
struct call {
	struct list link; /* waits.list, while it waits */
	uint32_t type;    /* EXEC_CMDLINE or JUST_EXEC */
	uint32_t domain;
	uint32_t port;
	char *text; /* the command as received */
	bool valid; /* false: bad command or configuration; only its exit code is left */
	struct command command;
	struct rpc_config config;
};

struct call *call_create(uint32_t type, const struct qrexec_params *params);
void call_destroy(struct call *call);
const char *call_user(const struct call *call);

/* Calls that are being carried (agent_calls.c). */
struct calls *calls_create(struct agent *agent);
void calls_destroy(struct calls *calls);
/* Begins a call; takes ownership. */
void calls_begin(struct calls *calls, struct call *call);
/* The same, once its session need not be waited for. */
void calls_start(struct calls *calls, struct call *call);

/* Calls that wait for a user's session (agent_waits.c). */
struct waits *waits_create(struct agent *agent);
void waits_destroy(struct waits *waits);
/* Takes ownership. */
void waits_add(struct waits *waits, struct call *call);

#endif
