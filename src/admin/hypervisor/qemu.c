/*
 * A running QEMU process: its states, its events, its end. Runs in bulkheadd; what the process
 * says over QMP and stderr may come from the qube.
 */
#include "admin/hypervisor/qemu.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/child.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/text.h"

#include "admin/hypervisor/qmp_message.h"

/* After the end of QMP the process has so long to end too; and the other way round. */
#define QEMU_END_MS 5000

struct qemu_request {
	struct list link; /* qemu_machine.requests */
	struct qemu_machine *machine;
	machine_done done;
	void *data;
};

static void
handle_answer(void *data, const json_t *result, const struct err *err)
{
	struct qemu_request *request = data;
	machine_done done = request->done;
	void *done_data = request->data;

	list_remove(&request->link);
	free(request);
	if (done != NULL)
		done(done_data, err);
}

void
qemu_request(struct qemu_machine *m, const char *command, json_t *arguments, machine_done done,
	void *data)
{
	struct qemu_request *request = xcalloc(1, sizeof(*request));

	*request = (struct qemu_request){.machine = m, .done = done, .data = data};
	list_append(&m->requests, &request->link);
	qmp_execute(m->qmp, command, arguments, -1, handle_answer, request);
}

/* Safe to show anywhere, and of one line. */
static void
set_detail(struct qemu_machine *m, const char *untrusted_text)
{
	AUTO_BUF struct buf escaped;
	AUTO_FREE char *text = NULL;

	buf_init(&escaped, QEMU_DETAIL_BYTES - 1);
	(void)console_escape(
		&escaped, (const uint8_t *)untrusted_text, strcspn(untrusted_text, "\n"));
	text = buf_steal_string(&escaped);
	(void)snprintf(m->detail, sizeof(m->detail), "%s", text != NULL ? text : "");
}

/* The last line the process wrote to stderr. */
static const char *
last_words(struct qemu_machine *m)
{
	char *line;

	while (m->errors_length > 0 && m->errors[m->errors_length - 1] == '\n')
		m->errors_length--;
	m->errors[m->errors_length] = '\0';
	line = strrchr(m->errors, '\n');
	return line != NULL ? line + 1 : m->errors;
}

static void
tell(struct qemu_machine *m, enum machine_event_kind kind)
{
	struct machine_event event = {
		.kind = kind,
		.reason = m->reason,
		.detail = m->detail,
	};

	if (m->base.handler != NULL && m->start_done == NULL)
		m->base.handler(&m->base, &event, m->base.data);
}

/* Answers the start or adoption. The machine may be gone after. */
static void
finish_start(struct qemu_machine *m, const struct err *err)
{
	machine_done done = m->start_done;

	m->start_done = NULL;
	if (done != NULL)
		done(m->start_data, err);
}

static void
fail_start(struct qemu_machine *m)
{
	AUTO_ERR struct err err = ERR_INIT;
	const char *words = m->detail[0] != '\0' ? m->detail : "it ended without a word";

	if (strstr(words, "cannot set up guest memory") != NULL ||
		strstr(words, "Cannot allocate memory") != NULL)
		err_set_kind(&err, "QubesMemoryError", ENOMEM,
			"Not enough memory to start domain '%s'", m->base.name);
	else
		err_set(&err, EIO, "machine of '%s' cannot be started: %s", m->base.name, words);
	/* The handler hears nothing of a machine that never was. */
	m->base.handler = NULL;
	finish_start(m, &err);
}

static void read_errors(struct qemu_machine *m);

/* Once the process and all it said are gone. The machine may be gone after. */
static void
conclude(struct qemu_machine *m)
{
	if (m->is_concluded)
		return;
	m->is_concluded = true;
	m->base.state = MACHINE_STOPPED;
	loop_timer_stop(m->timer);
	read_errors(m);
	console_destroy(m->console);
	m->console = NULL;
	if (m->is_killed)
		m->reason = MACHINE_STOP_KILLED;
	else if (!m->has_reason)
		m->reason = MACHINE_STOP_CRASHED;
	if (m->detail[0] == '\0')
		set_detail(m, last_words(m));
	if (m->start_done != NULL)
		fail_start(m);
	else
		tell(m, MACHINE_EVENT_STOPPED);
}

/* A process that can not be trusted or reached any more is ended. */
void
qemu_end_process(struct qemu_machine *m, const char *why)
{
	log_qube_message(LOG_LEVEL_ERROR, m->base.name, "machine is ended: %s", why);
	set_detail(m, why);
	if (m->process != NULL)
		(void)loop_child_signal(m->process, SIGKILL);
}

