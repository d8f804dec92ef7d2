/* What the parts that make and finish decisions share. Internal to the engine. */
#ifndef BULKHEAD_QREXEC_POLICY_EVALUATE_H
#define BULKHEAD_QREXEC_POLICY_EVALUATE_H

#include "qrexec/policy/view.h"

void policy_decide_deny(struct policy_decision *d, enum policy_reason reason, bool notify);

/* Whether a target would not have to be started first. Of a qube or a disposable. */
bool policy_is_up(const struct policy_view *v, struct policy_target target);

bool policy_is_choice(
	const struct policy_view *v, const struct policy_decision *d, struct policy_target target);

/* The last steps of every allowed call; may still refuse. d->rule is set. */
void policy_finish_allow(
	const struct policy_view *v, struct policy_target target, struct policy_decision *d);

/* Turns keywords into what they stand for. 0, or -1 with the refusal in *d. */
int policy_resolve_keyword(
	const struct policy_view *v, struct policy_target *target, struct policy_decision *d);

/*
 * Turns an ask into the answer that was granted for it, if one was, with the user and the notice
 * of the rule that asks. See POLICY_GRANTS_SYSTEM_FILE.
 */
void policy_apply_grant(const struct policy_view *v, const struct policy_query *query,
	struct policy_decision *asked);

/* What target= stands for, before it is resolved. 0, or -1 with the refusal in *d. */
int policy_redirect_target(const struct policy_view *v, uint32_t token, struct policy_target *ret,
	struct policy_decision *d);

#endif
