/* Disposables and the processes they were made for; see disposable_owner.h. */
#include "admin/api/disposable_owner.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "admin/api/api_private.h"
#include "admin/api/client.h"
#include "admin/api/keep.h"
#include "admin/api/request.h"
#include "admin/lifecycle/lifecycle.h"
#include "admin/model/app.h"
#include "admin/model/change.h"
#include "admin/model/events.h"
#include "base/child.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/text.h"

struct owners {
	struct api *api;
	struct list list; /* owner.link */
	struct event_subscriber *subscriber;
};

/* One process and one disposable. */
struct owner {
	struct list link; /* owners.list */
	struct owners *owners;
	struct loop_child *process;
	char uuid[UUID_LENGTH + 1]; /* of the disposable */
};

static void
owner_destroy(struct owner *owner)
{
	list_remove(&owner->link);
	loop_child_destroy(owner->process);
	free(owner);
}

static void
handle_killed(void *data, const struct err *err)
{
	(void)data;
	if (err != NULL)
		log_error("disposable without an owner: cannot be killed: %s", err_message(err));
}

/* Its removal follows the end of its machine. */
static void
end_disposable(struct api *api, struct qube *q)
{
	log_qube_message(LOG_LEVEL_WARNING, q->name,
		"the qrexec-daemon for which it was made is gone: ended");
	if (qube_is_halted(q))
		disposals_add(api->disposals, q);
	else if (qube_is_to_be_kept(q))
		keep_kill(api, q, handle_killed, NULL);
	else
		lifecycle_kill(api->config.lifecycle, q, handle_killed, NULL);
}

static struct qube *
find_disposable(const struct owner *owner)
{
	AUTO_FREE char *name = text_format("uuid:%s", owner->uuid);

	return app_lookup_qube(owner->owners->api->config.app, name, NULL);
}

static void
handle_owner_end(struct loop_child *process, int wait_status, void *data)
{
	struct owner *owner = data;
	struct api *api = owner->owners->api;
	struct qube *q = find_disposable(owner);

	(void)process;
	(void)wait_status;
	owner_destroy(owner);
	if (q != NULL)
		end_disposable(api, q);
}

/* False when there is no such process any more. */
static bool
watch(struct owners *o, const struct qube *q, pid_t pid, unsigned long long start_time)
{
	struct owner *owner = xcalloc(1, sizeof(*owner));
	unsigned long long found;

	owner->owners = o;
	memcpy(owner->uuid, q->uuid, sizeof(owner->uuid));
	list_append(&o->list, &owner->link);
	owner->process = loop_child_create(o->api->config.loop, pid, handle_owner_end, owner);
	if (owner->process != NULL && process_start_time(pid, &found) == 0 && found == start_time)
		return true;
	owner_destroy(owner);
	return false;
}

/* A process may make any number of disposables: those that have gone are not to cost anything. */
static void
handle_event(const struct event *event, void *data)
{
	struct owners *o = data;
	struct owner *owner, *following;

	if (!text_equal(event->name, "domain-delete"))
		return;
	list_for_each_safe (owner, following, &o->list, link) {
		if (find_disposable(owner) == NULL)
			owner_destroy(owner);
	}
}

/* "PID START", as it was written here. */
static bool
parse_note(const char *note, pid_t *ret_pid, unsigned long long *ret_start)
{
	AUTO_FREE char *text = text_copy(note);
	char *blank = strchr(text, ' ');
	uint64_t pid, start;

	if (blank == NULL)
		return false;
	*blank = '\0';
	if (text_parse_u64(text, INT_MAX, &pid) < 0 || pid == 0 ||
		text_parse_u64(blank + 1, UINT64_MAX, &start) < 0)
		return false;
	*ret_pid = (pid_t)pid;
	*ret_start = start;
	return true;
}

struct owners *
owners_create(struct api *api)
{
	struct owners *o = xcalloc(1, sizeof(*o));
	struct qube *q;
	size_t i;

	o->api = api;
	list_init(&o->list);
	o->subscriber = events_subscribe(api->config.app, handle_event, o);
	app_for_each_qube(api->config.app, i, q)
	{
		const char *note = qube_feature(q, DISPOSABLE_OWNER_FEATURE);
		unsigned long long start_time = 0;
		pid_t pid = 0;

		if (note == NULL || !qube_is_unnamed_disposable(q))
			continue;
		if (!parse_note(note, &pid, &start_time) || !watch(o, q, pid, start_time))
			end_disposable(api, q);
	}
	return o;
}

void
owners_destroy(struct owners *o)
{
	struct owner *owner, *following;

	if (o == NULL)
		return;
	events_unsubscribe(o->subscriber);
	list_for_each_safe (owner, following, &o->list, link)
		owner_destroy(owner);
	free(o);
}

void
owners_note(struct owners *o, const struct request *r, struct qube *q)
{
	const struct api_config *config = &o->api->config;
	AUTO_CHANGE struct change c = CHANGE_INIT(config->app);
	pid_t pid = r->client != NULL ? client_process(r->client) : 0;
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *note = NULL;
	unsigned long long start_time;

	if (pid <= 0 || config->is_call_daemon == NULL ||
		!config->is_call_daemon(pid, config->data))
		return;
	if (process_start_time(pid, &start_time) < 0 || !watch(o, q, pid, start_time)) {
		end_disposable(o->api, q);
		return;
	}
	note = text_format("%d %llu", (int)pid, start_time);
	change_feature_set(&c, q, DISPOSABLE_OWNER_FEATURE, note);
	if (change_commit(&c, &err) < 0)
		log_qube_message(LOG_LEVEL_ERROR, q->name,
			"a restart of bulkheadd would forget whose it is: %s", err_message(&err));
}
