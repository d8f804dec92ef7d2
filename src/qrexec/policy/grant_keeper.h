/*
 * The daemon's part of grants: gives them and ends them in time. Between the end of a grant and
 * the file without it no call goes through: grant_keeper_ready() is asked before each decision.
 */
#ifndef BULKHEAD_QREXEC_POLICY_GRANT_KEEPER_H
#define BULKHEAD_QREXEC_POLICY_GRANT_KEEPER_H

#include "base/loop.h"
#include "qrexec/policy/files.h"
#include "qrexec/policy/grant_list.h"

struct grant_keeper;

/*
 * Reads what was granted before. Grants until a qube stops end here: a stop may have been missed.
 * NULL with errno set.
 */
struct grant_keeper *grant_keeper_create(
	struct loop *loop, const struct policy_directories *directories);
void grant_keeper_destroy(struct grant_keeper *k);

/* Whether every grant in force may be relied on; ends those that are due. */
bool grant_keeper_ready(struct grant_keeper *k);

/* Writes the user's answer down; a failure is logged, and the answer counts once. */
void grant_keeper_add(struct grant_keeper *k, const struct policy_view *v,
	const struct policy_request *request, const struct policy_decision *allowed,
	enum grant_term term);

/* A qube stopped; NULL: any qube may have, unseen. */
void grant_keeper_qube_stopped(struct grant_keeper *k, const char *qube);

#endif
