/*
 * The counter of the host's processors (TSC): what an emulated processor shows as its own.
 * Private to the hypervisor.
 */
#ifndef BULKHEAD_ADMIN_HYPERVISOR_HOST_COUNTER_H
#define BULKHEAD_ADMIN_HYPERVISOR_HOST_COUNTER_H

#include <stdint.h>

/* The counter and the clock at one moment. */
struct counter_reading {
	uint64_t ticks, time_ns;
};

struct counter_reading host_counter_read(void);

/*
 * How fast it counts, in thousands a second, from two readings; 0 when they are too near to each
 * other to tell (less than 50 ms), or the processor has no such counter.
 */
unsigned int host_counter_khz(struct counter_reading first, struct counter_reading second);

#endif
