/*
 * One call of the administration daemon from the event loop (spec qrexec.md 2.11): a request
 * goes out, the stream of what it answers comes back. Nothing here blocks.
 */
#ifndef BULKHEAD_QREXEC_POLICY_QUBESD_CALL_H
#define BULKHEAD_QREXEC_POLICY_QUBESD_CALL_H

#include "base/stream.h"

#define QUBESD_SOCKET "/run/qubesd.sock"
#define QUBESD_INTERNAL_SOCKET "/run/qubesd.internal.sock"

/*
 * Calls METHOD for dom0, from dom0, without payload. The stream's handler sees the answer's
 * bytes, at most in_max at a time. NULL with errno set, EAGAIN when the daemon is too busy.
 */
struct stream *qubesd_call(struct loop *loop, const char *socket_path, const char *method,
	size_t in_max, const struct stream_handler *handler, void *data);

#endif
