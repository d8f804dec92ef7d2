/*
 * What the policy agent is sent (spec qrexec.md 7.1, docs/protocols/policy-agent.md): JSON with
 * the keys that every policy agent knows, and a few that only ours does.
 */
#ifndef BULKHEAD_QREXEC_POLICY_PROMPT_REQUEST_H
#define BULKHEAD_QREXEC_POLICY_PROMPT_REQUEST_H

#include "qrexec/policy/policy.h"

/* Of the answer: "allow:", a choice, a blank, a term. */
#define PROMPT_ANSWER_MAX 256

/* The request for a prompt; the caller frees it. NULL when it can not be said. */
char *prompt_request_format(const struct policy_view *v, const struct policy_request *request,
	const struct policy_decision *asked);

/* The request for a notification; likewise. */
char *notify_request_format(const struct policy_notification *notification);

#endif
