/* Copying a qube with the calls there are (clone_parts.h). */
#include "tools/qvm/clone_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/maybe.h"
#include "base/text.h"
#include "tools/lib/admin_client.h"
#include "tools/lib/admin_error.h"
#include "tools/lib/progress_line.h"
#include "tools/lib/property_value.h"
#include "tools/lib/report.h"

bool
pool_options_valid(const struct option_list *pools, const char **ret_bad)
{
	for (size_t i = 0; i < pools->count; i++) {
		const char *equals = strchr(pools->items[i], '=');

		if (equals != NULL && equals != pools->items[i] && equals[1] != '\0' &&
			strpbrk(pools->items[i], " \n") == NULL)
			continue;
		*ret_bad = pools->items[i];
		return false;
	}
	return true;
}

void
create_request_build(const char *class, const char *name, const char *label, const char *pool,
	const struct option_list *pools, char **ret_method, char **ret_payload)
{
	const bool in_pool = pool != NULL || (pools != NULL && pools->count > 0);
	char *payload = text_format("name=%s label=%s%s%s", name, label,
		pool != NULL ? " pool=" : "", pool != NULL ? pool : "");

	for (size_t i = 0; pools != NULL && i < pools->count; i++) {
		char *longer = text_format("%s pool:%s", payload, pools->items[i]);

		free(payload);
		payload = longer;
	}
	*ret_method = text_format("admin.vm.%s.%s", in_pool ? "CreateInPool" : "Create", class);
	*ret_payload = payload;
}

/* A step failed: reported and forgiven with ignore_errors, else the end of the clone. */
static int
step_failed(const struct clone_request *r, const char *what, const char *name, struct err *err)
{
	if (!r->ignore_errors)
		return err_wrap(err, "%s '%s'", what, name);
	tool_say("app: %s '%s': %s", what, name, err_message(err));
	err_clear(err);
	return 0;
}

/* A method that the daemon does not have yet means that there is nothing of the kind to copy. */
static bool
is_missing_method(const struct err *err)
{
	return text_is(err->kind, "ProtocolError") &&
	       text_starts_with(err_message(err), "no such method");
}

static bool
is_cloned_property(const struct property_value *p)
{
	static const char *const kept_back[] = {
		"name", "qid", "uuid", "template", "label", "installed_by_rpm"};

	for (size_t i = 0; i < sizeof(kept_back) / sizeof(kept_back[0]); i++)
		if (text_equal(kept_back[i], p->name))
			return false;
	return !p->is_default;
}

static int
clone_properties(
	const struct clone_request *r, const struct property_list *properties, struct err *err)
{
	for (size_t i = 0; i < properties->count; i++) {
		const struct property_value *p = &properties->items[i];

		if (!is_cloned_property(p))
			continue;
		if (admin_call("admin.vm.property.Set", p->name, r->target, p->value, NULL, err) <
				0 &&
			step_failed(r, "property", p->name, err) < 0)
			return -1;
	}
	return 0;
}

static int
clone_tag(const struct clone_request *r, const char *tag, struct err *err)
{
	if (text_starts_with(tag, "created-by-"))
		return 0;
	return admin_call("admin.vm.tag.Set", tag, r->target, NULL, NULL, err);
}

static int
clone_feature(const struct clone_request *r, const char *feature, struct err *err)
{
	AUTO_FREE char *value = NULL;

	if (text_starts_with(feature, "preload-dispvm") &&
		!text_equal(feature, "preload-dispvm-max"))
		return 0;
	if (admin_call("admin.vm.feature.Get", feature, r->source, NULL, &value, err) < 0)
		return -1;
	return admin_call("admin.vm.feature.Set", feature, r->target, value, NULL, err);
}

/* Copies each item of a list of names that a method gives. */
static int
clone_each(const struct clone_request *r, const char *list_method, const char *what,
	int (*clone_one)(const struct clone_request *r, const char *name, struct err *err),
	struct err *err)
{
	AUTO_FREE char *names = NULL;
	char *position, *name;

	if (admin_call(list_method, NULL, r->source, NULL, &names, err) < 0)
		return step_failed(r, "list", list_method, err);
	position = names;
	while ((name = strsep(&position, "\n")) != NULL)
		if (*name != '\0' && clone_one(r, name, err) < 0 &&
			step_failed(r, what, name, err) < 0)
			return -1;
	return 0;
}

