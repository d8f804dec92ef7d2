/*
 * The programs that the small init keeps running: started in order, started again when they end,
 * with a growing pause for one that keeps ending.
 */
#ifndef BULKHEAD_QUBE_INIT_SERVICES_H
#define BULKHEAD_QUBE_INIT_SERVICES_H

#include <stdbool.h>
#include <sys/types.h>

struct loop;

/* Starts all. Ends the process (and so the qube) only without memory. */
void services_start(struct loop *loop);

/* A child ended; whether it was one of ours. */
bool services_handle_end(pid_t pid, int wait_status);

/* Keeps them from running, or lets them go on. */
void services_hold(bool held);

/* From now on nothing is started again. */
void services_stop(void);

#endif
