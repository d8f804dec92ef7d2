/*
 * admin.vm.CreateDisposable (spec admin-api.md 11.3): an unnamed disposable, not yet started, or
 * one that was kept ready.
 */
#include "admin/api/create.h"
#include "admin/api/disposable_owner.h"
#include "admin/api/method.h"
#include "admin/api/preload.h"
#include "admin/model/app.h"
#include "base/cleanup.h"

/* dom0 as the destination means: the template that the caller has for its disposables. */
static struct qube *
find_template(struct request *r)
{
	const struct app *app = r->api->config.app;

	if (!qube_is_dom0(r->destination))
		return r->destination;
	return qube_reference(app_find_qube(app, r->source), PROPERTY_DEFAULT_DISPVM);
}

/* A qube could else use up all numbers of qubes. */
static bool
has_too_many(const struct request *r)
{
	AUTO_FREE char *tag = text_format("disp-created-by-%s", r->source);
	const struct qube *q;
	unsigned int count = 0;
	size_t i;

	if (r->from_dom0)
		return false;
	app_for_each_qube(r->api->config.app, i, q) count +=
		qube_is_unnamed_disposable(q) && qube_has_tag(q, tag);
	return count >= API_QUBE_DISPOSABLES_MAX;
}

static void
create_fresh(struct request *r, struct qube *template, bool wants_uuid)
{
	static const struct volume_pools default_pools;
	struct qube_spec spec = {
		.class = CLASS_DISP, .template = template, .created_by = r->source};
	AUTO_ERR struct err err = ERR_INIT;
	struct qube *q = create_qube(r->api, &spec, &default_pools, &err);

	if (q == NULL) {
		request_fail(r, &err);
		return;
	}
	owners_note(r->api->owners, r, q);
	request_print(r, "%s%s", wants_uuid ? "uuid:" : "", wants_uuid ? q->uuid : q->name);
	request_reply(r);
}

void
handle_create_disposable(struct request *r)
{
	bool wants_uuid = r->payload_size == 4 && text_equal(r->payload, "uuid");
	struct qube *template;

	if (r->argument[0] != '\0' && !text_equal(r->argument, "preload")) {
		request_refuse(r, "PermissionDenied", "Argument not in 'preload'");
		return;
	}
	if (r->payload_size > 0 && !wants_uuid) {
		request_refuse(
			r, "ProtocolError", "Invalid payload, expected empty string or 'uuid'");
		return;
	}
	template = find_template(r);
	if (template == NULL) {
		request_refuse(
			r, "QubesException", "'%s' has no default disposable template", r->source);
		return;
	}
	if (!qube_flag(template, PROPERTY_TEMPLATE_FOR_DISPVMS)) {
		request_refuse(r, "QubesException",
			"Refusing to create disposable out of app qube which has "
			"template_for_dispvms=False");
		return;
	}
	if (r->argument[0] != '\0') {
		preloads_ask(r->api->preloads, template);
		request_reply(r);
		return;
	}
	if (has_too_many(r)) {
		request_refuse(r, "QubesException", "'%s' has %d disposables already", r->source,
			API_QUBE_DISPOSABLES_MAX);
		return;
	}
	request_pin(r);
	if (!preload_take(r, template, wants_uuid, create_fresh))
		create_fresh(r, template, wants_uuid);
}
