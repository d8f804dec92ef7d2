/*
 * Saving what a machine has beside its memory, and starting copies of it (docs/disposables.md).
 * The memory itself is a file that stays where it is: x-ignore-shared leaves it out of the stream
 * on the one side, and the copy maps it privately on the other.
 *
 *   save     capabilities -> stop -> getfd -> migrate -> event "completed"
 *   restore  capabilities -> migrate-incoming -> event "completed" -> query-status
 */
#include <errno.h>

#include "admin/hypervisor/qemu.h"
#include "admin/hypervisor/qmp_message.h"
#include "base/cleanup.h"
#include "base/loop.h"
#include "base/text.h"

/* It takes a fraction of a second; more only where a stream does not end, or a host is very busy.
 */
#define QEMU_STATE_MS 60000

/* The name under which QEMU knows the file it writes to. */
#define DEVICES "devices"

static json_t *
capabilities(void)
{
	return json_pack("{s:[{s:s, s:b}, {s:s, s:b}]}", "capabilities", "capability",
		"x-ignore-shared", "state", 1, "capability", "events", "state", 1);
}

static void
finish_save(struct qemu_machine *m, const struct err *err)
{
	machine_done done = m->save_done;

	loop_timer_stop(m->timer);
	m->save_done = NULL;
	if (done != NULL)
		done(m->save_data, err);
}

/* An answer on the way to the event that ends it. */
static void
handle_save_step(void *data, const json_t *result, const struct err *err)
{
	(void)result;
	if (err != NULL)
		finish_save(data, err);
}

void
qemu_save(struct machine *base, int device_fd, machine_done done, void *data)
{
	struct qemu_machine *m = qemu_of(base);

	m->save_done = done;
	m->save_data = data;
	loop_timer_start(m->timer, QEMU_STATE_MS);
	qmp_execute(m->qmp, "migrate-set-capabilities", capabilities(), -1, handle_save_step, m);
	qmp_execute(m->qmp, "stop", NULL, -1, handle_save_step, m);
	qmp_execute(m->qmp, "getfd", json_pack("{s:s}", "fdname", DEVICES), device_fd,
		handle_save_step, m);
	qmp_execute(m->qmp, "migrate", json_pack("{s:s}", "uri", "fd:" DEVICES), -1,
		handle_save_step, m);
}

static void
handle_restore_step(void *data, const json_t *result, const struct err *err)
{
	(void)result;
	if (err != NULL)
		qemu_end_process(data, err_message(err));
}

void
qemu_restore(struct qemu_machine *m)
{
	AUTO_FREE char *uri = text_format("fd:%d", m->device_target);

	loop_timer_start(m->timer, QEMU_STATE_MS);
	qmp_execute(m->qmp, "migrate-set-capabilities", capabilities(), -1, handle_restore_step, m);
	qmp_execute(m->qmp, "migrate-incoming", json_pack("{s:s}", "uri", uri), -1,
		handle_restore_step, m);
}

void
qemu_save_handle_migration(struct qemu_machine *m, const char *status)
{
	AUTO_ERR struct err err = ERR_INIT;
	bool is_over = text_equal(status, "completed");

	if (!is_over && !text_equal(status, "failed"))
		return;
	if (m->save_done != NULL) {
		if (!is_over)
			err_set(&err, EIO, "machine of '%s' cannot be saved", m->base.name);
		finish_save(m, is_over ? NULL : &err);
	} else if (m->is_copy && m->start_done != NULL) {
		/* A failed one ends by itself, after saying why. */
		if (is_over) {
			loop_timer_stop(m->timer);
			qemu_query_status(m);
		}
	}
}
