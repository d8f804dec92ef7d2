/*
 * Making a qube's volumes ready: for each a new state over what it shall show, all at the same
 * time, all or nothing. Runs in bulkheadd's loop.
 *
 *   rows MAKING -> images -> rows OPEN: from here on a machine may have written to them
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "admin/storage/fold.h"
#include "admin/storage/operation.h"
#include "base/cleanup.h"
#include "base/crash_point.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text.h"

/* Images that nobody knows may have taken numbers; a disk that fails looks as if all were taken. */
#define NUMBER_TRIES_MAX 1000

/* Of the key of an ephemeral volume. */
#define KEY_BYTES 32

struct start;

struct start_volume {
	struct start *start;
	struct volume volume;
	struct state state; /* the new one; id 0: not begun */
	struct chain chain; /* the new one and all below */
	struct job *job;
	int key_fd;      /* of an encrypted one; else -1 */
	int64_t over_id; /* the frozen volume whose content it begins with; 0: none */
};

struct start {
	struct operation op;
	struct start_volume volumes[DISK_IMAGES_MAX];
	size_t count;
	size_t jobs_left;
	struct disk_images *images;
	storage_started done;
	void *data;
};

static struct start *
start_of(struct operation *op)
{
	return container_of(op, struct start, op);
}

int
begin_state_like(struct storage *s, const struct volume *v, struct state *state, struct err *err)
{
	struct pool *pool = storage_pool(s, v->pool, err);
	unsigned int tries = 0;

	if (pool == NULL)
		return -1;
	state->volume_id = v->id;
	do {
		if (++tries > NUMBER_TRIES_MAX)
			return err_set(err, EIO,
				"volume '%s': cannot find out which images there are", v->vid);
		if (volume_take_number(s->store, v->id, &state->number, err) < 0)
			return -1;
	} while (pool->driver->exists(pool, (struct state_name){v->vid, state->number}));
	return state_insert(s->store, state, err);
}

int
begin_state(struct storage *s, const struct volume *v, int64_t base_id, uint64_t size_bytes,
	struct state *ret, struct err *err)
{
	struct state state = {.base_id = base_id, .size_bytes = size_bytes};

	if (begin_state_like(s, v, &state, err) < 0)
		return -1;
	*ret = state;
	return 0;
}

int
find_start_base(struct storage *s, const struct volume *v, struct state *ret, struct err *err)
{
	struct volume source = {0};
	int found;

	if (v->save_on_stop)
		return state_current(s->store, v->id, ret, err);
	if (!v->snap_on_start)
		return 0;
	if (volume_require(s->store, v->pool, v->source_vid, &source, err) < 0)
		return err_wrap(err, "volume '%s': its source", v->vid);
	found = state_current(s->store, source.id, ret, err);
	volume_finish(&source);
	return found;
}

int
find_start_size(struct storage *s, const struct volume *v, const struct state *base,
	uint64_t *ret_bytes, struct err *err)
{
	uint64_t size_bytes = v->size_bytes > base->size_bytes ? v->size_bytes : base->size_bytes;
	struct volume source = {0};

	/* A source that was grown has that size before it is started itself. */
	if (v->source_vid != NULL) {
		if (volume_find(s->store, v->pool, v->source_vid, &source, err) < 0)
			return -1;
		if (source.size_bytes > size_bytes)
			size_bytes = source.size_bytes;
		volume_finish(&source);
	}
	*ret_bytes = size_bytes;
	return 0;
}

/* What this start lies on: as the volume says, or the frozen content that it begins with. */
static int
find_base(struct start_volume *sv, struct state *ret, struct err *err)
{
	struct storage *s = sv->start->op.storage;
	int found;

	if (sv->over_id == 0)
		return find_start_base(s, &sv->volume, ret, err);
	found = state_current(s->store, sv->over_id, ret, err);
	if (found == 0)
		return err_set(
			err, ENOENT, "volume '%s': the frozen content is gone", sv->volume.vid);
	return found;
}

