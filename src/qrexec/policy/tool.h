/* The commands of qrexec-policy. */
#ifndef BULKHEAD_QREXEC_POLICY_TOOL_H
#define BULKHEAD_QREXEC_POLICY_TOOL_H

#include <stdio.h>

#include "qrexec/policy/policy.h"

struct explain_options {
	struct policy_request request;
	const char *policy_directory; /* NULL: the usual ones */
	const char *system_info;      /* a file, NULL: ask the administration daemon */
	bool all;
};

/* Prints why a request is answered as it is. The exit status, or -1 with the error. */
int tool_explain(const struct explain_options *options, FILE *out, struct err *err);

/* "grants list|revoke ...": the exit status. */
int tool_grants(int argc, char **argv, FILE *out);

/* Facts from a file, or (path NULL) from the administration daemon; blocking. */
struct policy_facts *tool_read_facts(const char *path, struct err *err);

#endif
