/* admin.vm.Remove (spec admin-api.md 11.3): answered when the images are gone too. */
#include "admin/api/method.h"
#include "admin/api/preload.h"
#include "admin/model/app.h"
#include "admin/storage/storage.h"
#include "base/cleanup.h"
#include "base/log.h"

static void
handle_images_gone(void *data, const struct err *err)
{
	/* The qube is gone whatever became of its files; the next recovery looks again. */
	if (err != NULL)
		log_error("images of a removed qube: %s", err_message(err));
	request_reply(data);
}

static void
remove_destination(void *data)
{
	struct request *r = data;
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *name = text_copy(r->destination->name);

	if (r->pinned)
		qube_unpin(r->destination);
	r->pinned = false;
	if (remove_qube(r->api, r->destination, &err) < 0) {
		request_fail(r, &err);
		return;
	}
	r->destination = NULL;
	storage_await_removal(r->api->config.storage, name, handle_images_gone, r);
}

/* Disposables of it that nobody uses do not stand in its way. */
void
handle_remove(struct request *r)
{
	request_pin(r);
	preloads_clear(r->api->preloads, r->destination, remove_destination, r);
}
