/*
 * Keeping a process on one processor for a while: vchan-linkd and the program at the other end of
 * its rings, which wake each other all the time. On two processors each bell is an interrupt, which
 * in a virtual machine costs far more than the bytes it announces.
 */
#ifndef BULKHEAD_VCHAN_SAME_PROCESSOR_H
#define BULKHEAD_VCHAN_SAME_PROCESSOR_H

#include <sched.h>
#include <stdbool.h>

struct same_processor {
	bool kept;
	cpu_set_t before;
};

/* The one where the caller runs now; -1 when that is not to be known. */
int same_processor_here(void);
/* Stays on this one; not, where the caller may not use it. */
void same_processor_stay(struct same_processor *s, int processor);
/* May go where it might before. Harmless when it did not stay. */
void same_processor_leave(struct same_processor *s);

#endif
