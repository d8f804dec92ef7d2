/*
 * The two ways a question reaches the policy engine, each used for one question at a time. Only
 * policy_client.c uses them.
 */
#ifndef BULKHEAD_QREXEC_HOST_POLICY_CARRIER_H
#define BULKHEAD_QREXEC_HOST_POLICY_CARRIER_H

#include "base/buf.h"
#include "base/loop.h"
#include "qrexec/host/policy_client.h"

/*
 * The bytes of the answer, complete but not yet read; or NULL and why there are none. Called
 * once, from the loop; the carrier may be destroyed inside.
 */
typedef void (*policy_bytes_callback)(const struct buf *bytes, const char *reason, void *data);

/* Over the policy daemon's socket (spec qrexec.md 6.1). The question is copied. */
struct policy_socket;
struct policy_socket *policy_socket_create(struct loop *loop, const char *path,
	const struct policy_question *question, policy_bytes_callback callback, void *data);
void policy_socket_destroy(struct policy_socket *carrier);

/*
 * By a program of its own (spec qrexec.md 6.2), which has to exit with 0. The program does not
 * outlive the carrier. NULL with the error when it cannot be started.
 */
struct policy_program;
struct policy_program *policy_program_create(struct loop *loop, const char *program,
	const struct policy_question *question, policy_bytes_callback callback, void *data,
	struct err *err);
void policy_program_destroy(struct policy_program *carrier);

#endif
