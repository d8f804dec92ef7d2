/*
 * Which frozen qubes there are, made one at a time and only when nothing else is to be done, and
 * giving copies out of them; see frozen.h. Runs in bulkheadd; no byte of a qube is seen here.
 */
#include "admin/lifecycle/frozen.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "admin/lifecycle/frozen_key.h"
#include "admin/lifecycle/frozen_make.h"
#include "admin/lifecycle/orphans.h"
#include "admin/lifecycle/preload.h"
#include "admin/lifecycle/preload_room.h"
#include "admin/lifecycle/run.h"
#include "admin/storage/storage.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "base/text.h"

/* Nothing has changed for so long: time to look after frozen qubes. */
#define CHECK_DELAY_MS 3000
/* And at least so often, for the host's memory. */
#define CHECK_PERIOD_MS 20000
/* One that failed is tried again after so long, if it may do better then. */
#define FAILED_PERIOD_MS 300000
/* Volatile volumes of disposables (spec admin-api.md 15.1). */
#define VOLATILE_BYTES (UINT64_C(12) << 30)
/* What must stay free: else frozen qubes are dropped, and none is made. */
#define MEMORY_LOW_MIB 384
#define MEMORY_SPARE_MIB 768

void
frozen_check_soon(struct lifecycle *l)
{
	if (l->frozen_timer != NULL)
		loop_timer_start(l->frozen_timer, CHECK_DELAY_MS);
}

static struct frozen *
find(const struct lifecycle *l, const char *name)
{
	struct frozen *f;

	list_for_each (f, &l->frozen, link) {
		if (text_equal(f->name, name))
			return f;
	}
	return NULL;
}

static bool
is_wanted(const struct qube *q)
{
	const char *wish;

	if (q->class != CLASS_APP || !qube_flag(q, PROPERTY_TEMPLATE_FOR_DISPVMS))
		return false;
	wish = qube_feature_lookup(q, "frozen-disposables", FEATURE_WITH_TEMPLATE_AND_ADMINVM);
	return wish == NULL || wish[0] != '\0';
}

/* The key of a disposable of this template as one would be now, or NULL. */
static char *
key_of_template(struct lifecycle *l, const struct qube *template)
{
	AUTO_FREE char *owner = text_format(STORAGE_FROZEN_OWNER, template->name);
	AUTO_ERR struct err err = ERR_INIT;
	struct qube model;
	char *key = NULL;

	frozen_model(template, &model);
	if (storage_define_frozen(l->config.storage, template->name, VOLATILE_BYTES, &err) == 0)
		key = frozen_key(l, &model, owner, &err);
	if (key == NULL)
		frozen_tell_failure(template->name, err_message(&err), err.code);
	return key;
}

/* As for a full disk; which may have room by now. */
static bool
is_worth_a_try(const struct frozen *f)
{
	return f->phase == FROZEN_FAILED && !f->is_hopeless &&
	       loop_now_ms() - f->failed_ms > FAILED_PERIOD_MS;
}

/* Whether it can stay; its key is compared with the one in force. */
static void
look_after(struct frozen *f)
{
	const struct qube *template = app_find_qube(f->l->config.app, f->name);
	AUTO_FREE char *key = NULL;

	if (template == NULL || !is_wanted(template)) {
		frozen_drop(f, "it is not wanted any more");
		return;
	}
	if (is_worth_a_try(f)) {
		frozen_drop(f, "it is tried again");
		return;
	}
	key = key_of_template(f->l, template);
	if (key != NULL && !text_equal(key, f->key))
		frozen_drop(f, "what it was made of has changed");
}

/* One is being made, or is on its way out. */
static bool
is_busy(const struct lifecycle *l)
{
	const struct frozen *f;

	list_for_each (f, &l->frozen, link) {
		if (f->phase < FROZEN_READY || f->phase == FROZEN_DROPPING)
			return true;
	}
	return false;
}

static void
make_next(struct lifecycle *l)
{
	struct qube *q;
	size_t i;

	app_for_each_qube(l->config.app, i, q)
	{
		uint64_t needed = (uint64_t)qube_number(q, PROPERTY_MEMORY) + MEMORY_SPARE_MIB;
		uint64_t available = host_memory_available_mib();
		char *key;

		if (!is_wanted(q) || find(l, q->name) != NULL ||
			(available != 0 && available < needed))
			continue;
		key = key_of_template(l, q);
		if (key == NULL)
			continue;
		frozen_make(l, q, key);
		return;
	}
}

bool
frozen_is_awaited(struct lifecycle *l, const struct qube *template)
{
	const struct frozen *f = find(l, template->name);
	AUTO_FREE char *key = NULL;

	if (is_busy(l))
		return true;
	if (!is_wanted(template) || (f != NULL && f->phase == FROZEN_FAILED))
		return false;
	if (f == NULL || f->phase != FROZEN_READY || f->doomed)
		return true;
	key = key_of_template(l, template);
	return key != NULL && !text_equal(key, f->key);
}

