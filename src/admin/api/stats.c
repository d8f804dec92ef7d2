/*
 * Samples of what running qubes use; see stats.h. One measurement an interval serves all who
 * listen; without a listener nothing is measured.
 */
#include "admin/api/stats.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/api/api_private.h"
#include "admin/api/client.h"
#include "admin/model/app.h"
#include "admin/model/events.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/path.h"

#define NS_PER_MS 1000000
/* The property has no bounds. */
#define SHORTEST_INTERVAL_MS 1000
#define LONGEST_INTERVAL_S 86400
#define PROC_STAT_MAX_BYTES ((size_t)1024 * 1024)

/* What was measured of one running qube; dom0 has the domain number 0. */
struct sample {
	int64_t xid;
	uint64_t measured_ms, cpu_ms;
	unsigned int usage_percent;
};

struct stats {
	struct api *api;
	struct loop_timer *timer;
	struct list listeners; /* stats_listener.link */
	struct sample *samples;
	size_t sample_count;
};

struct stats_listener {
	struct list link; /* stats.listeners */
	struct stats *stats;
	struct client *client;
	char *subject; /* NULL: all */
};

static bool
is_measured(const struct qube *q)
{
	return qube_is_dom0(q) || q->power.xid > 0;
}

static int64_t
domain_number(const struct qube *q)
{
	return qube_is_dom0(q) ? 0 : q->power.xid;
}

static unsigned int
count_vcpus(const struct stats *s, const struct qube *q)
{
	int64_t count =
		qube_is_dom0(q) ? s->api->config.app->host_cpus : qube_number(q, PROPERTY_VCPUS);

	return count > 0 ? (unsigned int)count : 1;
}

/* Time that the host's processors were busy, the machines of the qubes among it. */
static uint64_t
host_cpu_ms(void)
{
	AUTO_FREE char *text = NULL;
	char *rest, *word;
	uint64_t ticks, sum = 0;

	if (read_file("/proc/stat", PROC_STAT_MAX_BYTES, &text, NULL, NULL) < 0 ||
		!text_starts_with(text, "cpu  "))
		return 0;
	/* "cpu  USER NICE SYSTEM IDLE ...", in ticks since the boot. */
	rest = text + strlen("cpu  ");
	for (int i = 0; i < 3 && (word = strsep(&rest, " ")) != NULL; i++) {
		if (text_parse_u64(word, UINT64_MAX / 1000000, &ticks) == 0)
			sum += ticks;
	}
	return sum * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
}

static uint64_t
cpu_ms(const struct stats *s, const struct qube *q)
{
	const struct api_config *config = &s->api->config;

	if (qube_is_dom0(q))
		return host_cpu_ms();
	return config->cpu_time_ns != NULL ? config->cpu_time_ns(q, config->data) / NS_PER_MS : 0;
}

static const struct sample *
find_sample(const struct stats *s, int64_t xid)
{
	for (size_t i = 0; i < s->sample_count; i++) {
		if (s->samples[i].xid == xid)
			return &s->samples[i];
	}
	return NULL;
}

/* The first measurement of a machine has nothing to compare with: its usage is 0. */
static void
measure_qube(const struct stats *s, const struct qube *q, struct sample *ret)
{
	const struct sample *before = find_sample(s, domain_number(q));
	struct sample now = {
		.xid = domain_number(q), .measured_ms = loop_now_ms(), .cpu_ms = cpu_ms(s, q)};

	if (before != NULL && now.measured_ms > before->measured_ms &&
		now.cpu_ms > before->cpu_ms) {
		uint64_t available_ms = (now.measured_ms - before->measured_ms) * count_vcpus(s, q);
		uint64_t percent = (now.cpu_ms - before->cpu_ms) * 100 / available_ms;

		now.usage_percent = percent < 100 ? (unsigned int)percent : 100;
	}
	*ret = now;
}

static void
measure(struct stats *s)
{
	const struct app *app = s->api->config.app;
	struct sample *samples = xcalloc(app->qube_count, sizeof(*samples));
	struct qube *q;
	size_t i, count = 0;

	app_for_each_qube(app, i, q)
	{
		if (is_measured(q))
			measure_qube(s, q, &samples[count++]);
	}
	free(s->samples);
	s->samples = samples;
	s->sample_count = count;
}

struct texts {
	char memory[24], cpu_time[24], cpu_usage[8], vcpus[16];
};

