/*
 * bulkhead.vm.volume.*: the states of a volume, what each costs, snapshots with a name, and what
 * is being done to the images (docs/admin-api-extensions.md).
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "admin/api/method.h"
#include "admin/api/volume_call.h"
#include "admin/lifecycle/lifecycle.h"
#include "admin/storage/storage.h"
#include "base/cleanup.h"

static void
print_state(struct request *r, const struct volume_state *state)
{
	request_print(r,
		"id=%s kind=%s time=%s size=%" PRIu64 " usage=%" PRIu64 " depth=%zu name=%s "
		"named=%s\n",
		state->id, state->kind, state->time, state->size_bytes, state->usage_bytes,
		state->depth, state->name, state->named);
}

void
handle_volume_list_states(struct request *r)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_PLACE struct volume_place place = {0};
	AUTO_FREE struct volume_state *states = NULL;
	enum volume_role role;
	size_t count = 0;

	if (!require_volume(r, &role, &place))
		return;
	if (role != VOLUME_KERNEL && storage_list_states(r->api->config.storage, place.pool,
					     place.vid, &states, &count, &err) < 0) {
		request_fail(r, &err);
		return;
	}
	for (size_t i = 0; i < count; i++)
		print_state(r, &states[i]);
	request_reply(r);
}

/* "NAME", or "NAME saved" for what was saved at the last stop, also of a qube that runs. */
void
handle_volume_snapshot(struct request *r)
{
	static const char saved[] = " saved";
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_PLACE struct volume_place place = {0};
	AUTO_FREE char *name = NULL;
	enum volume_role role;
	const char *text;
	bool while_running;

	if (request_text_payload(r, &text) < 0 || !require_image(r, &role, &place))
		return;
	name = request_strip(text);
	while_running = text_ends_with(name, saved);
	if (while_running)
		name[strlen(name) - strlen(saved)] = '\0';
	if (!while_running && !qube_is_halted(r->destination)) {
		request_pin(r);
		lifecycle_snapshot_disk(r->api->config.lifecycle, r->destination, r->argument,
			place.pool, place.vid, name, request_handle_done, r);
		return;
	}
	request_finish(r,
		storage_take_snapshot(
			r->api->config.storage, place.pool, place.vid, name, while_running, &err),
		&err);
}

void
handle_volume_delete(struct request *r)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_PLACE struct volume_place place = {0};
	AUTO_FREE char *which = NULL;
	enum volume_role role;
	const char *text;

	if (request_text_payload(r, &text) < 0 || !require_image(r, &role, &place))
		return;
	which = request_strip(text);
	request_finish(r,
		storage_delete_state(r->api->config.storage, place.pool, place.vid, which, &err),
		&err);
}

void
handle_volume_work(struct request *r)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_PLACE struct volume_place place = {0};
	enum volume_role role;
	const char *what;
	int percent, found = 0;

	if (!require_volume(r, &role, &place))
		return;
	if (role != VOLUME_KERNEL)
		found = storage_volume_work(
			r->api->config.storage, place.pool, place.vid, &what, &percent, &err);
	if (found < 0) {
		request_fail(r, &err);
		return;
	}
	if (found > 0 && percent >= 0)
		request_print(r, "what=%s percent=%d\n", what, percent);
	else if (found > 0)
		request_print(r, "what=%s\n", what);
	request_reply(r);
}
