/* admin.vm.volume.Resize and .Set.* (spec admin-api.md 11.8): settings of one volume. */
#include <errno.h>

#include "admin/api/method.h"
#include "admin/api/volume_call.h"
#include "admin/lifecycle/lifecycle.h"
#include "admin/storage/storage.h"

void
handle_volume_resize(struct request *r)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_PLACE struct volume_place place = {0};
	enum volume_role role;
	int64_t size_bytes;

	if (!require_image(r, &role, &place))
		return;
	if (parse_payload_number(r, "Volume size", false, &size_bytes, &err) < 0) {
		request_fail(r, &err);
		return;
	}
	if (!qube_is_halted(r->destination) && r->destination->power.state != POWER_RUNNING) {
		request_refuse(r, "StoragePoolException",
			"volume '%s:%s' can be resized only while the qube is halted or running",
			r->destination->name, r->argument);
		return;
	}
	if (storage_resize(r->api->config.storage, place.pool, place.vid, (uint64_t)size_bytes,
		    &err) < 0) {
		request_fail(r, &err);
		return;
	}
	if (qube_is_halted(r->destination)) {
		request_reply(r);
		return;
	}
	request_pin(r);
	lifecycle_resize_disk(r->api->config.lifecycle, r->destination, r->argument,
		(uint64_t)size_bytes, request_handle_done, r);
}

void
handle_volume_set_revisions_to_keep(struct request *r)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_PLACE struct volume_place place = {0};
	enum volume_role role;
	int64_t count;

	if (!require_volume(r, &role, &place))
		return;
	if (parse_payload_number(r, "Revisions to keep", true, &count, &err) < 0) {
		request_fail(r, &err);
	} else if (count < -1) {
		request_refuse(r, "QubesValueError", "Invalid value for revisions_to_keep");
	} else if (role == VOLUME_KERNEL && count != 0) {
		request_refuse(
			r, "QubesValueError", "LinuxModules supports only revisions_to_keep=0");
	} else if (role == VOLUME_KERNEL) {
		request_reply(r);
	} else {
		request_finish(r,
			storage_set_revisions_to_keep(
				r->api->config.storage, place.pool, place.vid, count, &err),
			&err);
	}
}

void
handle_volume_set_rw(struct request *r)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_PLACE struct volume_place place = {0};
	enum volume_role role;
	bool rw;

	if (!require_volume(r, &role, &place))
		return;
	if (parse_payload_bool(r, &rw, &err) < 0) {
		request_fail(r, &err);
	} else if (role == VOLUME_KERNEL && rw) {
		request_refuse(
			r, "QubesValueError", "LinuxModules supports only read-only volumes");
	} else if (role == VOLUME_KERNEL) {
		request_reply(r);
	} else {
		request_finish(r,
			storage_set_rw(r->api->config.storage, place.pool, place.vid, rw, &err),
			&err);
	}
}

void
handle_volume_set_ephemeral(struct request *r)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_PLACE struct volume_place place = {0};
	enum volume_role role;
	bool ephemeral;

	if (!require_volume(r, &role, &place))
		return;
	if (parse_payload_bool(r, &ephemeral, &err) < 0) {
		request_fail(r, &err);
	} else if (role == VOLUME_KERNEL) {
		request_refuse(r, "QubesValueError",
			"LinuxModules does not support setting ephemeral value");
	} else {
		request_finish(r,
			storage_set_ephemeral(
				r->api->config.storage, place.pool, place.vid, ephemeral, &err),
			&err);
	}
}
