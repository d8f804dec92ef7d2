/* The removal of a qube: one transaction takes it and its volumes out of the store. */
#include "admin/api/api_private.h"
#include "admin/model/app.h"
#include "admin/storage/storage.h"
#include "admin/store/store.h"
#include "base/crash_point.h"

int
remove_qube(struct api *api, struct qube *q, struct err *err)
{
	struct app *app = api->config.app;

	if (app_check_removal(app, q, err) < 0)
		return -1;
	app_announce_removal(app, q);
	crash_point("remove:after-announce");
	if (store_begin(app->store, err) < 0)
		return -1;
	if (storage_remove_frozen(api->config.storage, q->name, err) < 0 ||
		storage_remove_volumes(api->config.storage, q->name, err) < 0 ||
		app_delete_qube(app, q, err) < 0) {
		store_rollback(app->store);
		return -1;
	}
	crash_point("remove:before-commit");
	if (store_commit(app->store, err) < 0)
		return -1;
	crash_point("remove:after-commit");
	app_forget_qube(app, q, true);
	return 0;
}
