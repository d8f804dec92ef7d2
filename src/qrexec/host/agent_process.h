/*
 * The process that reads what a qube's agent sends, one for each connection: qrexec-daemon started
 * anew with two descriptors, as the qube's user, under seccomp, so that a fault in a parser wins
 * the qube nothing but what it may say anyhow (agent_message.h). It passes frames the other way
 * unread, and ends with the connection, or with qrexec-daemon.
 */
#ifndef BULKHEAD_QREXEC_HOST_AGENT_PROCESS_H
#define BULKHEAD_QREXEC_HOST_AGENT_PROCESS_H

#include <sys/types.h>

#include "base/err.h"

struct loop_child;

/* First argument of such a process; then the qube's name. */
#define AGENT_PROCESS_OPTION "--read-agent"

/*
 * channel_fd: the joined control channel, not closed here. uid (uid_t)-1: unchanged. *ret_fd gets
 * the connection to the process. Its number, or -1 with the error.
 */
pid_t agent_process_start(
	int channel_fd, const char *qube, uid_t uid, int *ret_fd, struct err *err);

/* Kills it and takes it off the list of the dead. NULL is fine. */
void agent_process_end(struct loop_child *process);

/* What main() does in such a process: argv begins with the option. */
void agent_process_main(int argc, char *const *argv) __attribute__((noreturn));

#endif
