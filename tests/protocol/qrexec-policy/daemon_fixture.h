/* A private root with facts, policy and a policy daemon, for the tests of the daemon. */
#ifndef BULKHEAD_TESTS_POLICY_DAEMON_FIXTURE_H
#define BULKHEAD_TESTS_POLICY_DAEMON_FIXTURE_H

#include <stddef.h>
#include <sys/types.h>

/* Makes the root, BULKHEAD_ROOT and the directories of policy. Once a process. */
void daemon_root_create(void);
void daemon_root_destroy(void);

/* The daemon, up to its first sign of life; the program is POLICY_DAEMON. */
pid_t daemon_start(void);
/* The same with one option and its value. */
pid_t daemon_start_with(const char *option, const char *value);
/* Ends it and returns its exit status. */
int daemon_stop(pid_t pid);

void daemon_write_policy(const char *name, const char *text);
/* Facts: dom0, work (tag from the caller, running), red, vault. Returns the file's path. */
const char *daemon_write_facts(const char *tag_of_work);

/* Sends bytes to a socket below the root, half-closes, and returns all it answers. */
char *daemon_exchange(const char *socket_path, const void *data, size_t size);
/* A question to the policy socket: the answer, "" when closed without one. */
char *daemon_ask(const char *source, const char *target, const char *service, const char *more);
char *daemon_read_log(void);

#endif
