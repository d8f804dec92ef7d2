/*
 * Joining a request that a qube made (qrexec-client -c): its other end is a command in another
 * qube, or one in dom0.
 */
#ifndef BULKHEAD_QREXEC_HOST_CLIENT_CONNECT_H
#define BULKHEAD_QREXEC_HOST_CLIENT_CONNECT_H

#include "qrexec/host/client_options.h"

/* The connection could not be arranged (spec qrexec.md 2.10). */
#define CLIENT_EXIT_NOT_ARRANGED 137

/* The exit status: of a command in dom0, else 0; or -1 with the error. */
int client_connect(const struct client_options *options, struct err *err);

#endif