/* Firewall rules and notes: one text each, taken and given as it is. */
static int
clone_text(const struct clone_request *r, const char *get, const char *set, struct err *err)
{
	AUTO_FREE char *text = NULL;

	if (admin_call(get, NULL, r->source, NULL, &text, err) < 0) {
		if (!is_missing_method(err))
			return step_failed(r, "call", get, err);
		err_clear(err);
		return 0;
	}
	if (*text != '\0' && admin_call(set, NULL, r->target, text, NULL, err) < 0)
		return step_failed(r, "call", set, err);
	return 0;
}

static bool
line_says(const char *text, const char *line)
{
	const char *at = strstr(text, line);

	return at != NULL && (at == text || at[-1] == '\n') &&
	       (at[strlen(line)] == '\n' || at[strlen(line)] == '\0');
}

/* Only what persists is copied: the rest is made anew at each start. */
static int
clone_volume(const struct clone_request *r, const char *volume, struct err *err)
{
	AUTO_FREE char *info = NULL, *token = NULL;
	pid_t watcher;
	int status;

	if (r->no_private && text_equal(volume, "private"))
		return 0;
	if (admin_call("admin.vm.volume.Info", volume, r->target, NULL, &info, err) < 0)
		return -1;
	if (!line_says(info, "save_on_stop=True"))
		return 0;
	if (r->verbose)
		tool_say("%s: Cloning %s volume", r->target, volume);
	if (admin_call("admin.vm.volume.CloneFrom", volume, r->source, NULL, &token, err) < 0)
		return -1;
	watcher = progress_watch_begin(r->target, volume);
	status = admin_call("admin.vm.volume.CloneTo", volume, r->target, token, NULL, err);
	progress_watch_end(watcher);
	return status;
}

static int
fill_target(const struct clone_request *r, const struct property_list *properties, struct err *err)
{
	if (clone_properties(r, properties, err) < 0 ||
		clone_each(r, "admin.vm.tag.List", "tag", clone_tag, err) < 0 ||
		clone_each(r, "admin.vm.feature.List", "feature", clone_feature, err) < 0 ||
		clone_text(r, "admin.vm.notes.Get", "admin.vm.notes.Set", err) < 0 ||
		clone_text(r, "admin.vm.firewall.Get", "admin.vm.firewall.Set", err) < 0)
		return -1;

	/* Without its data a clone is none: errors of volumes are never forgiven. */
	struct clone_request strict = *r;

	strict.ignore_errors = false;
	return clone_each(&strict, "admin.vm.volume.List", "volume", clone_volume, err);
}

static const char *
value_of(const struct property_list *properties, const char *name)
{
	const struct property_value *p = property_list_find(properties, name);

	return p != NULL ? p->value : "";
}

/* Classes whose root is a template's. */
static bool
has_template(const char *class)
{
	return text_equal(class, "AppVM") || text_equal(class, "DispVM");
}

int
clone_qube(const struct clone_request *r, struct err *err)
{
	AUTO_FREE char *answer = NULL, *method = NULL, *payload = NULL;
	AUTO_PROPERTIES struct property_list properties = {0};
	const char *class, *template;

	if (admin_call("admin.vm.property.GetAll", NULL, r->source, NULL, &answer, err) < 0)
		return -1;
	if (property_list_parse(answer, &properties) < 0)
		return err_set(err, EBADMSG, "answer of the daemon: not a list of properties");

	class = r->class != NULL ? r->class : value_of(&properties, "klass");
	template = has_template(class) ? value_of(&properties, "template") : "";
	create_request_build(class, r->target,
		r->label != NULL ? r->label : value_of(&properties, "label"), r->pool, r->pools,
		&method, &payload);
	if (admin_call(method, *template != '\0' ? template : NULL, "dom0", payload, NULL, err) < 0)
		return -1;
	if (fill_target(r, &properties, err) == 0)
		return 0;
	/* The error that ended the clone is the one to tell. */
	admin_call("admin.vm.Remove", NULL, r->target, NULL, NULL, NULL);
	return -1;
}
