/* What an earlier daemon has kept ready, and what it was about to; see preload_private.h. */
#include "admin/api/api_private.h"
#include "admin/api/preload_private.h"
#include "admin/lifecycle/preload.h"
#include "admin/model/app.h"
#include "admin/model/change.h"
#include "base/cleanup.h"
#include "base/log.h"

struct found {
	struct preloads *p;
	struct qube *template;
};

static void
strike_out(struct preloads *p, struct qube *template, const char *name)
{
	AUTO_CHANGE struct change c = CHANGE_INIT(p->api->config.app);
	AUTO_ERR struct err err = ERR_INIT;

	preload_list_remove(&c, template, name);
	if (change_commit(&c, &err) < 0)
		log_qube_message(LOG_LEVEL_ERROR, template->name, "%s", err_message(&err));
}

/* One that is whole is as good as before; what is not goes. */
static void
take_up(const char *name, void *data)
{
	const struct found *found = data;
	struct api *api = found->p->api;
	struct qube *q = app_find_qube(api->config.app, name);
	struct preload *e;

	if (q == NULL || !qube_is_unnamed_disposable(q) || qube_template(q) != found->template ||
		qube_is_halted(q)) {
		strike_out(found->p, found->template, name);
		return;
	}
	e = preload_add(found->p, q, PRELOAD_READY);
	lifecycle_set_spare(api->config.lifecycle, q, true);
	if (q->power.state == POWER_PAUSED)
		e->text = lifecycle_spare_note(api->config.lifecycle, q);
	e->is_noted = e->text != NULL;
	if (e->text == NULL || !preload_is_current(e))
		preload_end(e, "it was not finished, or something has changed");
	else
		log_qube_message(LOG_LEVEL_INFO, q->name, "is still kept ready");
}

/* One that was being handed out: nobody has heard of it. */
static void
end_unheard_of(struct preloads *p, struct qube *q)
{
	struct lifecycle *l = p->api->config.lifecycle;
	AUTO_FREE char *text = NULL;

	if (!qube_is_unnamed_disposable(q) || qube_is_halted(q) || preload_find(p, q) != NULL)
		return;
	text = lifecycle_spare_note(l, q);
	if (text != NULL)
		preload_end(preload_add(p, q, PRELOAD_LEAVING), "it was being handed out");
}

void
preloads_recover(struct preloads *p)
{
	struct qube *q;
	size_t i;

	app_for_each_qube(p->api->config.app, i, q)
	{
		struct found found = {p, q};

		preload_list_each(q, take_up, &found);
	}
	app_for_each_qube(p->api->config.app, i, q) end_unheard_of(p, q);
}
