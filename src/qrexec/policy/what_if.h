/*
 * What a changed policy would decide differently: all calls there can be (survey.h), decided
 * twice, and told in groups. Pure.
 */
#ifndef BULKHEAD_QREXEC_POLICY_WHAT_IF_H
#define BULKHEAD_QREXEC_POLICY_WHAT_IF_H

#include <stdio.h>

#include "qrexec/policy/policy.h"

struct what_if_counts {
	size_t changed; /* calls, in kinds: */
	size_t allowed, asked, refused;
	size_t otherwise; /* the same answer with another target, user or choice */
};

/*
 * Compares two views of the same facts, and prints what is different: all names with `all`, else
 * the first few of each list.
 */
void what_if_compare(const struct policy_view *before, const struct policy_view *after, bool all,
	FILE *out, struct what_if_counts *ret);

#endif
