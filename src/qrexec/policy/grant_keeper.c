/*
 * Giving and ending grants; see grant_keeper.h. The files are the state: they are read and
 * replaced under a lock that the tool takes as well. Only the next end is kept in memory.
 */
#include "qrexec/policy/grant_keeper.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "base/text.h"

/* After an end that could not be written. */
#define RETRY_MS 200
/* The timer does not run while the machine sleeps; the clock of grants does. */
#define TIMER_MAX_S 60

struct grant_keeper {
	char *directory; /* runtime */
	char *path[2];   /* of the grants that end, and of those that do not */
	struct loop_timer *timer;
	uint64_t next_end_s; /* UINT64_MAX: none */
	bool stops;          /* some end with a qube */
	struct list stopped; /* stopped_qube.link: ends not yet written */
};

enum { ENDING, ENDLESS };

/* NULL name: all. */
struct stopped_qube {
	struct list link;
	char *name;
};

static bool
has_ended(const struct grant_keeper *k, const struct grant *g, uint64_t now_s)
{
	const struct stopped_qube *stopped;

	if (g->term == GRANT_HOUR)
		return g->ends_s <= now_s || g->ends_s > now_s + GRANT_HOUR_S;
	list_for_each (stopped, &k->stopped, link) {
		if (stopped->name == NULL || text_equal(stopped->name, g->stops))
			return true;
	}
	return false;
}

static void
forget_stopped(struct grant_keeper *k)
{
	struct stopped_qube *stopped, *following;

	list_for_each_safe (stopped, following, &k->stopped, link) {
		list_remove(&stopped->link);
		free(stopped->name);
		free(stopped);
	}
}

/* Takes note of what the file says and waits for the next end. */
static void
watch(struct grant_keeper *k, const struct grant_list *l)
{
	uint64_t now_s = grant_clock_s(), wait_s;
	const struct grant *g;

	k->next_end_s = UINT64_MAX;
	k->stops = false;
	list_for_each (g, &l->grants, link) {
		if (g->term == GRANT_STOP)
			k->stops = true;
		else if (g->ends_s < k->next_end_s)
			k->next_end_s = g->ends_s;
	}
	if (k->next_end_s == UINT64_MAX) {
		loop_timer_stop(k->timer);
		return;
	}
	wait_s = k->next_end_s > now_s ? k->next_end_s - now_s : 0;
	loop_timer_start(k->timer, (wait_s < TIMER_MAX_S ? wait_s : TIMER_MAX_S) * 1000);
}

static size_t
drop_ended(struct grant_keeper *k, struct grant_list *l)
{
	uint64_t now_s = grant_clock_s();
	struct grant *g, *following;
	size_t count = l->left_out;

	list_for_each_safe (g, following, &l->grants, link) {
		if (!has_ended(k, g, now_s))
			continue;
		log_info("grant %s: has ended: %s", g->id, g->note);
		grant_list_remove(l, g);
		count++;
	}
	return count;
}

/*
 * Writes the file of grants that end without those that have. When it can not be written, all of
 * them end: the file goes. 0, or -1 when even that failed or somebody else has the lock.
 */
static int
end_due(struct grant_keeper *k)
{
	AUTO_GRANTS struct grant_list l;
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FD int lock = grant_lock(k->directory, &err);

	grant_list_init(&l);
	if (lock < 0 && err.code == EWOULDBLOCK)
		return -1;
	if (grant_list_read(&l, k->path[ENDING], false, &err) == 0) {
		if (drop_ended(k, &l) == 0 || grant_list_write(&l, k->path[ENDING], &err) == 0) {
			forget_stopped(k);
			watch(k, &l);
			return 0;
		}
	}
	log_error("grants: %s: all that have an end, end", err_message(&err));
	if (unlink(k->path[ENDING]) < 0 && errno != ENOENT) {
		log_error("grants: '%s': %s: not relied on", k->path[ENDING], strerror(errno));
		return -1;
	}
	grant_list_finish(&l);
	forget_stopped(k);
	watch(k, &l);
	return 0;
}

