/* bulkhead.vm.Keep (docs/admin-api-extensions.md): a disposable is to become a named qube. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "admin/api/keep.h"
#include "admin/api/keep_qube.h"
#include "admin/api/method.h"
#include "admin/lifecycle/lifecycle.h"
#include "admin/model/app.h"

/* The payload: nothing, or "class=CLASS". */
static int
parse_class(const struct request *r, enum qube_class *ret_class, struct err *err)
{
	static const char key[] = "class=";

	*ret_class = CLASS_APP;
	if (r->payload_size == 0)
		return 0;
	if (strlen(r->payload) == r->payload_size && text_starts_with(r->payload, key) &&
		qube_class_parse(r->payload + strlen(key), ret_class) == 0 &&
		(*ret_class == CLASS_APP || *ret_class == CLASS_STANDALONE))
		return 0;
	return err_set_kind(err, "ProtocolError", EINVAL,
		"Payload must be empty, 'class=AppVM' or 'class=StandaloneVM'");
}

/* One that is halted and still there could not be kept before, and is not asked to run again. */
static int
check_qube(const struct request *r, struct err *err)
{
	const struct qube *q = r->destination;

	if (!qube_is_unnamed_disposable(q))
		return err_set_kind(err, "QubesValueError", EINVAL,
			"'%s' is not removed at its shutdown: there is nothing to keep", q->name);
	if (lifecycle_leaves_nothing(r->api->config.lifecycle, q))
		return err_set_kind(err, "QubesVMError", EPERM,
			"'%s' is ephemeral: nothing of it is on the disk that could be kept",
			q->name);
	if (qube_is_halted(q) && !qube_is_to_be_kept(q))
		return err_set_kind(err, "QubesVMNotStartedError", ESRCH,
			"Domain is powered off: '%s'", q->name);
	return 0;
}

static int
check_name(const struct request *r, const char *name, struct err *err)
{
	const struct app *app = r->api->config.app;
	const char *reason;

	if (!qube_name_valid(name, &reason))
		return err_set_kind(err, "QubesValueError", EINVAL, "%s", reason);
	/* It may be given to another one at any time. */
	if (disposable_name_valid(name))
		return err_set_kind(err, "QubesValueError", EINVAL,
			"'%s' is a name of unnamed disposables", name);
	if (app_find_qube(app, name) != NULL || keep_reserves_name(app, name))
		return err_set_kind(
			err, "QubesVMAlreadyExistsError", EEXIST, "Qube already exists: %s", name);
	return 0;
}

/* Another name of the same one is fine; the old wish holds no name against it. */
static bool
is_same_wish(const struct request *r)
{
	const char *mark = qube_feature(r->destination, KEEP_FEATURE);
	size_t length = strlen(r->argument);

	return mark != NULL && strncmp(mark, r->argument, length) == 0 && mark[length] == ' ' &&
	       app_find_qube(r->api->config.app, r->argument) == NULL;
}

static int
keep(struct request *r, struct err *err)
{
	struct keep_wish wish = {0};

	if (check_qube(r, err) < 0 || parse_class(r, &wish.class, err) < 0 ||
		(!is_same_wish(r) && check_name(r, r->argument, err) < 0))
		return -1;
	(void)keep_template(r->destination, wish.class, err);
	if (err->message != NULL)
		return -1;
	(void)snprintf(wish.name, sizeof(wish.name), "%s", r->argument);
	(void)snprintf(wish.creator, sizeof(wish.creator), "%s", r->source);
	return keep_set(r->api, r->destination, &wish, err);
}

/* Without a name the wish is taken back; what can not be taken back any more is told. */
static int
give_up(struct request *r, struct err *err)
{
	if (!qube_is_to_be_kept(r->destination))
		return err_set_kind(err, "QubesValueError", EINVAL, "'%s' is not to be kept",
			r->destination->name);
	if (r->destination->pins > 0 && qube_is_halted(r->destination))
		return err_set_kind(err, "QubesVMInUseError", EBUSY, "'%s' is being kept already",
			r->destination->name);
	return keep_set(r->api, r->destination, NULL, err);
}

void
handle_keep(struct request *r)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct qube *q = r->destination;
	int result = r->argument[0] != '\0' ? keep(r, &err) : give_up(r, &err);

	if (result == 0 && qube_is_halted(q))
		disposals_add(r->api->disposals, q);
	request_finish(r, result, &err);
}
