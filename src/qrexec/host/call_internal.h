/* One call, as call.c (its life) and call_target.c (where it goes) see it. */
#ifndef BULKHEAD_QREXEC_HOST_CALL_INTERNAL_H
#define BULKHEAD_QREXEC_HOST_CALL_INTERNAL_H

#include "qrexec/host/admin_call.h"
#include "qrexec/host/call.h"
#include "qrexec/host/call_channel.h"
#include "qrexec/host/call_disposable.h"
#include "qrexec/host/exec_request.h"

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

/* One line a call; a qube that calls in a loop can not fill the disk. */
void call_log(struct call *call, const char *outcome, const char *detail);

/* The one answer that the qube gets. It is refused with the reason in the log, and ends; */
void call_refuse(struct call *call, const char *reason);
/* or it is told whom to expect, and where. */
void call_accept(struct call *call, uint32_t domain, uint32_t port);
/* Answered by other means. */
void call_mark_answered(struct call *call);

/* The call's own end: what was made for it goes, too. */
void call_end(struct call *call);
/* Of an ended call, with nothing left to be undone. */
void call_destroy(struct call *call);

/* Goes where the policy's answer says (call_target.c). */
void call_follow_answer(struct call *call);

#endif
