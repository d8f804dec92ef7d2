/* What the daemon and its courier say to one another. Internal. */
#ifndef BULKHEAD_QREXEC_POLICY_COURIER_INTERNAL_H
#define BULKHEAD_QREXEC_POLICY_COURIER_INTERNAL_H

#include <stdint.h>

#include "qrexec/policy/courier.h"
#include "qrexec/policy/facts.h"

/* One message each way, on a socket that keeps them apart. */
struct courier_request {
	uint64_t id;
	uint32_t service;
	char gui_qube[POLICY_QUBE_NAME_MAX + 1];
};

/* With the descriptor when error is 0. */
struct courier_answer {
	uint64_t id;
	int32_t error; /* negative errno */
};

/* The process; returns the status to end with. */
int courier_process(int fd, const char *client);

#endif
