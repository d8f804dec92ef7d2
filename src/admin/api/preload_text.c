/*
 * Whether a disposable that is kept ready is still what a fresh one would be: the machine and its
 * disks (the lifecycle knows), and what it took over from its template in the model.
 */
#include <errno.h>

#include "admin/api/api_private.h"
#include "admin/api/preload_private.h"
#include "admin/lifecycle/preload.h"
#include "admin/model/app.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/text.h"

#define TEXT_MAX ((size_t)1 << 20)

/* 0, or negative for what did not fit; as the others here. */
static int
add_properties(struct buf *text, const struct app *app, const struct qube *q)
{
	size_t count;
	const struct property *const *rows = property_list(q, &count);
	int result = 0;

	for (size_t i = 0; i < count; i++) {
		struct value value = {0};
		bool is_default = property_get(app, q, rows[i], &value);

		if (is_default || !property_is_cloned(rows[i]))
			continue;
		result |= buf_printf(text, "%s=", property_name(rows[i]));
		result |= property_format(rows[i], &value, text);
		result |= buf_put_u8(text, '\n');
	}
	return result;
}

/* Those that we set ourselves say nothing. */
static int
add_features(struct buf *text, const struct qube *q)
{
	int result = 0;

	for (size_t i = 0; i < q->features.count; i++) {
		const struct feature *f = &q->features.items[i];

		if (!text_starts_with(f->name, "preload-dispvm") &&
			!text_equal(f->name, "internal"))
			result |= buf_printf(text, "%s:%s\n", f->name, f->value);
	}
	return result;
}

static int
add_qube(struct buf *text, const struct app *app, const struct qube *q)
{
	const struct qube *netvm = qube_netvm(q);
	int result = buf_printf(
		text, "%s %s %s\n", q->name, qube_label(q)->name, netvm != NULL ? netvm->name : "");

	for (size_t i = 0; i < q->tags.count; i++)
		result |= buf_printf(text, "%s\n", q->tags.items[i]);
	return result | add_properties(text, app, q) | add_features(text, q);
}

char *
preload_describe(struct api *api, struct qube *q, struct err *err)
{
	AUTO_FREE char *machine = lifecycle_describe_start(api->config.lifecycle, q, err);
	AUTO_BUF struct buf text;
	int result;

	buf_init(&text, TEXT_MAX);
	if (machine == NULL)
		return NULL;
	result = buf_put_string(&text, machine) | add_qube(&text, api->config.app, q) |
		 add_qube(&text, api->config.app, qube_template(q));
	if (result == 0)
		return buf_steal_string(&text);
	(void)err_set(err, E2BIG, "qube '%s': too much to compare", q->name);
	return NULL;
}

bool
preload_is_current(struct preload *e)
{
	struct api *api = e->preloads->api;
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *now = preload_describe(api, e->q, &err);

	return now != NULL && text_equal(now, e->text) &&
	       lifecycle_is_traceless_still(api->config.lifecycle, e->q);
}
