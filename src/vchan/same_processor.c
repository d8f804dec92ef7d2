/* Staying on one processor; see same_processor.h. Failing costs only time. */
#include "vchan/same_processor.h"

int
same_processor_here(void)
{
	return sched_getcpu();
}

void
same_processor_stay(struct same_processor *s, int processor)
{
	cpu_set_t only;

	if (s->kept || processor < 0 || processor >= CPU_SETSIZE ||
		sched_getaffinity(0, sizeof(s->before), &s->before) < 0 ||
		!CPU_ISSET((size_t)processor, &s->before))
		return;
	CPU_ZERO(&only);
	CPU_SET((size_t)processor, &only);
	s->kept = sched_setaffinity(0, sizeof(only), &only) == 0;
}

void
same_processor_leave(struct same_processor *s)
{
	if (s->kept)
		sched_setaffinity(0, sizeof(s->before), &s->before);
	s->kept = false;
}
