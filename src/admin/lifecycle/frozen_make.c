/*
 * Making one frozen qube and ending it, step by step; see frozen_make.h. Runs in bulkheadd; of what
 * the qube says only six bytes are read.
 *
 *   STORAGE -> MACHINE -> BOOTING -> SAVING -> ENDING -> FREEZING -> READY
 *
 * A step whose answer is outstanding (`busy`) can not be taken back: what is to go meanwhile is
 * `doomed`, and goes when the answer comes.
 */
#include "admin/lifecycle/frozen_make.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/lifecycle/frozen.h"
#include "admin/lifecycle/frozen_key.h"
#include "admin/lifecycle/identity.h"
#include "admin/lifecycle/run.h"
#include "admin/storage/storage.h"
#include "base/cleanup.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "base/path.h"
#include "base/text.h"

/* Room for the state of its devices, which takes 0.3 MB of it. */
#define DEVICE_BYTES_MAX ((off_t)16 << 20)
/* After it says that it is ready. */
#define SETTLE_MS 300
/* Times the qrexec_timeout: it boots to its end, beside other things. */
#define PATIENCE_FACTOR 6000

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void
forget_machine(struct frozen *f)
{
	AUTO_ERR struct err err = ERR_INIT;

	loop_fd_destroy(steal_ptr(f->identity));
	close_fd(&f->identity_fd);
	machine_destroy(f->machine);
	f->machine = NULL;
	if (remove_tree(f->run_directory, &err) < 0)
		log_warning("%s", err_message(&err));
}

void
frozen_destroy(struct frozen *f)
{
	list_remove(&f->link);
	forget_machine(f);
	loop_timer_destroy(f->timer);
	close_fd(&f->memory_fd);
	close_fd(&f->device_fd);
	boot_plan_finish(&f->plan);
	free(f->name);
	free(f->owner);
	free(f->key);
	free(f->run_directory);
	free(f);
}

/* The disks of one that never became complete. */
static void
handle_storage_dropped(void *data, const struct err *err)
{
	struct frozen *f = data;

	f->busy = false;
	if (err != NULL)
		log_qube_message(
			LOG_LEVEL_WARNING, f->name, "frozen disposable: %s", err_message(err));
	if (f->phase == FROZEN_DROPPING) {
		frozen_check_soon(f->l);
		frozen_destroy(f);
		return;
	}
	f->phase = FROZEN_FAILED;
	f->failed_ms = loop_now_ms();
	close_fd(&f->memory_fd);
	close_fd(&f->device_fd);
}

/* On the way out, from any phase; asking again is fine. */
void
frozen_advance_ending(struct frozen *f)
{
	AUTO_ERR struct err err = ERR_INIT;

	f->doomed = true;
	if (f->busy || f->users > 0)
		return;
	if (f->machine != NULL) {
		if (machine_kill(f->machine) == 0)
			f->busy = true; /* its end is an event */
		else
			forget_machine(f);
		if (f->busy)
			return;
	}
	if (f->phase == FROZEN_FAILED) {
		frozen_destroy(f);
		return;
	}
	if (storage_drop_frozen(f->l->config.storage, f->owner, &err) < 0)
		log_qube_message(
			LOG_LEVEL_WARNING, f->name, "frozen disposable: %s", err_message(&err));
	f->busy = true;
	storage_stop(f->l->config.storage, f->owner, handle_storage_dropped, f);
}

/* It is not wanted any more; another may be made in its place. */
void
frozen_drop(struct frozen *f, const char *why)
{
	if (f->doomed && f->phase == FROZEN_DROPPING)
		return;
	if (f->phase != FROZEN_FAILED) {
		log_qube_message(LOG_LEVEL_INFO, f->name, "frozen disposable is dropped: %s", why);
		f->phase = FROZEN_DROPPING;
	}
	frozen_advance_ending(f);
}

void
frozen_tell_failure(const char *name, const char *why, int code)
{
	AUTO_FREE char *directory = root_path("/var/lib/qubes");
	AUTO_FREE char *advice = NULL;

	if (code == ENOSPC || code == EDQUOT)
		advice = text_format(
			"; make room in '%s', it is tried again within minutes", directory);
	log_qube_message(LOG_LEVEL_WARNING, name,
		"no frozen disposable, its disposables boot: %s%s", why,
		advice != NULL ? advice : "");
}

