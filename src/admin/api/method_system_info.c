/*
 * internal.GetSystemInfo (spec admin-api.md 11.12): what the policy is evaluated over, at every
 * call between qubes; so the answer is kept until something changes.
 */
#include <jansson.h>
#include <stdlib.h>

#include "admin/api/method.h"
#include "admin/model/app.h"
#include "base/cleanup.h"
#include "base/log.h"

struct system_info {
	uint64_t generation;
	char *text; /* by jansson's malloc() */
};

void
system_info_destroy(struct system_info *info)
{
	if (info == NULL)
		return;
	free(info->text);
	free(info);
}

static json_t *
text_or_null(const char *text)
{
	return text != NULL ? json_string(text) : json_null();
}

static json_t *
reference_or_null(const struct qube *q, enum property_id id)
{
	const struct qube *referred = qube_reference(q, id);

	return text_or_null(referred != NULL ? referred->name : NULL);
}

static json_t *
make_tags(const struct qube *q)
{
	json_t *tags = json_array();

	for (size_t i = 0; i < q->tags.count; i++)
		(void)json_array_append_new(tags, json_string(q->tags.items[i]));
	return tags;
}

static json_t *
make_qube(const struct qube *q)
{
	AUTO_FREE char *icon = qube_text(q, PROPERTY_ICON);
	AUTO_FREE char *transport =
		q->class == CLASS_REMOTE ? qube_text(q, PROPERTY_TRANSPORT_RPC) : NULL;
	AUTO_FREE char *color = text_format("0x%06x", qube_label(q)->color);
	json_t *info = json_object();
	int result = 0;

	result |= json_object_set_new(info, "internal", text_or_null(qube_feature(q, "internal")));
	result |= json_object_set_new(info, "tags", make_tags(q));
	result |= json_object_set_new(info, "type", json_string(qube_class_name(q->class)));
	result |= json_object_set_new(info, "template_for_dispvms",
		json_boolean(qube_flag(q, PROPERTY_TEMPLATE_FOR_DISPVMS)));
	result |= json_object_set_new(
		info, "default_dispvm", reference_or_null(q, PROPERTY_DEFAULT_DISPVM));
	result |= json_object_set_new(info, "icon", json_string(icon));
	result |= json_object_set_new(info, "label", json_string(color));
	result |= json_object_set_new(info, "guivm", reference_or_null(q, PROPERTY_GUIVM));
	result |= json_object_set_new(info, "relayvm", reference_or_null(q, PROPERTY_RELAYVM));
	result |= json_object_set_new(info, "transport_rpc", text_or_null(transport));
	result |= json_object_set_new(
		info, "power_state", json_string(power_state_name(q->power.state)));
	result |= json_object_set_new(info, "uuid", json_string(q->uuid));
	if (result == 0)
		return info;
	json_decref(info);
	return NULL;
}

/* The text of jansson, or NULL without memory. */
static char *
make_text(const struct app *app)
{
	json_t *domains = json_object(), *root = json_object();
	char *text = NULL;
	int result = 0;
	struct qube *q;
	size_t i;

	app_for_each_qube(app, i, q) result |= json_object_set_new(domains, q->name, make_qube(q));
	result |= json_object_set_new(root, "domains", domains);
	if (result == 0)
		text = json_dumps(root, 0);
	json_decref(root);
	return text;
}

const char *
system_info_text(struct api *api)
{
	const struct app *app = api->config.app;
	struct system_info *info = api->system_info;

	if (info == NULL)
		info = api->system_info = xcalloc(1, sizeof(*info));
	if (info->text == NULL || info->generation != app->generation) {
		free(info->text);
		info->text = make_text(app);
		info->generation = app->generation;
		if (info->text == NULL)
			fatal("out of memory");
	}
	return info->text;
}

void
handle_system_info(struct request *r)
{
	request_put(r, system_info_text(r->api));
	request_reply(r);
}
