/*
 * The process that is dom0's end of one call: it joins the data channel, runs the service and
 * carries its bytes. It is this program started anew, so that what parses a qube's data shares
 * no memory, not even a layout, with the daemon.
 */
#ifndef BULKHEAD_QREXEC_HOST_SERVICE_PROCESS_H
#define BULKHEAD_QREXEC_HOST_SERVICE_PROCESS_H

#include "base/err.h"
#include "base/list.h"
#include "base/loop.h"

/* First argument of such a process; then DOMAIN-NUMBER PORT PEER-NAME COMMAND. */
#define SERVICE_PROCESS_OPTION "--serve"

struct service_processes {
	struct loop *loop;
	struct list processes; /* service_process.link */
};

void service_processes_init(struct service_processes *p, struct loop *loop);
/* Leaves the processes alone: their calls end when they end. */
void service_processes_finish(struct service_processes *p);

/* The channel is (domain, port); peer_name: whom the service works for. 0, or -1 with the error. */
int service_process_start(struct service_processes *p, int domain, int port, const char *peer_name,
	const char *command, struct err *err);

/* What main() does in such a process: argv begins with the option. Returns the exit status. */
int service_process_main(int argc, char *const *argv);

#endif