/* With the error's code, where there is one. */
static void
give_up(struct frozen *f, const char *why, int code)
{
	if (!f->doomed)
		frozen_tell_failure(f->name, why, code);
	loop_timer_stop(f->timer);
	frozen_advance_ending(f);
}

static void
fail(struct frozen *f, const char *why)
{
	give_up(f, why, 0);
}

/* An answer has come. False when it has to go instead of on. */
static bool
step_is_over(struct frozen *f, const struct err *err)
{
	f->busy = false;
	if (err != NULL || f->doomed) {
		give_up(f, err != NULL ? err_message(err) : "", err != NULL ? err->code : 0);
		return false;
	}
	return true;
}

static void
handle_frozen(void *data, const struct err *err)
{
	struct frozen *f = data;

	crash_point("freeze:after-storage");
	if (!step_is_over(f, err))
		return;
	f->phase = FROZEN_READY;
	log_qube_message(LOG_LEVEL_INFO, f->name, "a disposable is booted and frozen, in %llu ms",
		(unsigned long long)(loop_now_ms() - f->begun_ms));
	frozen_check_soon(f->l);
}

/* Nobody can change it from here on, least of all a copy that was taken over. */
static int
seal(int fd, struct err *err)
{
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
		return err_set_errno(err, errno, "cannot seal the memory");
	return 0;
}

static void
handle_machine_end(struct frozen *f)
{
	AUTO_ERR struct err err = ERR_INIT;
	bool is_saved = f->phase == FROZEN_ENDING;

	f->busy = false;
	forget_machine(f);
	if (f->doomed || !is_saved) {
		fail(f, "its machine ended");
		return;
	}
	if (seal(f->memory_fd, &err) < 0 || seal(f->device_fd, &err) < 0) {
		give_up(f, err_message(&err), err.code);
		return;
	}
	crash_point("freeze:after-machine");
	f->phase = FROZEN_FREEZING;
	f->busy = true;
	storage_freeze(f->l->config.storage, f->owner, handle_frozen, f);
}

static void
handle_machine_event(struct machine *m, const struct machine_event *event, void *data)
{
	struct frozen *f = data;

	(void)m;
	if (event->kind == MACHINE_EVENT_STOPPED)
		handle_machine_end(f);
	else if (event->kind == MACHINE_EVENT_PAUSED && f->phase == FROZEN_BOOTING &&
		 event->detail[0] != '\0')
		give_up(f, event->detail, ENOSPC); /* by itself: no room for what it writes */
}

static void
handle_saved(void *data, const struct err *err)
{
	struct frozen *f = data;

	crash_point("freeze:after-save");
	if (!step_is_over(f, err))
		return;
	f->phase = FROZEN_ENDING;
	f->busy = true;
	if (machine_kill(f->machine) < 0)
		handle_machine_end(f);
}

static void
save(struct frozen *f)
{
	int device_fd = fcntl(f->device_fd, F_DUPFD_CLOEXEC, 0);

	if (device_fd < 0) {
		fail(f, "no descriptor for its state");
		return;
	}
	f->phase = FROZEN_SAVING;
	f->busy = true;
	machine_save(f->machine, device_fd, handle_saved, f);
}

static void
handle_timer(struct loop_timer *timer, void *data)
{
	struct frozen *f = data;

	if (f->phase == FROZEN_MACHINE && f->machine != NULL) {
		/* Quicker than the answer to its going on. */
		loop_timer_start(timer, SETTLE_MS);
	} else if (f->phase == FROZEN_BOOTING && f->said_length == strlen(FROZEN_READY_TEXT)) {
		save(f);
	} else if (f->phase == FROZEN_BOOTING) {
		f->is_hopeless = true;
		fail(f, "it did not say that it is ready (an older template?)");
	}
}

/* Six bytes of a qube: these and no others. */
static void
handle_identity(struct loop_fd *source, uint32_t events, void *data)
{
	struct frozen *f = data;
	ssize_t count = read(
		f->identity_fd, f->said + f->said_length, sizeof(f->said) - 1 - f->said_length);

	(void)events;
	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (count > 0)
		f->said_length += (size_t)count;
	if (count > 0 && f->said_length < strlen(FROZEN_READY_TEXT))
		return;
	loop_fd_destroy(source);
	f->identity = NULL;
	if (count <= 0 || memcmp(f->said, FROZEN_READY_TEXT, strlen(FROZEN_READY_TEXT)) != 0) {
		f->said_length = 0;
		f->is_hopeless = true;
		fail(f, "it says something else than that it is ready");
		return;
	}
	loop_timer_start(f->timer, SETTLE_MS);
}

