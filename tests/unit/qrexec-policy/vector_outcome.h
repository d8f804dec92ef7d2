/*
 * What our engine makes of a test vector, in the form in which the vectors say what is expected,
 * so that the two can be compared member by member.
 */
#ifndef BULKHEAD_TESTS_POLICY_VECTOR_OUTCOME_H
#define BULKHEAD_TESTS_POLICY_VECTOR_OUTCOME_H

#include <jansson.h>

#include "qrexec/policy/policy.h"

/* A new object with the members of `expect`. `root` is cut off the files that rules are in. */
json_t *vector_outcome(const struct policy_view *v, const struct policy_request *request,
	const char *prompt_answer, const char *root);

#endif
