/* What a worker does (workers.h), and how a call is handed to it. */
#ifndef BULKHEAD_QREXEC_WORKER_H
#define BULKHEAD_QREXEC_WORKER_H

#include "qrexec/qube/agent.h"

/* Sends a call, with the session's descriptor unless that is -1. 0 or a negative errno. */
int worker_send(int fd, const struct call *call, int session_fd);

/* In a fresh fork of the agent: carries calls until there is nobody to send any. Returns the
 * process's exit status. */
int worker_run(int fd, const struct agent_options *options);

#endif
