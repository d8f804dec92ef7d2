/*
 * The answer of the policy to "may this call happen, and where does it go" (spec qrexec.md 6.1),
 * read as strictly as network input although its author is trusted.
 */
#ifndef BULKHEAD_QREXEC_HOST_POLICY_ANSWER_H
#define BULKHEAD_QREXEC_HOST_POLICY_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* One byte more than an answer may have. */
#define POLICY_ANSWER_MAX 4096

struct policy_answer {
	bool allow;
	/* The rest is for allow only; texts are owned, NULL when the key was absent. */
	bool autostart;
	char *user;             /* "DEFAULT": the qube's default user */
	char *target;           /* "dom0", a name, "uuid:...", "@dispvm:BASE" */
	char *target_uuid;      /* "uuid:..." or "@dispvm:uuid:...": preferred to target */
	char *requested_target; /* what the caller asked for, normalised */
	char *service;          /* replaces the descriptor */
	char *policy_source;    /* whom to present as caller */
};

/* 0, or -1 with the error; on error nothing is to be freed. */
int policy_answer_parse(
	const void *data, size_t size, struct policy_answer *ret_answer, struct err *err);
void policy_answer_finish(struct policy_answer *answer);

#define AUTO_POLICY_ANSWER __attribute__((cleanup(policy_answer_finish)))

#endif
