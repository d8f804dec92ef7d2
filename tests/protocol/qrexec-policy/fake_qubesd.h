/*
 * The administration daemon as the policy daemon sees it: internal.GetSystemInfo and
 * admin.Events, answered by a child process from a file and on command.
 */
#ifndef BULKHEAD_TESTS_FAKE_QUBESD_H
#define BULKHEAD_TESTS_FAKE_QUBESD_H

#include <stdbool.h>
#include <sys/types.h>

struct fake_qubesd {
	pid_t pid;
	int control; /* to the child */
};

/*
 * Serves below root_path(); the facts are in the file `facts_path`, read anew for each question.
 * `with_events`: admin.Events is answered.
 */
void fake_qubesd_start(struct fake_qubesd *q, const char *facts_path, bool with_events);
/* Sends one event to everybody who listens; the next system information follows it. */
void fake_qubesd_send_event(struct fake_qubesd *q);
/* The event that tells that work stopped. */
void fake_qubesd_send_stop(struct fake_qubesd *q);
/* Asks how often the system information was given. */
unsigned fake_qubesd_count(struct fake_qubesd *q);
void fake_qubesd_stop(struct fake_qubesd *q);

#endif