static void
handle_resumed(void *data, const struct err *err)
{
	struct frozen *f = data;

	if (step_is_over(f, err))
		f->phase = FROZEN_BOOTING;
}

static void
handle_machine_started(void *data, const struct err *err)
{
	AUTO_ERR struct err failure = ERR_INIT;
	struct frozen *f = data;

	if (err != NULL) {
		machine_destroy(f->machine);
		f->machine = NULL;
	}
	if (!step_is_over(f, err))
		return;
	f->identity_fd = identity_connect(f->run_directory, &failure);
	if (f->identity_fd >= 0)
		f->identity = loop_fd_create(
			f->l->config.loop, f->identity_fd, EPOLLIN, handle_identity, f);
	if (f->identity == NULL) {
		fail(f, "no port for its identity");
		return;
	}
	f->busy = true;
	machine_resume(f->machine, handle_resumed, f);
}

/* Whatever the process that gets it writes to it, it does not grow. */
static int
fix_size(int fd, off_t size)
{
	if (ftruncate(fd, size) < 0)
		return -1;
	return fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK);
}

static int
make_files(struct frozen *f, struct err *err)
{
	off_t size = (off_t)f->plan.machine.memory_mib << 20;

	f->memory_fd = memfd_create("bulkhead-frozen-memory", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	f->device_fd = memfd_create("bulkhead-frozen-devices", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (f->memory_fd < 0 || f->device_fd < 0 || fix_size(f->memory_fd, size) < 0 ||
		fix_size(f->device_fd, DEVICE_BYTES_MAX) < 0)
		return err_set_errno(err, errno, "no memory for it");
	return 0;
}

static int
start_machine(struct frozen *f, struct disk_images *disks, struct err *err)
{
	struct machine_config *config = &f->plan.machine;

	if (frozen_plan(f->l, f->name, &f->plan, disks, err) < 0 || make_files(f, err) < 0 ||
		remove_tree(f->run_directory, err) < 0 ||
		make_directories(f->run_directory, 0711, err) < 0)
		return -1;
	f->plan.memory = (struct machine_memory){f->memory_fd, -1, false};
	config->memory = &f->plan.memory;
	config->name = f->name;
	config->run_directory = f->run_directory;
	f->machine = hypervisor_start(f->l->config.hypervisor, config, handle_machine_event,
		handle_machine_started, f, err);
	config->disks = NULL;
	return f->machine == NULL ? -1 : 0;
}

static void
handle_storage_started(void *data, struct disk_images *disks, const struct err *err)
{
	AUTO_ERR struct err failure = ERR_INIT;
	struct frozen *f = data;

	crash_point("freeze:after-start");
	if (step_is_over(f, err)) {
		f->phase = FROZEN_MACHINE;
		f->busy = true;
		if (start_machine(f, disks, &failure) < 0) {
			f->busy = false;
			give_up(f, err_message(&failure), failure.code);
		}
	}
	disk_images_destroy(disks);
}

void
frozen_make(struct lifecycle *l, const struct qube *template, char *key)
{
	struct frozen *f = xcalloc(1, sizeof(*f));

	f->l = l;
	f->name = text_copy(template->name);
	f->owner = text_format(STORAGE_FROZEN_OWNER, template->name);
	f->run_directory = root_path(FROZEN_RUN_DIRECTORY "/%s", template->name);
	f->key = key;
	f->memory_fd = f->device_fd = f->identity_fd = -1;
	f->begun_ms = loop_now_ms();
	f->timer = loop_timer_create(l->config.loop, handle_timer, f);
	list_append(&l->frozen, &f->link);
	if (f->timer == NULL) {
		f->phase = FROZEN_FAILED;
		return;
	}
	loop_timer_start(f->timer,
		(uint64_t)qube_number(template, PROPERTY_QREXEC_TIMEOUT) * PATIENCE_FACTOR);
	f->phase = FROZEN_STORAGE;
	f->busy = true;
	storage_start(l->config.storage, f->owner, handle_storage_started, f);
}
