/*
 * Asking a qube to power itself off. A button that is pressed before anything in the qube looks at
 * it is not seen by anyone, and a boot can take a while: it is pressed again until the machine
 * goes, as long as a shutdown may take. Runs in bulkheadd.
 */
#include "admin/lifecycle/run.h"
#include "base/log.h"
#include "base/loop.h"

#define PRESS_AGAIN_MS 2000

static void
handle_pressed(void *data, const struct err *err)
{
	struct run *run = data;

	if (err != NULL)
		log_qube_message(LOG_LEVEL_ERROR, run->q->name, "cannot ask for a shutdown: %s",
			err_message(err));
}

static void
press(struct run *run)
{
	if (run->machine == NULL || run->phase < RUN_AGENT || run->phase >= RUN_STOPPING)
		return;
	/* A qube that is paused sees nothing. */
	if (run->q->power.state != POWER_PAUSED)
		machine_shut_down(run->machine, handle_pressed, run);
	loop_timer_start(run->power_timer, PRESS_AGAIN_MS);
}

static void
handle_again(struct loop_timer *timer, void *data)
{
	struct run *run = data;

	(void)timer;
	if (loop_now_ms() < run->power_until_ms)
		press(run);
}

void
run_press_power_button(struct run *run)
{
	uint64_t seconds = (uint64_t)qube_number(run->q, PROPERTY_SHUTDOWN_TIMEOUT);

	if (run->power_timer == NULL)
		run->power_timer = loop_timer_create(run->l->config.loop, handle_again, run);
	run->power_until_ms = loop_now_ms() + (seconds < UINT32_MAX ? seconds : UINT32_MAX) * 1000;
	press(run);
}
