/*
 * qrexec-daemon: serves one running qube. Ties together its agent, the
 * local socket and the calls the qube makes.
 */
#ifndef BULKHEAD_QREXEC_HOST_DAEMON_H
#define BULKHEAD_QREXEC_HOST_DAEMON_H

#include "qrexec/host/daemon_options.h"

/* Exit statuses (spec qrexec.md 2.13). */
#define DAEMON_EXIT_FAILED 1
#define DAEMON_EXIT_TIMEOUT 3

/*
 * Serves until SIGTERM, SIGINT or the qube's end. ready_fd gets a newline when the agent is first
 * connected and is then closed; DAEMON_NO_FD for none. timeout_s: how long to wait for that, 0:
 * for ever. Returns an exit status.
 */
int daemon_run(const struct daemon_options *options, int ready_fd, unsigned int timeout_s);

#endif
