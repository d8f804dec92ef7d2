/*
 * The log of decisions: one line each, with the time, who asked for what, where it was sent, the
 * rule and the answer. A qube that asks in a loop fills its own share of the log and no more;
 * what was left out is counted in the next line about it.
 */
#ifndef BULKHEAD_QREXEC_POLICY_DECISION_LOG_H
#define BULKHEAD_QREXEC_POLICY_DECISION_LOG_H

#include "qrexec/policy/policy.h"

/* Below root_path(). */
#define DECISION_LOG_PATH "/var/log/qubes/qrexec-policy.log"

/*
 * A log of that size is moved to the name with this ending, over the one that is there: both
 * together never hold more than twice as much and a line.
 */
#define DECISION_LOG_MAX_BYTES (8u << 20)
#define DECISION_LOG_OLD ".1"

/* Lines a qube may write at once, and how many more each second. */
#define DECISION_LOG_BURST 50
#define DECISION_LOG_PER_SECOND 10

struct decision_log;

/* Opens or creates the file. NULL with the error. */
struct decision_log *decision_log_open(const char *path, struct err *err);
void decision_log_close(struct decision_log *log);

/* Another limit than DECISION_LOG_MAX_BYTES; for tests. */
void decision_log_set_limit(struct decision_log *log, uint64_t max_bytes);

/* After the file was moved away. 0, or -1 with the error, and the old one stays in use. */
int decision_log_reopen(struct decision_log *log, struct err *err);

/* `v` is NULL when there were no facts. `now_ms` is of the monotonic clock. */
void decision_log_write(struct decision_log *log, const struct policy_view *v,
	const struct policy_request *request, const struct policy_decision *d, uint64_t now_ms);

#endif
