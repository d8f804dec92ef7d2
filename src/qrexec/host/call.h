/*
 * Calls that a qube makes: from its request to the one answer it gets, and, when a disposable was
 * made for the call, on to that one's end. Each call is a state machine of its own; none waits
 * for another, and whatever goes wrong on the way refuses it.
 */
#ifndef BULKHEAD_QREXEC_HOST_CALL_H
#define BULKHEAD_QREXEC_HOST_CALL_H

#include "base/list.h"
#include "base/loop.h"
#include "qrexec/common/protocol.h"
#include "qrexec/host/agent.h"
#include "qrexec/host/policy_client.h"
#include "qrexec/host/port_table.h"
#include "qrexec/host/service_process.h"

struct call;
struct hangups;

/* Unanswered ones, and those with other qubes that run. */
#define CALLS_AT_ONCE_MAX (2 * QREXEC_CALLS_MAX)

/* The calls of one qube, and what they need to know of it; texts are borrowed. */
struct call_table {
	struct loop *loop;
	int domain;
	const char *name;
	const char *uuid;
	const char *socket_directory; /* of all qubes' daemons */
	const char *admin_socket;
	struct agent *agent;
	struct port_table *ports;
	struct policy_client *policy;
	struct service_processes *services;
	struct hangups *hangups;

	struct list calls;       /* call.link */
	unsigned int count;      /* of them */
	unsigned int unanswered; /* at most QREXEC_CALLS_MAX */
	/* Optional: the last call is gone. */
	void (*handle_empty)(void *data);
	void *data;

	uint64_t log_second; /* lines about calls are limited to so many a second */
	unsigned int log_lines;
};

void call_table_init(struct call_table *table);

/* Begins a call, or refuses it at once. */
void call_begin(struct call_table *table, const struct qrexec_trigger *untrusted_trigger);

/* The qube says that its end of the channel to (domain, port) is over. */
void call_caller_left(struct call_table *table, uint32_t untrusted_domain, uint32_t untrusted_port);

/*
 * The qube says that the caller of this request left before the answer: whoever is asked about it
 * is no longer, and it is refused unless its target was already told of it. Another number than
 * that of an unanswered call changes nothing.
 */
void call_withdraw(struct call_table *table, uint32_t untrusted_number);

/*
 * Someone else than the call itself accepts it, by SERVICE_CONNECT on the daemon's socket. The id
 * is text of at most 31 characters. False when there is no such unanswered call.
 */
bool call_take_over(struct call_table *table, const char *id);

/*
 * The agent is gone, or we are going: unanswered calls are forgotten. What remains are calls
 * whose disposables still run (kept if keep_running) or are being killed.
 */
void call_table_cancel(struct call_table *table, bool keep_running);

/* Forgets everything at once. */
void call_table_finish(struct call_table *table);

/*
 * The command string for the other side of a call (spec qrexec.md 4.2); the caller frees it. A
 * service without argument gets an empty one. dom0 is also told the target that was asked for.
 */
char *call_command_for_qube(const char *user, const char *service, const char *source);
char *call_command_for_dom0(const char *service, const char *source, const char *requested_target);

#endif
