/*
 * dom0's end of a call from a qube: finds and runs the service, or the command, and carries its
 * bytes until the call is over (spec qrexec.md 2.9, 4.4). One process has one such call.
 */
#ifndef BULKHEAD_QREXEC_HOST_SERVICE_ENDPOINT_H
#define BULKHEAD_QREXEC_HOST_SERVICE_ENDPOINT_H

#include "qrexec/common/service.h"

/*
 * Joins the channel (domain, port), waiting at most timeout_ms (0: for ever), and runs the
 * command, a string of spec 4.2 without user. peer_name is the qube at the other end. Returns
 * the exit code that was sent, or QREXEC_EXIT_PROBLEM when nothing could be.
 */
int service_endpoint_run(
	int domain, int port, const char *peer_name, const char *command, int timeout_ms);

/*
 * A service for dom0 itself, in place of this process. Returns only when it cannot be started:
 * QREXEC_EXIT_PROBLEM or QREXEC_EXIT_NOT_FOUND, with the error.
 */
int service_replace_process(const struct command *command, struct err *err);

#endif
