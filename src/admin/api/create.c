/* Creation in one transaction; see create.h. */
#include "admin/api/create.h"

#include "admin/api/api_private.h"
#include "admin/store/store.h"
#include "base/crash_point.h"

/* Inside the transaction. NULL with the error: the caller rolls it back. */
static struct qube *
add(struct api *api, const struct qube_spec *spec, const struct volume_pools *pools,
	struct err *err)
{
	struct qube *q = app_add_qube(api->config.app, spec, err);

	if (q == NULL)
		return NULL;
	crash_point("create:after-qube");
	if (volumes_add(api, q, pools, err) < 0) {
		app_forget_qube(api->config.app, q, false);
		return NULL;
	}
	crash_point("create:after-volumes");
	return q;
}

struct qube *
create_qube(struct api *api, const struct qube_spec *spec, const struct volume_pools *pools,
	struct err *err)
{
	struct app *app = api->config.app;
	struct qube *q;

	crash_point("create:before-begin");
	if (store_begin(app->store, err) < 0)
		return NULL;
	q = add(api, spec, pools, err);
	if (q == NULL) {
		store_rollback(app->store);
		return NULL;
	}
	if (store_commit(app->store, err) < 0) {
		app_forget_qube(app, q, false);
		return NULL;
	}
	crash_point("create:after-commit");
	app_announce_qube(app, q, spec);
	return q;
}
