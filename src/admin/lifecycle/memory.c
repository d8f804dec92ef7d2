/* Starts that wait for memory; see memory.h. Runs in bulkheadd. */
#include "admin/lifecycle/memory.h"

#include <errno.h>

#include "admin/lifecycle/frozen.h"
#include "admin/lifecycle/preload_room.h"
#include "admin/lifecycle/run.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"

/* What the hypervisor's process takes beside the qube's memory. */
#define OVERHEAD_MIB 64
/* What is to stay free beside a machine that nobody waits for. */
#define SPARE_MIB 768
/* The host may have got some from elsewhere. */
#define LOOK_PERIOD_MS 1000

static uint64_t
memory_of(const struct run *run)
{
	return run->recorded ? run->record.memory_kib / 1024
			     : (uint64_t)qube_number(run->q, PROPERTY_MEMORY);
}

/* What the user has set, or the default. */
static uint64_t
setting(const struct lifecycle *l, const char *feature, uint64_t preset)
{
	const char *text = qube_feature(app_dom0(l->config.app), feature);
	uint64_t value;

	return text != NULL && text_parse_u64(text, UINT32_MAX, &value) == 0 && value > 0 ? value
											  : preset;
}

static uint64_t
used_mib(const struct lifecycle *l)
{
	const struct run *run;
	uint64_t used = 0;

	list_for_each (run, &l->runs, link) {
		if (run->phase >= RUN_STORAGE)
			used += memory_of(run);
	}
	return used;
}

static bool
host_has(uint64_t mib)
{
	uint64_t available = host_memory_available_mib();

	return available == 0 || available >= mib + OVERHEAD_MIB;
}

/* What is kept ready is the first to give way, then frozen disposables. */
static bool
has_room(const struct run *run)
{
	uint64_t limit = setting(run->l, MEMORY_LIMIT_FEATURE, UINT64_MAX);
	uint64_t needed = memory_of(run), used = used_mib(run->l);

	if (used + needed > limit) {
		if (!run->is_spare)
			(void)preload_make_room(run->l, used + needed - limit);
		return false;
	}
	if (host_has(needed))
		return true;
	if (run->is_spare || preload_make_room(run->l, needed))
		return false;
	frozen_make_room(run->l, (unsigned int)needed);
	return host_has(needed);
}

bool
memory_is_spare(const struct lifecycle *l, uint64_t memory_mib)
{
	uint64_t available = host_memory_available_mib();

	return used_mib(l) + memory_mib <= setting(l, MEMORY_LIMIT_FEATURE, UINT64_MAX) &&
	       (available == 0 || available >= memory_mib + SPARE_MIB);
}

/* Whether something runs that is made to end. */
static bool
may_come_back(const struct lifecycle *l)
{
	const struct run *run;

	list_for_each (run, &l->runs, link) {
		if (run->phase >= RUN_STORAGE && run->q->class == CLASS_DISP &&
			qube_flag(run->q, PROPERTY_AUTO_CLEANUP))
			return true;
	}
	return false;
}

static void
refuse(struct run *run)
{
	AUTO_ERR struct err err = ERR_INIT;

	run->waiting = false;
	err_set_kind(&err, "QubesMemoryError", ENOMEM, "Not enough memory to start domain '%s'",
		run->q->name);
	run_give_up(run, &err);
}

static struct run *
first_waiting(const struct lifecycle *l)
{
	struct run *run;

	list_for_each (run, &l->runs, link) {
		if (run->waiting && !run->doomed)
			return run;
	}
	return NULL;
}

static bool
is_patience_over(const struct lifecycle *l)
{
	return loop_now_ms() - l->memory_since_ms >=
	       setting(l, MEMORY_PATIENCE_FEATURE, MEMORY_PATIENCE_S) * 1000;
}

static void
handle_look(struct loop_timer *timer, void *data)
{
	struct lifecycle *l = data;
	struct run *run;

	runs_go_on(l);
	while ((run = first_waiting(l)) != NULL && !has_room(run) &&
		(!may_come_back(l) || is_patience_over(l)))
		refuse(run);
	l->memory_awaited = run != NULL;
	if (l->memory_awaited)
		loop_timer_start(timer, LOOK_PERIOD_MS);
}

static void
wait_for_memory(struct run *run)
{
	run->waiting = true;
	if (run->told_waiting)
		return;
	run->told_waiting = true;
	log_qube_message(LOG_LEVEL_INFO, run->q->name, "waits for memory that disposables have");
}

bool
memory_take(struct run *run)
{
	struct lifecycle *l = run->l;

	if (has_room(run)) {
		l->memory_since_ms = loop_now_ms();
		return true;
	}
	if (l->memory_timer == NULL)
		l->memory_timer = loop_timer_create(l->config.loop, handle_look, l);
	if (run->is_spare || !may_come_back(l) || l->memory_timer == NULL) {
		refuse(run);
		return false;
	}
	wait_for_memory(run);
	if (!l->memory_awaited) {
		l->memory_awaited = true;
		l->memory_since_ms = loop_now_ms();
		loop_timer_start(l->memory_timer, LOOK_PERIOD_MS);
	}
	return false;
}

void
memory_given_back(struct lifecycle *l)
{
	l->memory_since_ms = loop_now_ms();
}

void
memory_destroy(struct lifecycle *l)
{
	loop_timer_destroy(l->memory_timer);
	l->memory_timer = NULL;
}
