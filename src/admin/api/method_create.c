/*
 * admin.vm.Create.CLASS and CreateInPool.CLASS (spec admin-api.md 11.3): options from the payload,
 * the checks in their order, then the qube. The payload is hostile.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "admin/api/create.h"
#include "admin/api/keep.h"
#include "admin/api/method.h"
#include "base/cleanup.h"

#define refuse_option(err, ...) err_set_kind((err), "ProtocolError", EINVAL, __VA_ARGS__)

/* What the payload says; points into its copy. */
struct create_options {
	const char *name;
	const char *label_text;
	const char *pool; /* "pool=" */
	struct volume_pools pools;
	bool has_volume_pools;
};

static int
take_name(struct create_options *o, const char *untrusted_value, struct err *err)
{
	const char *reason;

	if (o->name != NULL)
		return refuse_option(err, "Options must be unique");
	if (!qube_name_valid(untrusted_value, &reason))
		return err_set_kind(err, "QubesValueError", EINVAL, "%s", reason);
	o->name = untrusted_value;
	return 0;
}

static int
take_label(struct create_options *o, const char *untrusted_value, struct err *err)
{
	if (o->label_text != NULL)
		return refuse_option(err, "Options must be unique");
	if (!text_only_has(untrusted_value, "-_."))
		return err_set_kind(err, "QubesInvalidLabelError", EINVAL,
			"Label must be in safe set: letters, digits, '-', '_', '.'");
	o->label_text = untrusted_value;
	return 0;
}

static int
take_volume_pool(
	struct create_options *o, const char *volume, const char *untrusted_value, struct err *err)
{
	enum volume_role role;

	if (volume_role_parse(volume, &role) < 0)
		return refuse_option(err, "Volume must be one of: root, private, volatile, kernel");
	if (o->pools.names[role] != NULL)
		return refuse_option(err, "Options must be unique");
	o->pools.names[role] = untrusted_value;
	o->has_volume_pools = true;
	return 0;
}

static int
take_pool(struct create_options *o, const char *untrusted_value, struct err *err)
{
	if (o->pool != NULL)
		return refuse_option(err, "Options must be unique");
	o->pool = untrusted_value;
	return 0;
}

static int
take_option(struct create_options *o, char *option, bool allow_pool, struct err *err)
{
	char *value = option;
	const char *key = strsep(&value, "=");
	bool is_volume = text_starts_with(key, "pool:");

	if (value != NULL && text_equal(key, "name"))
		return take_name(o, value, err);
	if (value != NULL && text_equal(key, "label"))
		return take_label(o, value, err);
	if (value == NULL || (!is_volume && !text_equal(key, "pool")))
		return refuse_option(err, "Options does not match: name, label, pool, pool:");
	if (!allow_pool)
		return refuse_option(err, "Pool option specified but 'allow_pool' is False");
	if (is_volume)
		return take_volume_pool(o, key + strlen("pool:"), value, err);
	return take_pool(o, value, err);
}

static int
parse_options(struct create_options *o, char *untrusted_text, bool allow_pool, struct err *err)
{
	char *rest = untrusted_text, *option;

	for (const char *c = untrusted_text; *c != '\0'; c++) {
		if ((unsigned char)*c >= 0x80)
			return refuse_option(err, "Options contain non-ASCII characters");
	}
	while ((option = strsep(&rest, " ")) != NULL) {
		if (take_option(o, option, allow_pool, err) < 0)
			return -1;
	}
	return 0;
}

static int
check_complete(const struct app *app, const struct create_options *o, struct label **ret_label,
	struct err *err)
{
	if (o->name == NULL)
		return refuse_option(err, "Creation requested without key: name");
	*ret_label = o->label_text != NULL ? label_find(app, o->label_text) : NULL;
	if (*ret_label == NULL)
		return refuse_option(err, "Creation requested without key: label");
	if (o->pool != NULL && o->has_volume_pools)
		return refuse_option(err, "Conflicting options specified: 'pool=', 'pool:volume='");
	return 0;
}

