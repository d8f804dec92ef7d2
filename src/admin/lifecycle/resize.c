/*
 * Growing a disk of a running qube: the machine shows it the new size, then the service
 * qubes.ResizeDisk grows the file system inside (spec admin-api.md 11.8). What the qube says is
 * worth nothing here but its exit status.
 */
#include <errno.h>
#include <stdlib.h>

#include "admin/lifecycle/run.h"
#include "admin/lifecycle/service_call.h"
#include "base/cleanup.h"
#include "base/text.h"

/* Time for a file system to grow; a large one under emulation takes its time. */
#define GROW_TIMEOUT_MS 120000

struct resize {
	struct list link; /* lifecycle.resizes */
	struct lifecycle *l;
	struct qube *q; /* pinned */
	char *volume;   /* owned */
	struct service_call *call;
	lifecycle_done done;
	void *data;
};

static void
resize_destroy(struct resize *z)
{
	list_remove(&z->link);
	service_call_destroy(z->call);
	qube_unpin(z->q);
	free(z->volume);
	free(z);
}

void
resizes_destroy_all(struct lifecycle *l)
{
	while (!list_empty(&l->resizes))
		resize_destroy(container_of(l->resizes.next, struct resize, link));
}

static void
finish(struct resize *z, const struct err *err)
{
	lifecycle_done done = z->done;
	void *data = z->data;

	resize_destroy(z);
	done(data, err);
}

/* The size stays: a start grows the file system as well. */
static void
finish_grown(struct resize *z, const char *why)
{
	AUTO_ERR struct err err = ERR_INIT;

	err_set_kind(&err, "StoragePoolException", EIO,
		"volume '%s:%s' has grown, but the file system in it will only at the qube's next "
		"start: %s",
		z->q->name, z->volume, why);
	finish(z, &err);
}

static void
handle_grown(void *data, const struct err *err)
{
	struct resize *z = data;

	z->call = NULL;
	if (err != NULL)
		finish_grown(z, err_message(err));
	else
		finish(z, NULL);
}

static void
handle_resized(void *data, const struct err *err)
{
	struct resize *z = data;
	AUTO_ERR struct err failure = ERR_INIT;
	AUTO_FREE char *input = text_format("%s\n", z->volume);
	struct service_request request = {.service = "qubes.ResizeDisk",
		.user = "root",
		.input = input,
		.timeout_ms = GROW_TIMEOUT_MS};

	if (err != NULL) {
		finish_grown(z, err_message(err));
		return;
	}
	z->call = service_call_start(z->l, z->q, &request, handle_grown, z, &failure);
	if (z->call == NULL)
		finish_grown(z, err_message(&failure));
}

void
lifecycle_resize_disk(struct lifecycle *l, struct qube *q, const char *volume, uint64_t size_bytes,
	lifecycle_done done, void *data)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct run *run = run_find(l, q);
	struct resize *z;

	if (run == NULL || run->phase != RUN_UP || q->power.state != POWER_RUNNING) {
		run_refuse_not_running(q, &err);
		waiter_answer(waiter_create(l, NULL, done, data), &err);
		return;
	}
	z = xcalloc(1, sizeof(*z));
	*z = (struct resize){
		.l = l, .q = q, .volume = text_copy(volume), .done = done, .data = data};
	qube_pin(q);
	list_append(&l->resizes, &z->link);
	machine_resize_disk(run->machine, volume, size_bytes, run_handle_machine_answer,
		run_await_machine(run, handle_resized, z));
}
