/* The address in a link to /dev/tcp and in a call's argument, protocol section 4.4. */
#ifndef BULKHEAD_QREXEC_SERVICE_TCP_H
#define BULKHEAD_QREXEC_SERVICE_TCP_H

#include "base/err.h"

/*
 * `rest` is what follows "/dev/tcp" in the link: "", "/HOST" or "/HOST/PORT"; the argument
 * (NULL is as empty) gives what is missing. Both results are numeric and the caller's. 0 or -1.
 */
int service_tcp_address(
	const char *rest, const char *argument, char **ret_host, char **ret_port, struct err *err);

#endif
