/* admin.label.* (spec admin-api.md 11.6). */
#include "admin/api/method.h"
#include "admin/model/app.h"

/* The label that the argument names; NULL: the request has been refused. */
static const struct label *
require_label(struct request *r)
{
	AUTO_ERR struct err err = ERR_INIT;
	const struct label *l = label_lookup(r->api->config.app, r->argument, &err);

	if (l == NULL)
		request_fail(r, &err);
	return l;
}

void
handle_label_list(struct request *r)
{
	const struct label *l;

	list_for_each (l, &r->api->config.app->labels, link)
		request_print(r, "%s\n", l->name);
	request_reply(r);
}

void
handle_label_get(struct request *r)
{
	const struct label *l = require_label(r);

	if (l == NULL)
		return;
	request_print(r, "0x%06x", l->color);
	request_reply(r);
}

void
handle_label_index(struct request *r)
{
	const struct label *l = require_label(r);

	if (l == NULL)
		return;
	request_print(r, "%d", l->index);
	request_reply(r);
}

void
handle_label_create(struct request *r)
{
	AUTO_ERR struct err err = ERR_INIT;
	const char *color;

	if (request_text_payload(r, &color) < 0)
		return;
	request_finish(r, label_create(r->api->config.app, r->argument, color, &err), &err);
}

void
handle_label_remove(struct request *r)
{
	AUTO_ERR struct err err = ERR_INIT;

	request_finish(r, label_remove(r->api->config.app, r->argument, &err), &err);
}
