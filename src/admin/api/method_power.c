/* Power (spec admin-api.md 11.4): the lifecycle does it, this says what was asked. */
#include <inttypes.h>
#include <string.h>

#include "admin/api/keep.h"
#include "admin/api/method.h"
#include "admin/api/preload.h"
#include "admin/lifecycle/lifecycle.h"
#include "admin/model/app.h"
#include "base/cleanup.h"

/* Only qubes with a machine have power. False: the request has been refused. */
static bool
require_machine(struct request *r, const char *verb)
{
	if (qube_class_has_machine(r->destination->class))
		return true;
	if (qube_is_dom0(r->destination))
		request_refuse(r, "QubesVMError", "Cannot %s Dom0 fake domain!", verb);
	else
		request_refuse(r, "QubesVMError", "Cannot %s a RemoteVM.", verb);
	return false;
}

/* The lifecycle refuses dom0 and RemoteVMs itself, in its own words. */
void
handle_start(struct request *r)
{
	request_pin(r);
	lifecycle_start(r->api->config.lifecycle, r->destination, request_handle_done, r);
}

void
handle_kill(struct request *r)
{
	if (!require_machine(r, "kill"))
		return;
	request_pin(r);
	preloads_rest(r->api->preloads, r->destination);
	if (qube_is_to_be_kept(r->destination) && !qube_is_halted(r->destination)) {
		keep_kill(r->api, r->destination, request_handle_done, r);
		return;
	}
	lifecycle_kill(r->api->config.lifecycle, r->destination, request_handle_done, r);
}

void
handle_pause(struct request *r)
{
	if (!require_machine(r, "pause"))
		return;
	request_pin(r);
	lifecycle_pause(r->api->config.lifecycle, r->destination, request_handle_done, r);
}

void
handle_unpause(struct request *r)
{
	if (!require_machine(r, "unpause"))
		return;
	request_pin(r);
	lifecycle_unpause(r->api->config.lifecycle, r->destination, request_handle_done, r);
}

/* A qube whose system can not sleep is paused: that is all of them as yet. */
void
handle_suspend(struct request *r)
{
	if (!require_machine(r, "suspend"))
		return;
	request_pin(r);
	lifecycle_pause(r->api->config.lifecycle, r->destination, request_handle_done, r);
}

void
handle_resume(struct request *r)
{
	enum power_state state = r->destination->power.state;

	if (!require_machine(r, "resume"))
		return;
	if (state != POWER_PAUSED && state != POWER_SUSPENDED) {
		request_refuse(r, "QubesVMNotSuspendedError", "Domain is not suspended: '%s'",
			r->destination->name);
		return;
	}
	request_pin(r);
	lifecycle_unpause(r->api->config.lifecycle, r->destination, request_handle_done, r);
}

/* Words joined by plus, in any order, each at most once. */
static bool
parse_shutdown_words(const char *argument, bool *ret_force, bool *ret_wait)
{
	AUTO_FREE char *words = text_copy(argument);
	char *rest = argument[0] != '\0' ? words : NULL, *word;

	*ret_force = *ret_wait = false;
	while ((word = strsep(&rest, "+")) != NULL) {
		bool *flag = text_equal(word, "force")  ? ret_force
			     : text_equal(word, "wait") ? ret_wait
							: NULL;

		if (flag == NULL || *flag)
			return false;
		*flag = true;
	}
	return true;
}

void
handle_shutdown(struct request *r)
{
	bool force, wait;

	if (!parse_shutdown_words(r->argument, &force, &wait)) {
		request_refuse(r, "ProtocolError", "Argument must match: force, wait");
		return;
	}
	if (!require_machine(r, "shut down"))
		return;
	request_pin(r);
	/* It is paused, and there is nothing in it that could be lost. */
	if (preloads_have(r->api->preloads, r->destination)) {
		preloads_rest(r->api->preloads, r->destination);
		lifecycle_kill(r->api->config.lifecycle, r->destination, request_handle_done, r);
		return;
	}
	lifecycle_shutdown(
		r->api->config.lifecycle, r->destination, force, wait, request_handle_done, r);
}

void
handle_current_state(struct request *r)
{
	const struct api_config *config = &r->api->config;
	const struct qube *q = r->destination;
	uint64_t memory_kib = q->power.memory_kib, static_max_kib = memory_kib, cpu_ns = 0;

	if (qube_is_dom0(q))
		memory_kib = static_max_kib = config->app->host_memory_mib * 1024;
	if (config->cpu_time_ns != NULL && q->power.xid > 0)
		cpu_ns = config->cpu_time_ns(q, config->data);
	request_print(r,
		"mem=%" PRIu64 " mem_static_max=%" PRIu64 " cputime=%" PRIu64 " power_state=%s",
		memory_kib, static_max_kib, cpu_ns, power_state_name(q->power.state));
	request_reply(r);
}