static void
handle_timeout(struct loop_timer *timer, void *data)
{
	struct qemu_machine *m = data;

	if (m->process == NULL)
		conclude(m);
	else if (m->qmp_ended)
		qemu_end_process(m, "it closed its monitor and went on");
	else
		qemu_end_process(m, "the saving or reading of its state does not end");
}

static void
handle_process_end(struct loop_child *source, int wait_status, void *data)
{
	struct qemu_machine *m = data;

	loop_child_destroy(source);
	m->process = NULL;
	/* SHUTDOWN may still be on its way to us. */
	if (m->qmp_ended)
		conclude(m);
	else
		loop_timer_start(m->timer, QEMU_END_MS);
}

static void
handle_qmp_end(struct qmp *qmp, const struct err *err, void *data)
{
	struct qemu_machine *m = data;

	m->qmp_ended = true;
	if (m->process == NULL)
		conclude(m);
	else if (err->code == ECONNRESET)
		loop_timer_start(m->timer, QEMU_END_MS);
	else
		qemu_end_process(m, err_message(err));
}

static void
handle_status(void *data, const json_t *result, const struct err *err)
{
	struct qemu_machine *m = data;
	const char *status = qmp_get_text(result, "status", "");

	if (err != NULL) {
		qemu_end_process(m, err_message(err));
		return;
	}
	m->base.state = text_equal(status, "running") ? MACHINE_RUNNING : MACHINE_PAUSED;
	finish_start(m, NULL);
}

void
qemu_query_status(struct qemu_machine *m)
{
	qmp_execute(m->qmp, "query-status", NULL, -1, handle_status, m);
}

static void
handle_ready(struct qmp *qmp, void *data)
{
	struct qemu_machine *m = data;

	if (m->is_copy)
		qemu_restore(m);
	else
		qemu_query_status(m);
}

static void
handle_shutdown(struct qemu_machine *m, const json_t *event)
{
	static const struct {
		const char *name;
		enum machine_stop_reason reason;
	} reasons[] = {
		{"guest-shutdown", MACHINE_STOP_SHUTDOWN},
		{"guest-reset", MACHINE_STOP_RESET},
		{"guest-panic", MACHINE_STOP_PANIC},
	};
	const char *name = qmp_get_text(event, "reason", "");

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (text_equal(name, reasons[i].name)) {
			m->has_reason = true;
			m->reason = m->has_panicked ? MACHINE_STOP_PANIC : reasons[i].reason;
			return;
		}
	}
	if (!m->is_killed && m->detail[0] == '\0')
		set_detail(m, name);
}

static void
handle_io_error(struct qemu_machine *m, const json_t *event)
{
	AUTO_FREE char *text = NULL;

	if (!text_equal(qmp_get_text(event, "action", ""), "stop"))
		return;
	text = text_format("disk '%s': %s", qmp_get_text(event, "node-name", "?"),
		qmp_get_text(event, "reason", "I/O error"));
	set_detail(m, text);
}

static void
handle_event(struct qmp *qmp, const char *name, const json_t *event, void *data)
{
	struct qemu_machine *m = data;

	if (text_equal(name, "SHUTDOWN")) {
		handle_shutdown(m, event);
	} else if (text_equal(name, "GUEST_PANICKED")) {
		m->has_panicked = true;
	} else if (text_equal(name, "BLOCK_IO_ERROR")) {
		handle_io_error(m, event);
	} else if (text_equal(name, "DEVICE_DELETED")) {
		qemu_disk_handle_deleted(m, qmp_get_text(event, "device", ""));
	} else if (text_equal(name, "BLOCK_JOB_COMPLETED")) {
		qemu_live_handle_job_end(m, qmp_get_text(event, "device", ""),
			json_string_value(json_object_get(event, "error")));
	} else if (text_equal(name, "BLOCK_JOB_CANCELLED")) {
		qemu_live_handle_job_end(m, qmp_get_text(event, "device", ""), "canceled");
	} else if (text_equal(name, "MIGRATION")) {
		qemu_save_handle_migration(m, qmp_get_text(event, "status", ""));
	} else if (text_equal(name, "STOP") && !m->has_panicked) {
		m->base.state = MACHINE_PAUSED;
		tell(m, MACHINE_EVENT_PAUSED);
	} else if (text_equal(name, "RESUME")) {
		m->base.state = MACHINE_RUNNING;
		m->detail[0] = '\0';
		tell(m, MACHINE_EVENT_RESUMED);
	}
}

static const struct qmp_handler qmp_handler = {
	.handle_ready = handle_ready,
	.handle_event = handle_event,
	.handle_end = handle_qmp_end,
};

