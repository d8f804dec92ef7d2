/* Whose turn it is to be started, when many are asked for at once; see run.h. */
#include "admin/lifecycle/run.h"

/* Their memory and processor time are spoken for. */
static bool
is_turn(const struct lifecycle *l)
{
	unsigned int starting = 0;
	const struct run *other;

	list_for_each (other, &l->runs, link) {
		if (other->phase >= RUN_STORAGE && other->phase <= RUN_AGENT && !other->is_spare)
			starting++;
	}
	return starting < l->starts_max;
}

/* Others came first, and wait. */
static bool
is_behind(const struct run *run)
{
	const struct run *other;

	list_for_each (other, &run->l->runs, link) {
		if (other == run)
			return false;
		if (other->waiting && !other->doomed)
			return true;
	}
	return false;
}

bool
run_has_turn(const struct run *run)
{
	return !is_behind(run) && is_turn(run->l);
}

void
runs_go_on(struct lifecycle *l)
{
	struct run *run;

	/* One more may not be able to start: its end calls again. */
	list_for_each (run, &l->runs, link) {
		if (!run->waiting || run->doomed)
			continue;
		if (l->ending || !is_turn(l))
			return;
		run->waiting = false;
		run_go_on(run);
		if (run->waiting)
			return;
	}
}
