/* Disposables that are kept, after their end; see keep.h. Runs in bulkheadd. */
#include "admin/api/keep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "admin/api/api_private.h"
#include "admin/api/disposable_logs.h"
#include "admin/api/keep_qube.h"
#include "admin/api/volumes.h"
#include "admin/model/app.h"
#include "admin/model/change.h"
#include "admin/model/events.h"
#include "admin/storage/storage.h"
#include "admin/store/store.h"
#include "base/cleanup.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/text.h"

struct keeps {
	struct api *api;
	struct list list; /* keep.link: under way */
};

/* One disposable on its way; both qubes are pinned. */
struct keep {
	struct list link; /* keeps.list */
	struct keeps *keeps;
	struct qube *from, *to;
	enum volume_role role; /* which is being copied */
	struct loop_timer *timer;
};

/* How soon the end of it is tried again while a request is about the disposable. */
#define RETRY_MS 100

static int
parse_wish(const char *text, struct keep_wish *ret)
{
	AUTO_FREE char *copy = text_copy(text);
	char *rest = copy;
	const char *name = strsep(&rest, " "), *class = strsep(&rest, " ");

	*ret = (struct keep_wish){0};
	if (rest == NULL || !qube_name_valid(name, NULL) || !qube_name_valid(rest, NULL) ||
		qube_class_parse(class, &ret->class) < 0 ||
		(ret->class != CLASS_APP && ret->class != CLASS_STANDALONE))
		return -EINVAL;
	(void)snprintf(ret->name, sizeof(ret->name), "%s", name);
	(void)snprintf(ret->creator, sizeof(ret->creator), "%s", rest);
	return 0;
}

bool
qube_is_to_be_kept(const struct qube *q)
{
	return q->class == CLASS_DISP && qube_feature(q, KEEP_FEATURE) != NULL;
}

bool
keep_reserves_name(const struct app *app, const char *name)
{
	struct keep_wish wish;
	struct qube *q;
	size_t i;

	app_for_each_qube(app, i, q)
	{
		if (qube_is_to_be_kept(q) &&
			parse_wish(qube_feature(q, KEEP_FEATURE), &wish) == 0 &&
			text_equal(wish.name, name))
			return true;
	}
	return false;
}

static int
store_wish(struct api *api, struct qube *q, const struct keep_wish *wish, struct err *err)
{
	AUTO_CHANGE struct change c = CHANGE_INIT(api->config.app);
	bool keeps_root = wish != NULL && wish->class == CLASS_STANDALONE;

	if (storage_set_kept(api->config.storage, q->name, volume_role_name(VOLUME_PRIVATE),
		    wish != NULL, err) < 0 ||
		storage_set_kept(api->config.storage, q->name, volume_role_name(VOLUME_ROOT),
			keeps_root, err) < 0)
		return -1;
	if (wish != NULL) {
		AUTO_FREE char *text = text_format(
			"%s %s %s", wish->name, qube_class_name(wish->class), wish->creator);

		change_feature_set(&c, q, KEEP_FEATURE, text);
		/* What it wrote is not to be written to again before it has been copied. */
		change_feature_set(&c, q, START_FEATURE, "it is to be kept");
	} else if (qube_is_to_be_kept(q)) {
		change_feature_remove(&c, q, KEEP_FEATURE);
		change_feature_remove(&c, q, START_FEATURE);
	}
	return change_commit(&c, err);
}

int
keep_set(struct api *api, struct qube *q, const struct keep_wish *wish, struct err *err)
{
	struct store *store = api->config.app->store;

	if (store_begin(store, err) < 0)
		return -1;
	if (store_wish(api, q, wish, err) < 0) {
		store_rollback(store);
		return -1;
	}
	crash_point("keep:before-mark");
	if (store_commit(store, err) < 0)
		return -1;
	crash_point("keep:after-mark");
	return 0;
}

static struct keep *
find_keep(const struct keeps *k, const struct qube *from)
{
	struct keep *keep;

	list_for_each (keep, &k->list, link) {
		if (keep->from == from)
			return keep;
	}
	return NULL;
}

static void
keep_destroy(struct keep *keep)
{
	list_remove(&keep->link);
	loop_timer_destroy(keep->timer);
	qube_unpin(keep->from);
	if (keep->to != NULL)
		qube_unpin(keep->to);
	free(keep);
}

/* The disposable stays, with all that was written: the wish can be expressed again. */
static void
fail(struct keep *keep, const struct err *err)
{
	struct api *api = keep->keeps->api;
	struct qube *from = keep->from, *to = keep->to;
	AUTO_ERR struct err failure = ERR_INIT;

	log_qube_message(LOG_LEVEL_ERROR, from->name,
		"cannot be kept: %s; it stays as it is: ask again with another name or more room, "
		"or remove it",
		err_message(err));
	events_emit(api->config.app, from, "domain-keep-failed", "reason", err_message(err), NULL);
	keep_destroy(keep);
	if (to != NULL && remove_qube(api, to, &failure) < 0)
		log_qube_message(LOG_LEVEL_ERROR, to->name, "%s", err_message(&failure));
}