static int
begin_volume(struct storage *s, struct start_volume *sv, struct err *err)
{
	const struct volume *v = &sv->volume;
	struct state base = {0};
	struct state state = {0};

	/* A machine that died without a stop: its work is not to be lost, nor to be in the way. */
	if (settle_open_state(s, v, err) < 0)
		return -1;
	if (find_base(sv, &base, err) < 0)
		return -1;
	if (sv->over_id != 0)
		state.size_bytes =
			v->size_bytes > base.size_bytes ? v->size_bytes : base.size_bytes;
	else if (find_start_size(s, v, &base, &state.size_bytes, err) < 0)
		return -1;
	state.base_id = base.id;
	/* A frozen content is shown for what it was made of. */
	state.over = sv->over_id != 0 ? base.over : base.content;
	if (begin_state_like(s, v, &state, err) < 0)
		return -1;
	sv->state = state;
	return chain_load(s->store, sv->state.id, &sv->chain, err);
}

/* All rows in one transaction. */
static int
begin_volumes(struct start *start, struct err *err)
{
	struct storage *s = start->op.storage;

	if (store_begin(s->store, err) < 0)
		return -1;
	for (size_t i = 0; i < start->count; i++) {
		if (begin_volume(s, &start->volumes[i], err) < 0) {
			store_rollback(s->store);
			for (size_t j = 0; j <= i; j++)
				start->volumes[j].state.id = 0;
			return -1;
		}
	}
	if (store_commit(s->store, err) == 0)
		return 0;
	for (size_t i = 0; i < start->count; i++)
		start->volumes[i].state.id = 0;
	return -1;
}

static void
destroy_jobs(struct start *start)
{
	for (size_t i = 0; i < start->count; i++) {
		job_destroy(start->volumes[i].job);
		start->volumes[i].job = NULL;
	}
}

static void
handle_undone(void *data, struct err *err)
{
	struct start *start = data;
	struct storage *s = start->op.storage;
	AUTO_ERR struct err failure = ERR_INIT;

	/* What can not be taken back now is taken back by the next recovery: the rows say so. */
	if (err->code != 0)
		log_warning("after a failed start: %s", err_message(err));
	for (size_t i = 0; err->code == 0 && i < start->count; i++) {
		if (start->volumes[i].state.id != 0 &&
			state_delete(s->store, start->volumes[i].state.id, &failure) < 0)
			log_warning("after a failed start: %s", err_message(&failure));
	}
	operation_finish(&start->op);
}

/* Takes the new images and their rows away; op.err has the reason. */
static void
undo(struct start *start)
{
	struct state_name names[DISK_IMAGES_MAX];
	struct pool *pool = &start->op.storage->default_pool;
	size_t count = 0;

	destroy_jobs(start);
	for (size_t i = 0; i < start->count; i++) {
		if (start->volumes[i].state.id != 0)
			names[count++] = (struct state_name){
				start->volumes[i].volume.vid, start->volumes[i].state.number};
	}
	start->op.job = pool->driver->remove_states(pool, names, count);
	job_start(start->op.job, handle_undone, start);
}

static int
open_volume(struct pool *pool, struct start_volume *sv, struct disk_images *images, struct err *err)
{
	struct disk_image *image = &images->images[images->count++];

	snprintf(image->name, sizeof(image->name), "%s", sv->volume.name);
	image->read_only = !sv->volume.rw;
	image->size_bytes = sv->state.size_bytes;
	image->is_encrypted = sv->key_fd >= 0;
	image->key_fd = steal_fd(&sv->key_fd);
	return pool->driver->open(pool, &sv->chain, image->read_only, image, err);
}

static int
set_volumes_open(struct start *start, struct err *err)
{
	struct storage *s = start->op.storage;
	struct pool *pool = &s->default_pool;

	if (store_begin(s->store, err) < 0)
		return -1;
	for (size_t i = 0; i < start->count; i++) {
		struct start_volume *sv = &start->volumes[i];
		struct state_name name = {sv->volume.vid, sv->state.number};
		uint64_t allocated, length = 0;
		int result = pool->driver->usage(pool, name, &allocated, &length);

		if (result < 0)
			err_set_errno(err, -result, "volume '%s': its new image", sv->volume.vid);
		if (result < 0 || state_set_open(s->store, sv->state.id, length, err) < 0) {
			store_rollback(s->store);
			return -1;
		}
	}
	return store_commit(s->store, err);
}