void
frozen_make_room(struct lifecycle *l, unsigned int memory_mib)
{
	uint64_t available = host_memory_available_mib();
	struct frozen *f, *following;

	if (available == 0 || available >= memory_mib + (uint64_t)MEMORY_LOW_MIB ||
		preload_make_room(l, memory_mib + MEMORY_LOW_MIB - available))
		return;
	list_for_each_safe (f, following, &l->frozen, link) {
		if (f->phase == FROZEN_READY && f->users == 0) {
			/* At once: the disks follow. */
			close(steal_fd(&f->memory_fd));
			frozen_drop(f, "the host needs its memory");
		}
	}
}

static void
handle_check(struct loop_timer *timer, void *data)
{
	struct lifecycle *l = data;
	struct frozen *f, *following;

	loop_timer_start(timer, CHECK_PERIOD_MS);
	frozen_make_room(l, 0);
	list_for_each_safe (f, following, &l->frozen, link) {
		if (!f->doomed || f->phase == FROZEN_FAILED)
			look_after(f);
	}
	if (!is_busy(l) && lifecycle_is_idle(l))
		make_next(l);
}

static void
handle_event(const struct event *event, void *data)
{
	(void)event;
	frozen_check_soon(data);
}

void
frozen_begin(struct lifecycle *l)
{
	if (l->config.hypervisor == NULL)
		return;
	l->frozen_timer = loop_timer_create(l->config.loop, handle_check, l);
	l->frozen_subscriber = events_subscribe(l->config.app, handle_event, l);
	frozen_check_soon(l);
}

void
frozen_recover(void)
{
	AUTO_FREE char *path = root_path(FROZEN_RUN_DIRECTORY);
	DIR *directory = opendir(path);
	struct dirent *entry;

	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		AUTO_FREE char *run_directory = path_join(path, entry->d_name);
		AUTO_ERR struct err err = ERR_INIT;

		if (!qube_name_valid(entry->d_name, NULL))
			continue;
		orphans_end(run_directory, entry->d_name);
		if (remove_tree(run_directory, &err) < 0)
			log_warning("%s", err_message(&err));
	}
	if (directory != NULL)
		closedir(directory);
}

void
frozen_destroy_all(struct lifecycle *l)
{
	struct frozen *f, *following;

	if (l->frozen_subscriber != NULL)
		events_unsubscribe(l->frozen_subscriber);
	loop_timer_destroy(l->frozen_timer);
	list_for_each_safe (f, following, &l->frozen, link) {
		if (f->machine != NULL)
			(void)machine_kill(f->machine);
		frozen_destroy(f);
	}
}

struct frozen *
frozen_take(struct run *run)
{
	const struct qube *template = run->q->class == CLASS_DISP ? qube_template(run->q) : NULL;
	struct frozen *f = template != NULL ? find(run->l, template->name) : NULL;
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *key = NULL;

	if (f == NULL || f->phase != FROZEN_READY || f->doomed)
		return NULL;
	key = frozen_key(run->l, run->q, run->q->name, &err);
	if (key == NULL || !text_equal(key, f->key)) {
		log_qube_message(LOG_LEVEL_INFO, run->q->name,
			"it differs from the frozen disposable of '%s', and boots", f->name);
		return NULL;
	}
	f->users++;
	return f;
}

void
frozen_release(struct frozen *f)
{
	f->users--;
	if (f->doomed && f->users == 0)
		frozen_advance_ending(f);
}

void
frozen_spoil(struct frozen *f)
{
	frozen_drop(f, "a copy of it did not come up");
}

void
frozen_doubt(struct run *run)
{
	const struct qube *template = qube_template(run->q);
	struct frozen *f = template != NULL ? find(run->l, template->name) : NULL;

	if (f != NULL && f->phase == FROZEN_READY && !f->doomed)
		frozen_drop(f, "a copy of it ended before it was up");
}

const char *
frozen_owner(const struct frozen *f)
{
	return f->owner;
}

int
frozen_apply(const struct frozen *f, struct boot_plan *plan, struct err *err)
{
	char path[64];

	/* A description of its own: each copy reads it from the beginning. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", f->device_fd);
	plan->memory =
		(struct machine_memory){f->memory_fd, open(path, O_RDONLY | O_CLOEXEC), true};
	if (plan->memory.device_fd < 0)
		return err_set_errno(err, errno, "frozen disposable of '%s'", f->name);
	plan->machine.memory = &plan->memory;
	plan->machine.command_line = f->plan.command_line;
	return 0;
}