/* False: the client did not take it and is gone, and its listener with it. */
static bool
send_sample(const struct stats_listener *l, struct qube *q, const struct sample *sample)
{
	const struct app *app = l->stats->api->config.app;
	uint64_t memory_kib = qube_is_dom0(q) ? app->host_memory_mib * 1024 : q->power.memory_kib;
	struct texts t;
	const struct event_pair pairs[] = {
		{"memory_kb", t.memory},
		{"memory_assigned_total", t.memory},
		{"memory_assigned_usable", t.memory},
		{"memory_with_swap_used", t.memory},
		{"cpu_time", t.cpu_time},
		{"cpu_usage", t.cpu_usage},
		{"online_vcpus", t.vcpus},
	};
	const struct event event = {
		.qube = q,
		.subject = q->name,
		.name = "vm-stats",
		.pairs = pairs,
		.pair_count = sizeof(pairs) / sizeof(pairs[0]),
	};

	snprintf(t.memory, sizeof(t.memory), "%" PRIu64, memory_kib);
	snprintf(t.cpu_time, sizeof(t.cpu_time), "%" PRIu64, sample->cpu_ms);
	snprintf(t.cpu_usage, sizeof(t.cpu_usage), "%u", sample->usage_percent);
	snprintf(t.vcpus, sizeof(t.vcpus), "%u", count_vcpus(l->stats, q));
	return client_send_event(l->client, &event);
}

static void
send_one(struct stats_listener *l)
{
	struct qube *q = app_find_qube(l->stats->api->config.app, l->subject);
	const struct sample *sample =
		q != NULL && is_measured(q) ? find_sample(l->stats, domain_number(q)) : NULL;
	AUTO_ERR struct err err = ERR_INIT;

	if (sample != NULL) {
		(void)send_sample(l, q, sample);
		return;
	}
	err_set_kind(
		&err, "QubesVMNotStartedError", EINVAL, "Domain is powered off: '%s'", l->subject);
	client_end_events(l->client, &err);
}

static void
send_all(struct stats_listener *l)
{
	const struct stats *s = l->stats;
	struct qube *q;
	size_t i;

	app_for_each_qube(s->api->config.app, i, q)
	{
		const struct sample *sample =
			is_measured(q) ? find_sample(s, domain_number(q)) : NULL;

		if (sample != NULL && !send_sample(l, q, sample))
			return;
	}
}

static void
send(struct stats_listener *l)
{
	if (l->subject != NULL)
		send_one(l);
	else
		send_all(l);
}

static uint64_t
interval_ms(const struct stats *s)
{
	struct value value = {0};

	(void)property_get(s->api->config.app, NULL, property_by_id(GLOBAL_STATS_INTERVAL), &value);
	if (value.state != VALUE_PRESENT || value.number < 1)
		return SHORTEST_INTERVAL_MS;
	return value.number < LONGEST_INTERVAL_S ? (uint64_t)value.number * 1000
						 : LONGEST_INTERVAL_S * UINT64_C(1000);
}

static void
handle_interval(struct loop_timer *timer, void *data)
{
	struct stats *s = data;
	struct stats_listener *l, *next;

	measure(s);
	list_for_each_safe (l, next, &s->listeners, link)
		send(l);
	if (!list_empty(&s->listeners))
		loop_timer_start(timer, interval_ms(s));
}

static struct stats *
stats_get(struct api *api)
{
	struct stats *s = api->stats;

	if (s != NULL)
		return s;
	s = xcalloc(1, sizeof(*s));
	s->api = api;
	list_init(&s->listeners);
	s->timer = loop_timer_create(api->config.loop, handle_interval, s);
	if (s->timer == NULL)
		fatal("stats: no timer");
	api->stats = s;
	return s;
}

struct stats_listener *
stats_listen(struct api *api, struct client *c, const char *subject)
{
	struct stats *s = stats_get(api);
	struct stats_listener *l = xcalloc(1, sizeof(*l));

	l->stats = s;
	l->client = c;
	l->subject = subject != NULL ? text_copy(subject) : NULL;
	/* The first sample comes at once, with the next turn of the loop. */
	if (list_empty(&s->listeners))
		loop_timer_start(s->timer, 0);
	list_append(&s->listeners, &l->link);
	return l;
}

void
stats_unlisten(struct stats_listener *l)
{
	if (l == NULL)
		return;
	list_remove(&l->link);
	if (list_empty(&l->stats->listeners))
		loop_timer_stop(l->stats->timer);
	free(l->subject);
	free(l);
}

void
stats_destroy(struct stats *s)
{
	if (s == NULL)
		return;
	loop_timer_destroy(s->timer);
	free(s->samples);
	free(s);
}
