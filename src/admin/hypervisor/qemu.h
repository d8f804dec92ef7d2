/* A machine that is a QEMU process. Private to the QEMU driver's files. */
#ifndef BULKHEAD_ADMIN_HYPERVISOR_QEMU_H
#define BULKHEAD_ADMIN_HYPERVISOR_QEMU_H

#include <jansson.h>
#include <stdbool.h>

#include "admin/hypervisor/console.h"
#include "admin/hypervisor/driver.h"
#include "admin/hypervisor/qmp.h"
#include "base/list.h"

/* The last words of the process that are kept. */
#define QEMU_ERRORS_BYTES 2048
#define QEMU_DETAIL_BYTES 512

struct loop_child;
struct loop_fd;
struct loop_timer;

struct qemu_machine {
	struct machine base; /* first: a machine is cast to this */
	struct qmp *qmp;
	struct console *console;
	struct loop_child *process; /* NULL once it is gone */
	bool qmp_ended;
	bool is_concluded;
	struct loop_timer *timer; /* bounds the time between the end of QMP and of the process */
	machine_done start_done;  /* NULL once answered */
	void *start_data;

	int errors_fd;
	struct loop_fd *errors_source;
	char errors[QEMU_ERRORS_BYTES + 1];
	size_t errors_length;

	int device_target;      /* number of the device_fd in the process; -1: none */
	bool is_copy;           /* starts by reading it */
	machine_done save_done; /* of a save under way */
	void *save_data;

	bool is_killed;    /* machine_kill() */
	bool has_panicked; /* the pause that comes with it is not one */
	bool has_reason;   /* the process said why it ends */
	enum machine_stop_reason reason;
	char detail[QEMU_DETAIL_BYTES]; /* why it paused by itself, or was ended by us */

	struct list requests; /* qemu_request.link */
	struct list disks;    /* disk_operation.link, in qemu_disk.c */
	struct list lives;    /* live_operation.link, in qemu_live.h; the first is at work */
	struct list windows;  /* window_operation.link, in qemu_window.c */
};

/* A request that one QMP command answers. `arguments` is taken over. */
void qemu_request(struct qemu_machine *m, const char *command, json_t *arguments, machine_done done,
	void *data);

static inline struct qemu_machine *
qemu_of(struct machine *m)
{
	return container_of(m, struct qemu_machine, base);
}

/* qemu_disk.c */
void qemu_attach_disk(
	struct machine *m, const struct disk_image *image, machine_done done, void *data);
void qemu_detach_disk(struct machine *m, const char *name, machine_done done, void *data);
void qemu_disk_handle_deleted(struct qemu_machine *m, const char *device);
void qemu_disk_forget_all(struct qemu_machine *m);

/* qemu_live.c, qemu_live_fold.c */
void qemu_resize_disk(
	struct machine *m, const char *name, uint64_t size_bytes, machine_done done, void *data);
void qemu_fold_disk(
	struct machine *m, const char *name, const char *base_name, machine_done done, void *data);
void qemu_switch_disk(
	struct machine *m, const struct disk_image *image, machine_done done, void *data);
/* `why` is NULL where it ended well. */
void qemu_live_handle_job_end(struct qemu_machine *m, const char *job, const char *why);
void qemu_live_forget_all(struct qemu_machine *m);

/* qemu_window.c */
void qemu_attach_window_memory(struct machine *m, int fd, machine_done done, void *data);
void qemu_window_forget_all(struct qemu_machine *m);

/* qemu.c: what has to be found out once the process can be talked to. */
void qemu_query_status(struct qemu_machine *m);
/* Ends a process that can not be used. */
void qemu_end_process(struct qemu_machine *m, const char *why);

/* qemu_save.c */
void qemu_save(struct machine *m, int device_fd, machine_done done, void *data);
/* Has a copy read its devices, then goes on with qemu_query_status(). */
void qemu_restore(struct qemu_machine *m);
void qemu_save_handle_migration(struct qemu_machine *m, const char *status);

/* qemu_start.c */
struct machine *qemu_start(struct hypervisor *h, const struct machine_config *config,
	machine_handler handler, machine_done done, void *data, struct err *err);
struct machine *qemu_adopt(struct hypervisor *h, const char *name, const char *run_directory,
	const char *console_log, pid_t pid, unsigned long long start_time, machine_handler handler,
	machine_done done, void *data, struct err *err);

/* qemu.c: a machine without process or connection, and the two it then gets. */
struct qemu_machine *qemu_create(struct hypervisor *h, const char *name, machine_handler handler,
	machine_done done, void *data);
/* Watches the process and talks to it; the descriptor is taken over. 0 or -1 with the error. */
int qemu_watch(struct qemu_machine *m, pid_t pid, struct err *err);
int qemu_talk(struct qemu_machine *m, int qmp_fd, struct err *err);
void qemu_destroy(struct machine *base);

#endif
