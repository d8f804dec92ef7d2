/* admin.vm.tag.* (spec admin-api.md 6 and 11.5). */
#include <errno.h>
#include <string.h>

#include "admin/api/method.h"
#include "admin/model/app.h"
#include "admin/model/change.h"

#define CREATOR_PREFIX "created-by-"

void
handle_tag_list(struct request *r)
{
	const struct tag_set *tags = &r->destination->tags;

	for (size_t i = 0; i < tags->count; i++)
		request_print(r, "%s\n", tags->items[i]);
	request_reply(r);
}

void
handle_tag_get(struct request *r)
{
	request_put(r, qube_has_tag(r->destination, r->argument) ? "1" : "0");
	request_reply(r);
}

/* Who made a qube is for dom0 to say, and must be somebody. */
static int
check_change(const struct request *r, bool adds, struct err *err)
{
	const char *creator = r->argument + strlen(CREATOR_PREFIX);

	if (!text_starts_with(r->argument, CREATOR_PREFIX))
		return 0;
	if (!r->from_dom0)
		return err_set_kind(err, "PermissionDenied", EPERM,
			"changing this tag is prohibited by qubes.ext.admin.AdminExtension");
	if (adds && app_find_qube(r->api->config.app, creator) == NULL)
		return err_set_kind(
			err, "QubesVMNotFoundError", ENOENT, "No such domain: '%s'", creator);
	return 0;
}

static int
check_count(const struct request *r, struct err *err)
{
	const struct qube *q = r->destination;

	if (q->tags.count < TAGS_MAX || qube_has_tag(q, r->argument))
		return 0;
	return err_set_kind(err, "QubesValueError", ENOSPC,
		"'%s' has %d tags, no more are possible", q->name, TAGS_MAX);
}

void
handle_tag_set(struct request *r)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_CHANGE struct change c = CHANGE_INIT(r->api->config.app);

	if (tag_check(r->argument, &err) < 0 || check_change(r, true, &err) < 0 ||
		check_count(r, &err) < 0) {
		request_fail(r, &err);
		return;
	}
	change_tag_add(&c, r->destination, r->argument);
	request_finish(r, change_commit(&c, &err), &err);
}

void
handle_tag_remove(struct request *r)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_CHANGE struct change c = CHANGE_INIT(r->api->config.app);

	if (check_change(r, false, &err) < 0) {
		request_fail(r, &err);
		return;
	}
	if (!qube_has_tag(r->destination, r->argument)) {
		request_refuse(r, "QubesTagNotFoundError", "Tag not set for domain %s: %s",
			r->destination->name, r->argument);
		return;
	}
	change_tag_remove(&c, r->destination, r->argument);
	request_finish(r, change_commit(&c, &err), &err);
}
