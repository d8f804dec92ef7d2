/* admin.vm.property.* and admin.property.*: twins, about a qube and about the global object. */
#include "admin/api/method.h"
#include "admin/model/app.h"
#include "base/cleanup.h"

static struct qube *
subject(const struct request *r)
{
	return r->method->variant == PROPERTIES_GLOBAL ? NULL : r->destination;
}

/* The property that the argument names; NULL: the request has been refused. */
static const struct property *
require_property(struct request *r)
{
	AUTO_ERR struct err err = ERR_INIT;
	const struct property *p = property_find(r->api->config.app, subject(r), r->argument, &err);

	if (p == NULL)
		request_fail(r, &err);
	return p;
}

void
handle_property_list(struct request *r)
{
	size_t count;
	const struct property *const *rows = property_list(subject(r), &count);

	for (size_t i = 0; i < count; i++)
		request_print(r, "%s\n", property_name(rows[i]));
	request_reply(r);
}

/* `default=True|False type=TYPE VALUE` */
static void
print_value(struct request *r, const struct property *p, bool escape)
{
	struct value value = {0};
	bool is_default = property_get(r->api->config.app, subject(r), p, &value);

	request_put(r, is_default ? "default=True type=" : "default=False type=");
	request_put(r, property_type_name(p));
	request_put(r, " ");
	if (escape && property_type(p) == TYPE_STR && value.state == VALUE_PRESENT)
		request_put_escaped(r, value.text, false);
	else if (property_format(p, &value, &r->out) < 0)
		r->out_failed = true;
}

void
handle_property_get(struct request *r)
{
	const struct property *p = require_property(r);

	if (p == NULL)
		return;
	print_value(r, p, false);
	request_reply(r);
}

void
handle_property_get_all(struct request *r)
{
	size_t count;
	const struct property *const *rows = property_list(subject(r), &count);

	for (size_t i = 0; i < count; i++) {
		request_put(r, property_name(rows[i]));
		request_put(r, " ");
		print_value(r, rows[i], true);
		request_put(r, "\n");
	}
	request_reply(r);
}

void
handle_property_get_default(struct request *r)
{
	const struct property *p = require_property(r);
	struct value value = {0};

	if (p == NULL)
		return;
	property_get_default(r->api->config.app, subject(r), p, &value);
	if (value.state != VALUE_ABSENT) {
		request_print(r, "type=%s ", property_type_name(p));
		if (property_format(p, &value, &r->out) < 0)
			r->out_failed = true;
	}
	request_reply(r);
}

void
handle_property_help(struct request *r)
{
	const struct property *p = require_property(r);

	if (p == NULL)
		return;
	request_put(r, property_help(p));
	request_reply(r);
}

void
handle_property_set(struct request *r)
{
	AUTO_ERR struct err err = ERR_INIT;
	const struct property *p = require_property(r);

	if (p == NULL)
		return;
	request_finish(r,
		property_set(r->api->config.app, subject(r), p, r->payload, r->payload_size, &err),
		&err);
}

void
handle_property_reset(struct request *r)
{
	AUTO_ERR struct err err = ERR_INIT;
	const struct property *p = require_property(r);

	if (p == NULL)
		return;
	request_finish(r, property_reset(r->api->config.app, subject(r), p, &err), &err);
}
