/*
 * Which calls there can be: every qube as the caller, every target a caller can write, and every
 * service that the policies tell apart from others. For tools that look at all of them. Pure.
 */
#ifndef BULKHEAD_QREXEC_POLICY_SURVEY_H
#define BULKHEAD_QREXEC_POLICY_SURVEY_H

#include "qrexec/policy/policy.h"

/* Stands for every service, and every argument, that no rule names. */
#define SURVEY_OTHER_SERVICE "any.other.service"
#define SURVEY_OTHER_ARGUMENT "+any.other.argument"

struct survey {
	char **services; /* NAME or NAME+ARGUMENT, sorted; the one for all others last */
	size_t service_count;
	char **targets; /* qubes by number, then "", "@dispvm" and "@dispvm:TEMPLATE" */
	size_t target_count, qube_count;
};

/* Of up to two policies (`other` may be NULL) for the qubes of these facts. */
void survey_init(struct survey *s, const struct policy *policy, const struct policy *other,
	const struct policy_facts *facts);
void survey_finish(struct survey *s);

/*
 * Whether both policies have the same rules in the same order for a service, so that they can
 * not differ about it.
 */
bool survey_same_rules(const struct policy *a, const struct policy *b, const char *service);

#endif
