/*
 * Lists of classes and of qubes: admin.vmclass.List, admin.deviceclass.List, admin.vm.List and our
 * bulkhead.vm.Overview.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "admin/api/method.h"
#include "admin/api/visibility.h"
#include "admin/model/app.h"
#include "base/cleanup.h"

/* Properties that one Overview may ask for. */
#define OVERVIEW_PROPERTIES_MAX 64

void
handle_vmclass_list(struct request *r)
{
	for (unsigned int class = 0; class < QUBE_CLASS_MAX; class ++)
		request_print(r, "%s\n", qube_class_name((enum qube_class) class));
	request_reply(r);
}

/* No kind of device can be given to a qube as yet. */
void
handle_deviceclass_list(struct request *r)
{
	request_reply(r);
}

static void
print_qube(struct request *r, const struct qube *q)
{
	request_put(r, q->name);
	request_put(r, " class=");
	request_put(r, qube_class_name(q->class));
	request_put(r, " state=");
	request_put(r, power_state_name(q->power.state));
	request_put(r, " uuid=");
	request_put(r, q->uuid);
}

/* Others than dom0 see what the policy lets them ask about (9.3). */
static bool
is_visible(const struct request *r, const struct qube *q)
{
	return r->from_dom0 || api_may_see(r->api, r->source, "admin.vm.List", q->name);
}

void
handle_vm_list(struct request *r)
{
	struct qube *q;
	size_t i;

	if (!qube_is_dom0(r->destination)) {
		print_qube(r, r->destination);
		request_put(r, "\n");
		request_reply(r);
		return;
	}
	app_for_each_qube(r->api->config.app, i, q)
	{
		if (!is_visible(r, q))
			continue;
		print_qube(r, q);
		request_put(r, "\n");
	}
	request_reply(r);
}

/* What is asked for, found once for each class instead of once for each qube. */
struct overview {
	size_t count;
	const char *names[OVERVIEW_PROPERTIES_MAX];
	const struct property *rows[QUBE_CLASS_MAX][OVERVIEW_PROPERTIES_MAX];
};

static int
add_property(struct overview *o, const struct app *app, const char *name, struct err *err)
{
	bool is_known = false;

	if (o->count == OVERVIEW_PROPERTIES_MAX)
		return err_set_kind(err, "ProtocolError", E2BIG, "more than %d properties",
			OVERVIEW_PROPERTIES_MAX);
	for (unsigned int class = 0; class < QUBE_CLASS_MAX; class ++) {
		const struct qube any = {.class = (enum qube_class) class};

		o->rows[class][o->count] = property_find(app, &any, name, NULL);
		is_known = is_known || o->rows[class][o->count] != NULL;
	}
	if (!is_known)
		return err_set_kind(err, "QubesNoSuchPropertyError", ENOENT,
			"Invalid property '%s' of qubes", name);
	o->names[o->count++] = name;
	return 0;
}

static void
print_values(struct request *r, const struct overview *o, const struct qube *q)
{
	const struct app *app = r->api->config.app;
	struct value value = {0};

	for (size_t i = 0; i < o->count; i++) {
		const struct property *p = o->rows[q->class][i];

		if (p == NULL)
			continue;
		(void)property_get(app, q, p, &value);
		if (value.state == VALUE_ABSENT)
			continue;
		request_put(r, " ");
		request_put(r, o->names[i]);
		request_put(r, "=");
		if (value.state != VALUE_PRESENT)
			continue;
		if (property_type(p) == TYPE_STR)
			request_put_escaped(r, value.text, true);
		else if (property_format(p, &value, &r->out) < 0)
			r->out_failed = true;
	}
}

static bool
may_read_properties(const struct request *r, const struct qube *q)
{
	return r->from_dom0 || api_may_see(r->api, r->source, "admin.vm.property.GetAll", q->name);
}

void
handle_overview(struct request *r)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE struct overview *o = xcalloc(1, sizeof(*o));
	AUTO_FREE char *names = NULL;
	const char *text;
	char *rest, *name;
	struct qube *q;
	size_t i;

	if (request_text_payload(r, &text) < 0)
		return;
	names = text_copy(text);
	rest = names;
	while ((name = strsep(&rest, "\n")) != NULL) {
		if (name[0] == '\0')
			continue;
		if (add_property(o, r->api->config.app, name, &err) < 0) {
			request_fail(r, &err);
			return;
		}
	}
	app_for_each_qube(r->api->config.app, i, q)
	{
		if (!is_visible(r, q))
			continue;
		print_qube(r, q);
		if (o->count > 0 && may_read_properties(r, q))
			print_values(r, o, q);
		request_put(r, "\n");
	}
	request_reply(r);
}
