/* The commands of qrexec-policy. */
#ifndef BULKHEAD_QREXEC_POLICY_TOOL_H
#define BULKHEAD_QREXEC_POLICY_TOOL_H

#include <stdio.h>

#include "qrexec/policy/files.h"
#include "qrexec/policy/policy.h"

struct explain_options {
	struct policy_request request;
	const char *policy_directory; /* NULL: the usual ones */
	const char *system_info;      /* a file, NULL: ask the administration daemon */
	bool all;
	const char *what_if; /* a changed file, or a directory of policy; NULL: as it is */
	const char *place;   /* what the file is called in the policy; NULL: as it is */
};

/* Prints why a request is answered as it is. The exit status, or -1 with the error. */
int tool_explain(const struct explain_options *options, FILE *out, struct err *err);

/* "grants list|revoke ...": the exit status. */
int tool_grants(int argc, char **argv, FILE *out);

/* The policy with the change that the options name; NULL with the error. */
struct policy *tool_read_changed_policy(const struct explain_options *options, struct err *err);

/* Exit statuses of --what-if. */
enum {
	WHAT_IF_SAME,
	WHAT_IF_DIFFERENT,
	WHAT_IF_BROKEN = 4, /* the changed policy has an error */
};

/* Prints which calls would be decided differently. The exit status, or -1 with the error. */
int tool_what_if(const struct explain_options *options, FILE *out, struct err *err);

/* The directories of policy; with `directory` that one only. The caller finishes them. */
void tool_find_directories(const char *directory, struct policy_directories *ret);

/* Facts from a file, or (path NULL) from the administration daemon; blocking. */
struct policy_facts *tool_read_facts(const char *path, struct err *err);

#endif