/* `pool=` is about what is kept in a pool of one's choice: not snapshots, not the kernel. */
static int
resolve_pools(
	const struct app *app, enum qube_class class, struct create_options *o, struct err *err)
{
	bool snapshot_root = qube_class_has_template(class), snapshot_private = class == CLASS_DISP;

	if (o->pool != NULL) {
		o->pools.names[VOLUME_ROOT] = snapshot_root ? NULL : o->pool;
		o->pools.names[VOLUME_PRIVATE] = snapshot_private ? NULL : o->pool;
		o->pools.names[VOLUME_VOLATILE] = o->pool;
	}
	for (size_t i = 0; i < VOLUME_ROLES; i++) {
		const char *pool = o->pools.names[i];

		if (pool != NULL && (app->hooks.pool_exists == NULL ||
					    !app->hooks.pool_exists(pool, app->hooks.data)))
			return err_set_kind(
				err, "QubesException", ENOENT, "Unknown storage pool %s", pool);
	}
	return 0;
}

static struct qube *
default_template(const struct app *app, enum qube_class class)
{
	enum property_id id = class == CLASS_DISP ? GLOBAL_DEFAULT_DISPVM : GLOBAL_DEFAULT_TEMPLATE;
	struct value value = {0};

	(void)property_get(app, NULL, property_by_id(id), &value);
	return value.state == VALUE_PRESENT ? value.qube : NULL;
}

static int
check_template(enum qube_class class, const struct qube *template, struct err *err)
{
	if (template == NULL)
		return err_set_kind(err, "QubesValueError", EINVAL,
			"Template for the qube not specified, nor default template set.");
	if (class == CLASS_DISP && !qube_flag(template, PROPERTY_TEMPLATE_FOR_DISPVMS))
		return err_set_kind(err, "QubesPropertyValueError", EINVAL,
			"template for disposable must have template_for_dispvms=True");
	if (class == CLASS_APP && template->class != CLASS_TEMPLATE)
		return err_set_kind(err, "QubesPropertyValueError", EINVAL,
			"wrong VM class: domains['%s'] is of type %s and not TemplateVM",
			template->name, qube_class_name(template->class));
	return 0;
}

static int
create(struct request *r, char *untrusted_text, bool allow_pool, struct err *err)
{
	enum qube_class class = (enum qube_class)r->method->variant;
	struct create_options o = {0};
	struct qube_spec spec = {.class = class, .created_by = r->source};
	struct app *app = r->api->config.app;

	if (r->argument[0] != '\0' && !qube_class_has_template(class))
		return refuse_option(err, "%s cannot be based on template", qube_class_name(class));
	if (parse_options(&o, untrusted_text, allow_pool, err) < 0 ||
		check_complete(app, &o, &spec.label, err) < 0)
		return -1;
	if (app_find_qube(app, o.name) != NULL || keep_reserves_name(app, o.name))
		return err_set_kind(err, "QubesVMAlreadyExistsError", EEXIST,
			"Qube already exists: %s", o.name);
	if (r->argument[0] != '\0' &&
		(spec.template = app_lookup_qube(app, r->argument, err)) == NULL)
		return -1;
	if (resolve_pools(app, class, &o, err) < 0)
		return -1;
	if (qube_class_has_template(class)) {
		if (spec.template == NULL)
			spec.template = default_template(app, class);
		if (check_template(class, spec.template, err) < 0)
			return -1;
	}
	spec.name = o.name;
	return create_qube(r->api, &spec, &o.pools, err) != NULL ? 0 : -1;
}

static void
handle(struct request *r, bool allow_pool)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *copy = NULL;
	const char *text;

	if (request_text_payload(r, &text) < 0)
		return;
	copy = text_copy(text);
	request_finish(r, create(r, copy, allow_pool, &err), &err);
}

void
handle_create(struct request *r)
{
	handle(r, false);
}

void
handle_create_in_pool(struct request *r)
{
	handle(r, true);
}
