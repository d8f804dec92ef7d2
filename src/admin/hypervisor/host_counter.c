/* How fast the processors' counter counts; see host_counter.h. */
#include "admin/hypervisor/host_counter.h"

#include <limits.h>
#include <time.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

/* A reading is taken within less than a microsecond: 1/50,000 of this. */
#define INTERVAL_MIN_NS (UINT64_C(50) * 1000 * 1000)
/* Whoever is interrupted between clock and counter reads them again. */
#define READING_MAX_NS 1000
#define READING_TRIES 20

static uint64_t
clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_RAW, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t
read_ticks(void)
{
#if defined(__x86_64__)
	return __rdtsc();
#else
	return 0;
#endif
}

struct counter_reading
host_counter_read(void)
{
	struct counter_reading reading = {0};

	for (int i = 0; i < READING_TRIES; i++) {
		uint64_t before_ns = clock_ns();

		reading.ticks = read_ticks();
		reading.time_ns = clock_ns();
		if (reading.time_ns - before_ns <= READING_MAX_NS)
			break;
	}
	return reading;
}

unsigned int
host_counter_khz(struct counter_reading first, struct counter_reading second)
{
	double khz;

	if (second.time_ns < first.time_ns || second.time_ns - first.time_ns < INTERVAL_MIN_NS ||
		second.ticks <= first.ticks)
		return 0;
	khz = (double)(second.ticks - first.ticks) * 1e6 / (double)(second.time_ns - first.time_ns);
	return khz < UINT_MAX ? (unsigned int)(khz + 0.5) : 0;
}