static int
swap(struct keep *keep, struct err *err)
{
	struct api *api = keep->keeps->api;
	struct app *app = api->config.app;

	if (store_begin(app->store, err) < 0)
		return -1;
	if (storage_remove_volumes(api->config.storage, keep->from->name, err) < 0 ||
		app_delete_qube(app, keep->from, err) < 0 ||
		keep_release_qube(app, keep->to, err) < 0) {
		store_rollback(app->store);
		return -1;
	}
	crash_point("keep:before-swap");
	if (store_commit(app->store, err) < 0) {
		keep_hold_qube(keep->to, keep->from);
		return -1;
	}
	crash_point("keep:after-swap");
	return 0;
}

static void
finish(struct keep *keep)
{
	struct app *app = keep->keeps->api->config.app;
	struct qube *from = keep->from;
	AUTO_FREE char *name = text_copy(from->name);
	struct disposable_logs logs = {0};
	AUTO_ERR struct err err = ERR_INIT;

	if (from->pins > 1) {
		loop_timer_start(keep->timer, RETRY_MS);
		return;
	}
	app_announce_removal(app, from);
	if (swap(keep, &err) < 0) {
		fail(keep, &err);
		return;
	}
	log_qube_message(LOG_LEVEL_INFO, from->name, "is kept as '%s'", keep->to->name);
	events_emit(app, keep->to, "domain-kept", "from", from->name, NULL);
	keep_destroy(keep);
	app_forget_qube(app, from, true);
	disposable_logs_forget(&logs, app, name, false);
}

static void
handle_timer(struct loop_timer *timer, void *data)
{
	(void)timer;
	finish(data);
}

static void copy_volume(struct keep *keep);

static void
handle_copied(void *data, const struct err *err)
{
	struct keep *keep = data;

	crash_point("keep:after-copy");
	if (err != NULL) {
		fail(keep, err);
	} else if (keep->role == VOLUME_PRIVATE && keep->to->class == CLASS_STANDALONE) {
		keep->role = VOLUME_ROOT;
		copy_volume(keep);
	} else {
		finish(keep);
	}
}

static void
copy_volume(struct keep *keep)
{
	AUTO_PLACE struct volume_place from = volume_place_of(keep->from, keep->role);
	AUTO_PLACE struct volume_place to = volume_place_of(keep->to, keep->role);

	storage_clone(keep->keeps->api->config.storage, from.pool, from.vid, to.pool, to.vid,
		handle_copied, keep);
}

/* The new qube: made now, or by a daemon that was ended on the way. */
static struct qube *
find_or_make(struct api *api, struct qube *from, const struct keep_wish *wish, struct err *err)
{
	struct qube *q = app_find_qube(api->config.app, wish->name);
	const char *mark = q != NULL ? qube_feature(q, KEPT_FROM_FEATURE) : NULL;

	if (q == NULL)
		return keep_make_qube(api, from, wish, err);
	if (mark != NULL && text_equal(mark, from->uuid))
		return q;
	(void)err_set_kind(
		err, "QubesVMAlreadyExistsError", EEXIST, "Qube already exists: %s", wish->name);
	return NULL;
}

void
keep_begin(struct keeps *k, struct qube *q)
{
	struct keep *keep;
	struct keep_wish wish;
	AUTO_ERR struct err err = ERR_INIT;

	if (find_keep(k, q) != NULL)
		return;
	keep = xcalloc(1, sizeof(*keep));
	*keep = (struct keep){.keeps = k, .from = q, .role = VOLUME_PRIVATE};
	keep->timer = loop_timer_create(k->api->config.loop, handle_timer, keep);
	list_append(&k->list, &keep->link);
	qube_pin(q);
	if (keep->timer == NULL)
		err_set(&err, ENOMEM, "no timer");
	else if (parse_wish(qube_feature(q, KEEP_FEATURE), &wish) < 0)
		err_set(&err, EBADMSG, "the mark is damaged");
	else
		keep->to = find_or_make(k->api, q, &wish, &err);
	if (keep->to == NULL) {
		fail(keep, &err);
		return;
	}
	qube_pin(keep->to);
	crash_point("keep:after-create");
	copy_volume(keep);
}

struct keeps *
keeps_create(struct api *api)
{
	struct keeps *k = xcalloc(1, sizeof(*k));

	k->api = api;
	list_init(&k->list);
	return k;
}

/* What is under way is taken up again by the next daemon. */
void
keeps_destroy(struct keeps *k)
{
	struct keep *keep, *following;

	if (k == NULL)
		return;
	list_for_each_safe (keep, following, &k->list, link)
		keep_destroy(keep);
	free(k);
}

/* A kill that asks first. */
struct polite_kill {
	struct api *api;
	struct qube *q; /* pinned */
	lifecycle_done done;
	void *data;
};

static void
handle_asked(void *data, const struct err *err)
{
	struct polite_kill *kill = data;

	qube_unpin(kill->q);
	if (err == NULL || qube_is_halted(kill->q))
		kill->done(kill->data, NULL);
	else
		lifecycle_kill(kill->api->config.lifecycle, kill->q, kill->done, kill->data);
	free(kill);
}

void
keep_kill(struct api *api, struct qube *q, lifecycle_done done, void *data)
{
	struct polite_kill *kill = xcalloc(1, sizeof(*kill));

	*kill = (struct polite_kill){.api = api, .q = q, .done = done, .data = data};
	qube_pin(q);
	lifecycle_shutdown(api->config.lifecycle, q, true, true, handle_asked, kill);
}
