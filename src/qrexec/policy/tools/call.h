/*
 * The policy's services for the tools: carried out here where the policy is, and called through
 * qrexec where it is not, that is in a qube that may manage it.
 */
#ifndef BULKHEAD_QREXEC_POLICY_TOOLS_CALL_H
#define BULKHEAD_QREXEC_POLICY_TOOLS_CALL_H

#include "qrexec/policy/tools/admin.h"

/* Room for the largest answer. */
#define POLICY_CALL_ANSWER_MAX (POLICY_FILE_MAX_BYTES + 4096u)

/* Appends the answer. 0 or -1 with the error, which names the exception where there is one. */
int policy_call(const struct policy_admin_call *call, struct buf *answer, struct err *err);

#endif
