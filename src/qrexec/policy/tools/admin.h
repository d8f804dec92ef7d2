/*
 * The policy's own services (spec qrexec.md 6.4): listing, reading, replacing and removing the
 * files of the system's directory of policy and of its directory "include"; and registering an
 * argument (admin_register.c). Each call holds a
 * lock on the directory; a change goes through only when its token is that of the file as it is,
 * and when the whole policy would still compile.
 *
 * Runs as a service of dom0 for a caller in a qube whom the policy let through, and in
 * qubes-policy. The argument and the payload are not trusted.
 */
#ifndef BULKHEAD_QREXEC_POLICY_TOOLS_ADMIN_H
#define BULKHEAD_QREXEC_POLICY_TOOLS_ADMIN_H

#include "base/buf.h"
#include "qrexec/policy/files.h"
#include "qrexec/policy/policy.h"

/* A token, its line end and a file. */
#define POLICY_ADMIN_PAYLOAD_MAX (POLICY_FILE_MAX_BYTES + 128u)
#define POLICY_TOKEN_MAX 80

struct policy_admin_call {
	const char *service;  /* "policy.List" and so on */
	const char *argument; /* "" for none */
	const char *payload;
	size_t payload_size;
	const char
		*caller; /* the calling qube, and the one it named; NULL where that is no matter */
	const char *target;
};

/*
 * Carries a call out; the answer is appended. 0, or -1 with the error: its kind is the exception's
 * name, or NULL for what is no fault of the caller.
 */
int policy_admin_run(const struct policy_directories *directories,
	const struct policy_admin_call *call, struct buf *answer, struct err *err);

/* Whether there is such a service. */
bool policy_admin_knows(const char *service);

/* The token of a file with this content: "sha256:" and 64 digits. */
void policy_admin_token(const void *bytes, size_t size, char ret_token[POLICY_TOKEN_MAX]);

#endif
