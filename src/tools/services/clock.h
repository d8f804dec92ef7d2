/* dom0's services qubes.GetDate and qubes.GetRandomizedTime (spec guest.md 1B.6). */
#ifndef BULKHEAD_TOOLS_SERVICES_CLOCK_H
#define BULKHEAD_TOOLS_SERVICES_CLOCK_H

#include <stddef.h>
#include <time.h>

#include "base/err.h"

#define RANDOMIZED_SECONDS 180

/*
 * Prints the time of the qube that keeps it: nothing when there is none, dom0's own when that is
 * dom0 or does not run. What the qube says passes only when it is a time. 0 or -1 with the error.
 */
int clock_print(const char *argument, struct err *err);

/* Prints a time within RANDOMIZED_SECONDS of now. */
int clock_print_randomized(struct err *err);
/* That time; for the tests. */
struct timespec clock_randomized(const struct timespec *now, const unsigned char random[16]);

#endif
