/* Systems and policies of a given size, alike for the library's and the socket's figures. */
#ifndef BULKHEAD_BENCH_POLICY_SYSTEM_H
#define BULKHEAD_BENCH_POLICY_SYSTEM_H

#include <stddef.h>
#include <stdint.h>

struct bench_request {
	char source[32], target[48], service[48];
};

/* System information in JSON for so many qubes: a tenth templates for disposables, two tags each.
 */
char *bench_facts(unsigned qubes);
/* So many rules as people write them: a third for one service, tags, names, some asks. */
char *bench_rules(unsigned rules, unsigned qubes);
/* A request of the kind that number stands for; the same for the same number. */
void bench_make_request(uint64_t number, unsigned qubes, struct bench_request *ret);

/* Nanoseconds of the monotonic clock. */
uint64_t bench_now_ns(void);
/* Prints the rate and the median and 99th percentile of the times, which are sorted. */
void bench_print(const char *what, uint64_t *times_ns, size_t count, uint64_t total_ns);

#endif