/* Keeps the tail of what was said. */
static void
read_errors(struct qemu_machine *m)
{
	char piece[1024];
	ssize_t count;

	while (m->errors_fd >= 0 && (count = read(m->errors_fd, piece, sizeof(piece))) > 0) {
		size_t size = (size_t)count;
		size_t kept = m->errors_length;

		if (kept + size > QEMU_ERRORS_BYTES)
			kept = QEMU_ERRORS_BYTES - size;
		memmove(m->errors, m->errors + m->errors_length - kept, kept);
		memcpy(m->errors + kept, piece, size);
		m->errors_length = kept + size;
	}
}

static void
handle_errors(struct loop_fd *source, uint32_t events, void *data)
{
	struct qemu_machine *m = data;

	read_errors(m);
	if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
		loop_fd_destroy(source);
		m->errors_source = NULL;
	}
}

struct qemu_machine *
qemu_create(struct hypervisor *h, const char *name, machine_handler handler, machine_done done,
	void *data)
{
	struct qemu_machine *m = xcalloc(1, sizeof(*m));

	m->base = (struct machine){
		.driver = &hypervisor_qemu,
		.loop = h->loop,
		.name = text_copy(name),
		.state = MACHINE_STARTING,
		.handler = handler,
		.data = data,
	};
	m->errors_fd = -1;
	m->device_target = -1;
	m->start_done = done;
	m->start_data = data;
	list_init(&m->requests);
	list_init(&m->disks);
	list_init(&m->lives);
	list_init(&m->windows);
	return m;
}

int
qemu_watch(struct qemu_machine *m, pid_t pid, struct err *err)
{
	m->base.pid = pid;
	m->timer = loop_timer_create(m->base.loop, handle_timeout, m);
	m->process = loop_child_create(m->base.loop, pid, handle_process_end, m);
	if (m->timer == NULL || m->process == NULL)
		return err_set_errno(err, errno, "machine of '%s': its process", m->base.name);
	/* After the pidfd is open the pid can not become another process's unnoticed. */
	if (process_start_time(pid, &m->base.start_time) < 0)
		return err_set(err, ESRCH, "machine of '%s' has gone", m->base.name);
	if (m->errors_fd >= 0)
		m->errors_source =
			loop_fd_create(m->base.loop, m->errors_fd, EPOLLIN, handle_errors, m);
	return 0;
}

int
qemu_talk(struct qemu_machine *m, int qmp_fd, struct err *err)
{
	m->qmp = qmp_create(m->base.loop, qmp_fd, &qmp_handler, m);
	if (m->qmp == NULL)
		return err_set_errno(err, errno, "machine of '%s': its monitor", m->base.name);
	return 0;
}

void
qemu_destroy(struct machine *base)
{
	struct qemu_machine *m = qemu_of(base);
	struct qemu_request *request, *following;

	qmp_destroy(m->qmp);
	console_destroy(m->console);
	loop_child_destroy(m->process);
	loop_timer_destroy(m->timer);
	loop_fd_destroy(m->errors_source);
	if (m->errors_fd >= 0)
		close(m->errors_fd);
	qemu_disk_forget_all(m);
	qemu_live_forget_all(m);
	qemu_window_forget_all(m);
	list_for_each_safe (request, following, &m->requests, link)
		free(request);
	free(m->base.name);
	free(m);
}

static void
qemu_resume(struct machine *m, machine_done done, void *data)
{
	qemu_request(qemu_of(m), "cont", NULL, done, data);
}

static void
qemu_pause(struct machine *m, machine_done done, void *data)
{
	qemu_request(qemu_of(m), "stop", NULL, done, data);
}

static void
qemu_shut_down(struct machine *m, machine_done done, void *data)
{
	qemu_request(qemu_of(m), "system_powerdown", NULL, done, data);
}

static int
qemu_kill(struct machine *base)
{
	struct qemu_machine *m = qemu_of(base);

	if (m->process == NULL)
		return -ESRCH;
	m->is_killed = true;
	return loop_child_signal(m->process, SIGKILL);
}

const struct hypervisor_driver hypervisor_qemu = {
	.name = "qemu",
	.start = qemu_start,
	.adopt = qemu_adopt,
	.destroy = qemu_destroy,
	.resume = qemu_resume,
	.pause = qemu_pause,
	.shut_down = qemu_shut_down,
	.save = qemu_save,
	.kill = qemu_kill,
	.attach_disk = qemu_attach_disk,
	.detach_disk = qemu_detach_disk,
	.resize_disk = qemu_resize_disk,
	.fold_disk = qemu_fold_disk,
	.switch_disk = qemu_switch_disk,
	.attach_window_memory = qemu_attach_window_memory,
};