/* All images are made, or one has failed. */
static void
conclude(struct start *start)
{
	struct pool *pool = &start->op.storage->default_pool;
	struct err *err = &start->op.err;

	if (err->code != 0) {
		undo(start);
		return;
	}
	crash_point("storage:start:after-images");
	start->images = disk_images_create();
	for (size_t i = 0; i < start->count; i++) {
		if (open_volume(pool, &start->volumes[i], start->images, err) < 0) {
			err_wrap(err, "volume '%s'", start->volumes[i].volume.vid);
			undo(start);
			return;
		}
	}
	if (set_volumes_open(start, err) < 0) {
		undo(start);
		return;
	}
	crash_point("storage:start:after-open");
	destroy_jobs(start);
	operation_finish(&start->op);
}

static void
handle_made(void *data, struct err *err)
{
	struct start_volume *sv = data;
	struct start *start = sv->start;

	if (err->code != 0 && start->op.err.code == 0) {
		err_move(&start->op.err, err);
		err_wrap(&start->op.err, "volume '%s': cannot make its image", sv->volume.vid);
	}
	if (--start->jobs_left == 0)
		conclude(start);
}

/* Known to the machine and to nobody else, and gone with it. */
static int
make_key(struct err *err)
{
	AUTO_FD int fd = memfd_create("bulkhead-key", MFD_CLOEXEC);
	uint8_t bytes[KEY_BYTES];
	char text[2 * KEY_BYTES + 1];
	ssize_t count;

	random_bytes(bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		(void)snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	count = fd >= 0 ? write(fd, text, sizeof(text) - 1) : -1;
	explicit_bzero(bytes, sizeof(bytes));
	explicit_bzero(text, sizeof(text));
	if (count != (ssize_t)sizeof(text) - 1)
		return err_set_errno(err, errno, "no key");
	return steal_fd(&fd);
}

static int
make_image(struct pool *pool, struct start_volume *sv, struct err *err)
{
	struct chain below = {0};
	struct state_name base = {NULL, 0};

	/* The links are borrowed: `below` is the chain without its first. */
	below.count = sv->chain.count - 1;
	memcpy(below.links, &sv->chain.links[1], below.count * sizeof(below.links[0]));
	if (pool->driver->check(pool, &below, err) < 0)
		return -1;
	if (below.count > 0)
		base = (struct state_name){below.links[0].vid, below.links[0].number};
	if (sv->volume.ephemeral) {
		sv->chain.is_encrypted = true;
		sv->key_fd = make_key(err);
		sv->job = sv->key_fd < 0
				  ? NULL
				  : pool->driver->make_encrypted(pool,
					    (struct state_name){sv->volume.vid, sv->state.number},
					    base, sv->state.size_bytes, sv->key_fd, err);
		return sv->job != NULL ? 0 : -1;
	}
	sv->job = pool->driver->make(pool, (struct state_name){sv->volume.vid, sv->state.number},
		base, sv->state.size_bytes, sv->volume.save_on_stop, err);
	return sv->job != NULL ? 0 : -1;
}

static void
run_start(struct operation *op)
{
	struct start *start = start_of(op);
	struct pool *pool = &op->storage->default_pool;

	if (begin_volumes(start, &op->err) < 0) {
		operation_finish(op);
		return;
	}
	crash_point("storage:start:after-rows");
	for (size_t i = 0; i < start->count; i++) {
		if (make_image(pool, &start->volumes[i], &op->err) < 0) {
			err_wrap(&op->err, "volume '%s'", start->volumes[i].volume.vid);
			undo(start);
			return;
		}
	}
	start->jobs_left = start->count;
	for (size_t i = 0; i < start->count; i++)
		job_start(start->volumes[i].job, handle_made, &start->volumes[i]);
	if (start->count == 0)
		conclude(start);
}

static void
answer_start(struct operation *op, const struct err *err)
{
	struct start *start = start_of(op);

	start->done(start->data, err == NULL ? steal_ptr(start->images) : NULL, err);
}

static void
destroy_start(struct operation *op)
{
	struct start *start = start_of(op);

	destroy_jobs(start);
	disk_images_destroy(start->images);
	for (size_t i = 0; i < start->count; i++) {
		volume_finish(&start->volumes[i].volume);
		chain_finish(&start->volumes[i].chain);
		if (start->volumes[i].key_fd >= 0)
			close(start->volumes[i].key_fd);
	}
	free(start);
}

static int
image_order(const void *a, const void *b)
{
	static const char *const order[] = {"root", "private", "volatile"};
	size_t rank[2] = {3, 3};
	const char *names[] = {((const struct start_volume *)a)->volume.name,
		((const struct start_volume *)b)->volume.name};

	for (size_t side = 0; side < 2; side++) {
		for (size_t i = 0; i < 3; i++) {
			if (text_equal(names[side], order[i]))
				rank[side] = i;
		}
	}
	return (int)rank[0] - (int)rank[1];
}

static int
load_volumes(struct start *start, const char *owner, struct err *err)
{
	struct storage *s = start->op.storage;
	struct volume *volumes;
	size_t count;

	if (volumes_load(s->store, owner, false, &volumes, &count, err) < 0)
		return -1;
	if (count > DISK_IMAGES_MAX) {
		volumes_free(volumes, count);
		return err_set(err, EINVAL, "qube '%s' has too many volumes", owner);
	}
	for (size_t i = 0; i < count; i++) {
		start->volumes[i].volume = volumes[i];
		start->volumes[i].start = start;
		start->volumes[i].key_fd = -1;
	}
	start->count = count;
	free(volumes);
	qsort(start->volumes, count, sizeof(start->volumes[0]), image_order);
	return 0;
}

static int
lock_volumes(struct start *start, struct err *err)
{
	struct storage *s = start->op.storage;

	for (size_t i = 0; i < start->count; i++) {
		const struct volume *v = &start->volumes[i].volume;
		struct volume source = {0};

		operation_lock(&start->op, v->id, LOCK_CHANGE);
		if (v->source_vid == NULL)
			continue;
		if (volume_require(s->store, v->pool, v->source_vid, &source, err) < 0)
			return err_wrap(err, "volume '%s': its source", v->vid);
		operation_lock(&start->op, source.id, LOCK_READ);
		volume_finish(&source);
	}
	return 0;
}

/* The volumes whose content is begun with; what else goes wrong is told by lock_volumes(). */
static void
fold_volumes(struct start *start)
{
	struct storage *s = start->op.storage;

	for (size_t i = 0; i < start->count; i++) {
		const struct volume *v = &start->volumes[i].volume;
		struct volume source = {0};
		AUTO_ERR struct err ignored = ERR_INIT;

		if (v->source_vid == NULL)
			fold_before_start(s, v);
		else if (volume_find(s->store, v->pool, v->source_vid, &source, &ignored) == 1)
			fold_before_start(s, &source);
		volume_finish(&source);
	}
}

/* For each volume the frozen one of the same name, held as it is until the start is over. */
static int
find_frozen(struct start *start, const char *frozen_owner, struct err *err)
{
	struct storage *s = start->op.storage;
	struct volume *volumes;
	size_t count;

	if (volumes_load(s->store, frozen_owner, false, &volumes, &count, err) < 0)
		return -1;
	for (size_t i = 0; i < start->count; i++) {
		struct start_volume *sv = &start->volumes[i];

		for (size_t j = 0; j < count; j++) {
			if (text_equal(volumes[j].name, sv->volume.name))
				sv->over_id = volumes[j].id;
		}
		if (sv->over_id == 0) {
			err_set(err, ENOENT, "volume '%s': was not frozen", sv->volume.vid);
			break;
		}
		operation_lock(&start->op, sv->over_id, LOCK_READ);
	}
	volumes_free(volumes, count);
	return err->code != 0 ? -1 : 0;
}

void
storage_start_over(struct storage *s, const char *owner, const char *frozen_owner,
	storage_started done, void *data)
{
	struct start *start = xcalloc(1, sizeof(*start));

	/* It settles what is left of an earlier one. */
	unsettled_forget(s, owner);
	operation_init(&start->op, s);
	start->op.run = run_start;
	start->op.answer = answer_start;
	start->op.destroy = destroy_start;
	start->done = done;
	start->data = data;
	if (load_volumes(start, owner, &start->op.err) == 0)
		fold_volumes(start);
	if (start->op.err.code == 0 && lock_volumes(start, &start->op.err) == 0 &&
		frozen_owner != NULL)
		(void)find_frozen(start, frozen_owner, &start->op.err);
	operation_submit(&start->op);
}

void
storage_start(struct storage *s, const char *owner, storage_started done, void *data)
{
	storage_start_over(s, owner, NULL, done, data);
}