bool
grant_keeper_ready(struct grant_keeper *k)
{
	if (list_empty(&k->stopped) &&
		(k->next_end_s == UINT64_MAX || grant_clock_s() < k->next_end_s))
		return true;
	if (end_due(k) == 0)
		return true;
	loop_timer_start(k->timer, RETRY_MS);
	return false;
}

static void
handle_timer(struct loop_timer *timer, void *data)
{
	struct grant_keeper *k = data;
	uint64_t now_s = grant_clock_s();

	if (grant_keeper_ready(k) && k->next_end_s != UINT64_MAX) {
		uint64_t wait_s = k->next_end_s > now_s ? k->next_end_s - now_s : 0;

		loop_timer_start(timer, (wait_s < TIMER_MAX_S ? wait_s : TIMER_MAX_S) * 1000);
	}
}

void
grant_keeper_qube_stopped(struct grant_keeper *k, const char *qube)
{
	struct stopped_qube *stopped;

	if (!k->stops)
		return;
	stopped = xcalloc(1, sizeof(*stopped));
	stopped->name = qube != NULL ? text_copy(qube) : NULL;
	list_append(&k->stopped, &stopped->link);
	grant_keeper_ready(k);
}

static int
write_grant(struct grant_keeper *k, struct grant *g, struct err *err)
{
	int file = g->term == GRANT_ALWAYS ? ENDLESS : ENDING;
	AUTO_GRANTS struct grant_list l;
	AUTO_FD int lock = -1;

	grant_list_init(&l);
	lock = grant_lock(k->directory, err);
	if (lock < 0 || grant_list_read(&l, k->path[file], file == ENDLESS, err) < 0) {
		grant_destroy(g);
		return -1;
	}
	if (grant_list_add(&l, g, err) < 0 || grant_list_write(&l, k->path[file], err) < 0)
		return -1;
	if (file == ENDING)
		watch(k, &l);
	log_info("grant %s: %s: %s", g->id, g->note, g->rule);
	return 0;
}

void
grant_keeper_add(struct grant_keeper *k, const struct policy_view *v,
	const struct policy_request *request, const struct policy_decision *allowed,
	enum grant_term term)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct grant *g = NULL;

	if (term == GRANT_ONCE)
		return;
	/* What is due goes first: a file with it must not be written anew. */
	if (!grant_keeper_ready(k))
		err_set(&err, EBUSY, "grants can not be written now");
	else
		g = grant_create(v, request, allowed, term, &err);
	if (g == NULL || write_grant(k, g, &err) < 0)
		log_qube_message(LOG_LEVEL_WARNING, request->source,
			"the user's answer holds once, not '%s': %s", grant_term_name(term),
			err_message(&err));
}

struct grant_keeper *
grant_keeper_create(struct loop *loop, const struct policy_directories *directories)
{
	struct grant_keeper *k = xcalloc(1, sizeof(*k));

	list_init(&k->stopped);
	k->directory = text_copy(directories->path[POLICY_RUNTIME]);
	k->path[ENDING] = path_join(k->directory, POLICY_GRANTS_RUNTIME_FILE);
	k->path[ENDLESS] = path_join(directories->path[POLICY_SYSTEM], POLICY_GRANTS_SYSTEM_FILE);
	k->next_end_s = UINT64_MAX;
	k->timer = loop_timer_create(loop, handle_timer, k);
	if (k->timer == NULL) {
		grant_keeper_destroy(k);
		return NULL;
	}
	/* As if every qube had stopped. */
	k->stops = true;
	grant_keeper_qube_stopped(k, NULL);
	return k;
}

void
grant_keeper_destroy(struct grant_keeper *k)
{
	if (k == NULL)
		return;
	forget_stopped(k);
	loop_timer_destroy(k->timer);
	for (int i = 0; i < 2; i++)
		free(k->path[i]);
	free(k->directory);
	free(k);
}
