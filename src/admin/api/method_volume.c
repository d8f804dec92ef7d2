/* admin.vm.volume.*: what there is, and going back (spec admin-api.md 11.8). */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "admin/api/method.h"
#include "admin/api/volume_call.h"
#include "admin/model/app.h"
#include "admin/model/events.h"
#include "admin/storage/storage.h"
#include "base/cleanup.h"

bool
require_volume(struct request *r, enum volume_role *ret_role, struct volume_place *ret_place)
{
	if (!qube_class_has_machine(r->destination->class) ||
		volume_role_parse(r->argument, ret_role) < 0) {
		request_refuse(r, "PermissionDenied", "Argument not in '%s volumes'",
			r->destination->name);
		return false;
	}
	*ret_place = volume_place_of(r->destination, *ret_role);
	return true;
}

bool
require_image(struct request *r, enum volume_role *ret_role, struct volume_place *ret_place)
{
	if (!require_volume(r, ret_role, ret_place))
		return false;
	if (*ret_role != VOLUME_KERNEL)
		return true;
	volume_place_finish(ret_place);
	*ret_place = (struct volume_place){0};
	request_refuse(r, "StoragePoolException", "volume 'kernel' of '%s' can not be changed",
		r->destination->name);
	return false;
}

void
handle_volume_list(struct request *r)
{
	if (qube_class_has_machine(r->destination->class)) {
		for (unsigned int role = 0; role < VOLUME_ROLES; role++)
			request_print(r, "%s\n", volume_role_name((enum volume_role)role));
	}
	request_reply(r);
}

static const char *
truth(bool flag)
{
	return flag ? "True" : "False";
}

static void
print_info(struct request *r, const struct volume_info *info)
{
	request_print(r, "pool=%s\nvid=%s\nsize=%" PRIu64 "\nusage=%" PRIu64 "\n", info->pool,
		info->vid, info->size_bytes, info->usage_bytes);
	request_print(r, "rw=%s\nsource=%s\npath=%s\n", truth(info->rw),
		info->source != NULL ? info->source : "", info->path != NULL ? info->path : "");
	request_print(r, "save_on_stop=%s\nsnap_on_start=%s\n", truth(info->save_on_stop),
		truth(info->snap_on_start));
	request_print(r, "revisions_to_keep=%" PRId64 "\nephemeral=%s\nis_outdated=%s\n",
		info->revisions_to_keep, truth(info->ephemeral), truth(info->is_outdated));
}

void
handle_volume_info(struct request *r)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_PLACE struct volume_place place = {0};
	struct volume_info info = {0};
	enum volume_role role;

	if (!require_volume(r, &role, &place))
		return;
	if (role == VOLUME_KERNEL && place.vid[0] == '\0') {
		/* Boots its own disk: a kernel volume of no size. */
		info.pool = place.pool;
		info.vid = place.vid;
		print_info(r, &info);
		request_reply(r);
		return;
	}
	if (storage_volume_info(r->api->config.storage, place.pool, place.vid, &info, &err) < 0) {
		request_fail(r, &err);
		return;
	}
	print_info(r, &info);
	volume_info_finish(&info);
	request_reply(r);
}

void
handle_volume_list_snapshots(struct request *r)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_PLACE struct volume_place place = {0};
	AUTO_FREE struct volume_revision *revisions = NULL;
	enum volume_role role;
	size_t count = 0;

	if (!require_volume(r, &role, &place))
		return;
	if (role != VOLUME_KERNEL && storage_list_revisions(r->api->config.storage, place.pool,
					     place.vid, &revisions, &count, &err) < 0) {
		request_fail(r, &err);
		return;
	}
	for (size_t i = 0; i < count; i++)
		request_print(r, "%s\n", revisions[i].id);
	request_reply(r);
}

static int
check_revision(
	struct request *r, const struct volume_place *place, const char *revision, struct err *err)
{
	AUTO_FREE struct volume_state *states = NULL;
	size_t count;

	if (revision[0] == '\0' || !text_only_has(revision, ":-_."))
		return err_set_kind(
			err, "ProtocolError", EINVAL, "Revision id contains illegal characters");
	if (storage_list_states(
		    r->api->config.storage, place->pool, place->vid, &states, &count, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		bool is_revision = text_equal(states[i].kind, "revision");
		bool is_current = text_equal(states[i].kind, "current");

		/* A snapshot of the content as it is can be gone back to, too. */
		if (((is_revision || is_current) && text_equal(states[i].name, revision)) ||
			(is_revision && text_equal(states[i].id, revision)))
			return 0;
	}
	return err_set_kind(err, "QubesVolumeRevisionNotFoundError", ENOENT,
		"volume '%s:%s' has no revision '%s'", r->destination->name, r->argument, revision);
}

char *
request_strip(const char *text)
{
	static const char space[] = " \t\n\v\f\r";
	char *copy = text_copy(text + strspn(text, space));
	size_t length = strlen(copy);

	while (length > 0 && strchr(space, copy[length - 1]) != NULL)
		copy[--length] = '\0';
	return copy;
}

void
handle_volume_revert(struct request *r)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_PLACE struct volume_place place = {0};
	AUTO_FREE char *revision = NULL;
	enum volume_role role;
	const char *text;

	if (request_text_payload(r, &text) < 0 || !require_image(r, &role, &place))
		return;
	revision = request_strip(text);
	if (check_revision(r, &place, revision, &err) < 0) {
		request_fail(r, &err);
		return;
	}
	request_pin(r);
	storage_revert(
		r->api->config.storage, place.pool, place.vid, revision, request_handle_done, r);
}

static void
handle_cleared(void *data, const struct err *err)
{
	struct request *r = data;

	events_emit(r->api->config.app, r->destination, "domain-volume-import-end", "volume",
		r->argument, "success", err == NULL ? "True" : "False", NULL);
	request_handle_done(r, err);
}

void
handle_volume_clear(struct request *r)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_PLACE struct volume_place place = {0};
	AUTO_FREE char *size = NULL;
	struct volume_info info;
	enum volume_role role;

	if (!require_image(r, &role, &place))
		return;
	if (storage_volume_info(r->api->config.storage, place.pool, place.vid, &info, &err) < 0) {
		request_fail(r, &err);
		return;
	}
	size = text_format("%" PRIu64, info.size_bytes);
	volume_info_finish(&info);
	events_emit(r->api->config.app, r->destination, "domain-volume-import-begin", "volume",
		r->argument, "size", size, NULL);
	request_pin(r);
	storage_clear(r->api->config.storage, place.pool, place.vid, handle_cleared, r);
}
